"""Folders of Parquet as other tools write them: each row is read as its tool reads it, or the folder is refused."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from synthgen.errors import StorageError, UsageError
from synthgen.sets import ImageSet, open_set, read_frame
from tests.auditing.portraits import table

PICTURE = table()[0]["image"]
NUMBERS = [f"{number:020d}" for number in range(12)]


def read(place: Path, known: Mapping[str, str] | None = None) -> dict[str, list[Any]]:
    return read_frame(open_set(str(place)), known=known).drop(columns="id").to_dict("list")  # type: ignore[return-value]


def put(file: Path, **columns: Sequence[object]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(dict(columns)), file)
    return file


@pytest.mark.parametrize("value", ["doctor", "a/b c=d", "na\u00efve", "01", "Gro\u00dfe %20", "null"])
def test_partitions_give_a_column(value: str, tmp_path: Path) -> None:
    frame = pa.table({"label": [value, "chef"], "skin": ["light", "dark"]})
    rules = ds.partitioning(pa.schema([("label", pa.string())]), flavor="hive")
    ds.write_dataset(frame, tmp_path / "set", format="parquet", partitioning=rules)
    found = read(tmp_path / "set", {"skin": "skin"})
    assert sorted(zip(found["label"], found["skin"], strict=True)) == sorted([(value, "light"), ("chef", "dark")])


def test_two_partitions_one_of_them_unlabelled(tmp_path: Path) -> None:
    put(tmp_path / "year=2020" / "label=__HIVE_DEFAULT_PARTITION__" / "a.parquet", skin=["light"])
    put(tmp_path / "year=2021" / "label=chef" / "a.parquet", skin=["dark", "dark"])
    found = read(tmp_path, {"year": "year", "skin": "skin"})
    assert found["label"] == [None, "chef", "chef"]
    assert found["year"] == ["2020", "2021", "2021"]


@pytest.mark.parametrize("inside", [["doctor"], ["chef"], [None]])
def test_a_column_in_the_file_and_its_folder(inside: list[object], tmp_path: Path) -> None:
    put(tmp_path / "label=doctor" / "a.parquet", label=inside, skin=["light"])
    if inside == ["chef"]:
        with pytest.raises(UsageError, match="'label' is 'doctor' by the name of its folder, and 'chef' in the file"):
            read(tmp_path)
    else:
        assert read(tmp_path)["label"] == ["doctor"]


def test_a_partition_that_only_some_files_have_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "label=doctor" / "a.parquet", skin=["light"])
    put(tmp_path / "b.parquet", skin=["light"])
    with pytest.raises(UsageError, match="'label'"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["_metadata.parquet", "._a.parquet", "_tmp/a.parquet", ".ipynb_checkpoints/a.parquet"])
def test_names_that_tools_skip_are_skipped(name: str, tmp_path: Path) -> None:
    put(tmp_path / "a.parquet", label=["chef"])
    put(tmp_path / name, label=["doctor"])
    assert read(tmp_path)["label"] == ["chef"]


def test_the_order_of_columns_and_a_column_of_nothing_do_not_matter(tmp_path: Path) -> None:
    put(tmp_path / "a.parquet", label=["chef"], skin=["light"])
    put(tmp_path / "b.parquet", skin=pa.nulls(1), label=["doctor"])
    put(tmp_path / "c.parquet", skin=["dark"], label=["doctor"])
    assert read(tmp_path, {"skin": "skin"}) == {
        "label": ["chef", "doctor", "doctor"],
        "skin": ["light", None, "dark"],
    }


def delta(folder: Path, commits: Sequence[Sequence[Mapping[str, object]]], first: int = 0) -> Path:
    put(folder / "old.parquet", label=["doctor"] * 3)
    put(folder / "new one.parquet", label=["chef"])
    (folder / "_delta_log").mkdir()
    for number, actions in enumerate(commits, first):
        text = "\n".join(map(json.dumps, actions))
        (folder / "_delta_log" / f"{NUMBERS[number]}.json").write_text(text)
    return folder


ADD_OLD: Mapping[str, object] = {"add": {"path": "old.parquet", "dataChange": True}}
ADD_NEW: Mapping[str, object] = {"add": {"path": "new%20one.parquet", "dataChange": True}}
REMOVE_OLD: Mapping[str, object] = {"remove": {"path": "old.parquet"}}
TABLE: Mapping[str, object] = {"metaData": {"id": "x", "configuration": {}}}


@pytest.mark.parametrize(
    ("commits", "labels"),
    [
        ([[TABLE, ADD_OLD, ADD_NEW]], ["chef", "doctor", "doctor", "doctor"]),
        ([[TABLE, ADD_OLD], [ADD_NEW, REMOVE_OLD]], ["chef"]),
        ([[TABLE, ADD_OLD], [REMOVE_OLD, ADD_NEW], [ADD_OLD]], ["chef", "doctor", "doctor", "doctor"]),
    ],
)
def test_a_delta_table_has_the_files_of_its_newest_version(
    commits: list[list[Mapping[str, object]]], labels: list[str], tmp_path: Path
) -> None:
    assert read(delta(tmp_path / "set", commits))["label"] == labels


def test_a_delta_table_begins_with_its_newest_checkpoint(tmp_path: Path) -> None:
    place = delta(tmp_path / "set", [[REMOVE_OLD]], first=11)
    actions = [ADD_OLD["add"], ADD_NEW["add"], None]
    settings = pa.array([None, None, {"configuration": [("a", "b")]}], metadata_type())
    checkpoint = pa.table({"add": actions, "metaData": settings})
    pq.write_table(checkpoint, place / "_delta_log" / f"{NUMBERS[10]}.checkpoint.parquet")
    put(place / "_delta_log" / f"{NUMBERS[2]}.checkpoint.parquet", add=[{"path": "nothing.parquet"}])
    assert read(place)["label"] == ["chef"]


def metadata_type() -> pa.DataType:
    return pa.struct([("configuration", pa.map_(pa.string(), pa.string()))])


def removed_rows(folder: Path) -> Path:
    action = {"add": {"path": "old.parquet", "deletionVector": {"storageType": "u"}}}
    return delta(folder, [[TABLE, action]])


def renamed(folder: Path) -> Path:
    settings = {"metaData": {"configuration": {"delta.columnMapping.mode": "name"}}}
    return delta(folder, [[settings, ADD_OLD]])


def cut_log(folder: Path) -> Path:
    return delta(folder, [[ADD_OLD]], first=3)


def empty_log(folder: Path) -> Path:
    return delta(folder, [[TABLE]])


def missing(folder: Path) -> Path:
    return delta(folder, [[{"add": {"path": "gone.parquet"}}]])


def elsewhere(folder: Path) -> Path:
    put(folder.parent / "other.parquet", label=["x"])
    return delta(folder, [[{"add": {"path": "../other.parquet"}}]])


def damaged(folder: Path) -> Path:
    place = delta(folder, [[ADD_OLD]])
    (place / "_delta_log" / f"{NUMBERS[0]}.json").write_text('{"add"')
    return place


def iceberg(folder: Path) -> Path:
    put(folder / "data" / "a.parquet", label=["x"])
    (folder / "metadata").mkdir()
    (folder / "metadata" / "v1.metadata.json").write_text("{}")
    return folder


def hudi(folder: Path) -> Path:
    put(folder / "a.parquet", label=["x"])
    (folder / ".hoodie").mkdir()
    return folder


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (removed_rows, "deletion vectors"),
        (renamed, "columns were renamed"),
        (cut_log, "the log is incomplete: version 0"),
        (empty_log, "names no file"),
        (missing, r"gone.parquet is not there"),
        (elsewhere, "leads outside"),
        (damaged, r"\.json cannot be read"),
        (iceberg, "an Iceberg table"),
        (hudi, "a Hudi table"),
    ],
)
def test_a_table_whose_files_do_not_tell_its_rows_is_refused(make: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises((UsageError, StorageError), match=message):
        open_set(str(make(tmp_path / "set")))


BYTES: Mapping[str, pa.Array] = {
    "binary": pa.array([PICTURE], pa.binary()),
    "large_binary": pa.array([PICTURE], pa.large_binary()),
    "binary_view": pa.array([PICTURE], pa.binary_view()),
    "struct": pa.array([{"bytes": PICTURE, "path": None}]),
    "struct of views": pa.array(
        [{"bytes": PICTURE, "path": None}], pa.struct([("bytes", pa.binary_view()), ("path", pa.string_view())])
    ),
    "path in a struct": pa.array(
        [{"bytes": None, "path": "pics/0.png"}],
        BYTES_AND_PATH := pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    ),
    "text": pa.array(["pics/0.png"]),
    "large text": pa.array(["pics/0.png"], pa.large_string()),
    "text view": pa.array(["pics/0.png"], pa.string_view()),
    "dictionary": pa.array(["pics/0.png"]).dictionary_encode(),
}


def images_of(found: ImageSet) -> list[object]:
    return [data for batch in found.images() for data in batch]


@pytest.mark.parametrize("column", BYTES.values(), ids=BYTES)
@pytest.mark.parametrize("labels", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_images_and_labels_of_every_arrow_type(column: pa.Array, labels: pa.DataType, tmp_path: Path) -> None:
    (tmp_path / "set" / "pics").mkdir(parents=True)
    assert isinstance(PICTURE, bytes)
    (tmp_path / "set" / "pics" / "0.png").write_bytes(PICTURE)
    file = put(tmp_path / "set" / "a.parquet", image=column, label=pa.array(["chef"], labels))
    for place in (file, file.parent):
        found = open_set(str(place))
        assert images_of(found) == found.some([0]) == [PICTURE]
        assert read_frame(found)["label"].tolist() == ["chef"]


@pytest.mark.parametrize("name", ["path", "file_name", "image_path", "img"])
def test_paths_in_a_column_of_another_name(name: str, tmp_path: Path) -> None:
    assert isinstance(PICTURE, bytes)
    (tmp_path / "0.png").write_bytes(PICTURE)
    found = open_set(str(put(tmp_path / "a.parquet", **{name: ["0.png"], "label": ["chef"]})))
    assert images_of(found) == [PICTURE]
    assert found.columns == (name, "label")


UNASKED: Mapping[str, pa.Array] = {
    "map": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
    "uuid": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16] * 2, pa.binary(16))),
    "json": pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{}", "[]"])),
    "lists": pa.array([[[1, 2]], []], pa.list_(pa.list_(pa.int8()))),
    "fixed lists": pa.array([[1, 2], None], pa.list_(pa.int8(), 2)),
    "decimal": pa.array([1, 2], pa.decimal128(38, 2)),
    "time": pa.array([1, 2], pa.time64("ns")),
    "duration": pa.array([1, 2], pa.duration("us")),
    "half": pa.array([1, 2], pa.float16()),
    "struct": pa.array([{"a": {"b": [1]}}, None]),
    "tensor": pa.ExtensionArray.from_storage(
        pa.fixed_shape_tensor(pa.int32(), [2]), pa.array([[1, 2], [3, 4]], pa.list_(pa.int32(), 2))
    ),
}


@pytest.mark.parametrize("column", UNASKED.values(), ids=UNASKED)
def test_a_column_that_nobody_asks_for_may_be_anything(column: pa.Array, tmp_path: Path) -> None:
    file = put(tmp_path / "a.parquet", odd=column, label=["chef", "doctor"], skin=["light", "dark"])
    assert read(file, {"skin": "skin"}) == {"label": ["chef", "doctor"], "skin": ["light", "dark"]}


def test_metadata_that_is_a_table_of_its_own_is_read_as_one(tmp_path: Path) -> None:
    pd.DataFrame({"label": ["chef"], "skin": ["light"]}).to_parquet(tmp_path / "metadata.parquet")
    assert read(tmp_path)["label"] == ["chef"]


def test_a_column_name_given_twice_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table([["a"], ["b"]], names=["label", "label"]), tmp_path / "a.parquet")
    with pytest.raises(UsageError, match="two columns are called 'label'"):
        open_set(str(tmp_path))


def test_a_column_that_some_files_lack_is_no_problem_unless_it_is_asked_for(tmp_path: Path) -> None:
    put(tmp_path / "a.parquet", label=["chef"], skin=["light"])
    put(tmp_path / "b.parquet", label=["doctor"], skin=["dark"], width=[64], prompt=["a doctor"])
    assert read(tmp_path, {"skin": "skin"}) == {"label": ["chef", "doctor"], "skin": ["light", "dark"]}
    found = open_set(str(tmp_path))
    assert found.notes == ("columns that not all of its files have are not used: 'prompt', 'width'",)
    with pytest.raises(UsageError, match="no column 'width'") as caught:
        read_frame(found, known={"width": "width"})
    assert "not all of its files have" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["label", "image"])
def test_labels_and_images_that_some_files_lack_are_refused(name: str, tmp_path: Path) -> None:
    columns: Mapping[str, Sequence[object]] = {"label": ["chef"], "image": [PICTURE], "skin": ["light"]}
    put(tmp_path / "a.parquet", **columns)
    put(tmp_path / "b.parquet", **{key: value for key, value in columns.items() if key != name})
    with pytest.raises(UsageError, match=f"b.parquet has other columns than .*a.parquet: it has no '{name}'"):
        open_set(str(tmp_path))
