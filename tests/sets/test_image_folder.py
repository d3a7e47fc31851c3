"""Image folders are read as `datasets` reads them, or refused by name."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, Features, Value, load_dataset

from synthgen.errors import UsageError
from synthgen.sets import aside_of, open_set, read_frame
from synthgen.sets.files import FileSet
from tests.auditing.portraits import table

PICTURE = table()[0]["image"]
ROWS = [
    {"file_name": "0.png", "label": "doctor", "prompt": "a doctor", "skin": "light"},
    {"file_name": "1.png", "label": "chef", "prompt": "a chef", "skin": "dark"},
    {"file_name": "more/2.png", "label": "doctor", "prompt": "a doctor", "skin": "dark"},
]


def with_images(folder: Path, names: Iterable[str]) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        assert isinstance(PICTURE, bytes)
        (folder / name).write_bytes(PICTURE)
    return folder


def as_csv(folder: Path, rows: list[dict[str, str]]) -> None:
    pd.DataFrame(rows).to_csv(folder / "metadata.csv", index=False)


def as_jsonl(folder: Path, rows: list[dict[str, str]]) -> None:
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n")


def as_parquet(folder: Path, rows: list[dict[str, str]]) -> None:
    names = ["doctor", "chef"]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    kinds = {name: Value("string") for name in columns} | {"label": ClassLabel(names=names)}
    columns["label"] = [names.index(label) for label in columns["label"]]  # type: ignore[misc]
    Dataset.from_dict(columns, features=Features(kinds)).to_parquet(folder / "metadata.parquet")


KINDS: Mapping[str, Callable[[Path, list[dict[str, str]]], None]] = {
    "csv": as_csv,
    "jsonl": as_jsonl,
    "parquet": as_parquet,
}
of_every_kind = pytest.mark.parametrize("write", KINDS.values(), ids=KINDS)


def opened(place: Path, split: str | None = None) -> FileSet:
    found = open_set(str(place), split)
    assert isinstance(found, FileSet)
    return found


@of_every_kind
@pytest.mark.parametrize("within", ["", "train", "data/train"])
def test_metadata_gives_labels_and_columns(
    write: Callable[[Path, list[dict[str, str]]], None], within: str, tmp_path: Path
) -> None:
    place = with_images(tmp_path / "set" / within, [row["file_name"] for row in ROWS])
    write(place, ROWS)
    found = opened(tmp_path / "set")
    frame = read_frame(found, known={"tone": "skin"})
    for column, name in (("label", "label"), ("prompt", "prompt"), ("tone", "skin")):
        assert frame[column].tolist() == [row[name] for row in ROWS]
    assert frame["id"].tolist() == [str(Path(within, row["file_name"])) for row in ROWS]
    assert [data for batch in found.images() for data in batch] == [PICTURE] * 3
    assert found.notes == ()


@of_every_kind
def test_masks_that_metadata_names_are_no_images_that_it_forgets(
    write: Callable[[Path, list[dict[str, str]]], None], tmp_path: Path
) -> None:
    rows = [row | {"mask_file_name": f"masks/{number}.png"} for number, row in enumerate(ROWS)]
    with_images(tmp_path, [name for row in rows for name in (row["file_name"], row["mask_file_name"])])
    write(tmp_path, rows)
    assert aside_of(opened(tmp_path)) == {}
    with_images(tmp_path, ["masks/forgotten.png"])
    assert [*aside_of(opened(tmp_path))] == ["masks/forgotten.png"]


@of_every_kind
def test_each_split_has_its_metadata(write: Callable[[Path, list[dict[str, str]]], None], tmp_path: Path) -> None:
    for name, rows in (("train", ROWS), ("test", ROWS[1:2])):
        write(with_images(tmp_path / name, [row["file_name"] for row in rows]), rows)
    frame = read_frame(opened(tmp_path))
    assert frame["id"].tolist() == ["test/1.png", "train/0.png", "train/1.png", "train/more/2.png"]
    assert frame["label"].tolist() == ["chef", "doctor", "chef", "doctor"]
    assert read_frame(opened(tmp_path, "test"))["label"].tolist() == ["chef"]


def test_metadata_above_the_splits_is_read_for_one(tmp_path: Path) -> None:
    with_images(tmp_path, ["train/0.png", "val/0.png"])
    as_csv(tmp_path, [{"file_name": "train/0.png", "label": "a"}, {"file_name": "val/0.png", "label": "b"}])
    assert read_frame(opened(tmp_path, "val")).to_dict("list") == {"id": ["val/0.png"], "label": ["b"]}


def test_what_metadata_lists_and_datasets_reads_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_jsonl(with_images(tmp_path / "set" / "train", ["0.png", "1.png", "more/2.png", "3.png", ".4.png"]), ROWS)
    theirs = load_dataset(str(tmp_path / "set"), split="train", cache_dir=str(tmp_path / "cache"))
    found = opened(tmp_path / "set")
    assert read_frame(found)["label"].tolist() == list(theirs["label"])
    assert any("no metadata file lists were skipped: 1 (train/3.png)" in note for note in found.notes)
    assert any("hidden names" in note for note in found.notes)


@pytest.mark.parametrize("name", ["../private.png", "/etc/hostname", "https://example.org/a.png"])
def test_metadata_does_not_lead_outside(name: str, tmp_path: Path) -> None:
    with_images(tmp_path, ["private.png", "set/0.png"])
    as_csv(tmp_path / "set", [{"file_name": name, "label": "a"}, {"file_name": "0.png", "label": "b"}])
    first, second = opened(tmp_path / "set").some([0, 1])
    assert not isinstance(first, bytes)
    assert second == PICTURE


BAD_METADATA = {
    "no file_name": ({"metadata.csv": "file,label\n0.png,a\n"}, "has no column 'file_name'"),
    "a row without a file": ({"metadata.csv": "file_name,label\n,a\n"}, "row 1 has no file_name"),
    "two kinds": (
        {"metadata.csv": "file_name,label\n0.png,a\n", "metadata.jsonl": '{"file_name": "0.png"}'},
        "are both metadata",
    ),
    "other columns": (
        {"metadata.csv": "file_name,label\n0.png,a\n", "more/metadata.csv": "file_name,skin\n1.png,a\n"},
        "has no 'label'",
    ),
    "one image in two files": (
        {"metadata.csv": "file_name,label\nmore/1.png,a\n", "more/metadata.csv": "file_name,label\n1.png,b\n"},
        "both list",
    ),
    "not JSON": ({"metadata.jsonl": '{"file_name": "0.png"}\n{'}, "metadata.jsonl:2 cannot be read"),
    "not an object": ({"metadata.jsonl": '["0.png"]'}, "metadata.jsonl:1: not a JSON object"),
    "a key twice": ({"metadata.jsonl": '{"file_name": "0.png", "label": 1, "label": 2}'}, "'label' is given twice"),
    "numbers and names": (
        {"metadata.jsonl": '{"file_name": "0.png", "label": 1}\n{"file_name": "1.png", "label": "a"}'},
        r"jsonl:2: 'label' holds a text, and at .*jsonl:1 a number",
    ),
    "nothing": ({"metadata.csv": "file_name,label\n"}, "it lists no image"),
}


@pytest.mark.parametrize(("files", "message"), BAD_METADATA.values(), ids=BAD_METADATA)
def test_bad_metadata_is_refused(files: Mapping[str, str], message: str, tmp_path: Path) -> None:
    with_images(tmp_path, ["0.png", "more/1.png"])
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=message):
        open_set(str(tmp_path))


def test_numbers_of_json_are_classes_without_a_point(tmp_path: Path) -> None:
    with_images(tmp_path, ["0.png", "1.png", "2.png"])
    rows = [{"file_name": "0.png", "label": 1}, {"file_name": "1.png", "label": 2.0}, {"file_name": "2.png"}]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert read_frame(opened(tmp_path))["label"].tolist() == ["1", "2", None]


HIDDEN = [".thumbs/0.png", "doctor/.ipynb_checkpoints/0-checkpoint.png", "chef/._0.png", "__MACOSX/chef/._0.png"]


@pytest.mark.parametrize("hidden", [[name] for name in HIDDEN] + [HIDDEN], ids=[*HIDDEN, "all"])
def test_hidden_names_are_skipped_and_counted(hidden: list[str], tmp_path: Path) -> None:
    with_images(tmp_path, ["chef/0.png", "doctor/0.png", *hidden])
    found = opened(tmp_path)
    assert read_frame(found)["label"].tolist() == ["chef", "doctor"]
    assert found.notes == (f"image files with hidden names, or in hidden folders, were skipped: {len(hidden)}",)


def test_a_set_in_a_hidden_folder_is_read(tmp_path: Path) -> None:
    place = with_images(tmp_path / ".cache" / "set", ["chef/0.png", "doctor/0.png"])
    assert read_frame(opened(place))["label"].tolist() == ["chef", "doctor"]


@pytest.mark.parametrize("splits", [("train", "val"), ("training", "test"), ("train2017", "val2017"), ("Train", "dev")])
def test_classes_lie_below_splits(splits: tuple[str, str], tmp_path: Path) -> None:
    with_images(tmp_path, [f"{split}/{kind}/0.png" for split in splits for kind in ("chef", "doctor", "train")])
    found = opened(tmp_path)
    assert read_frame(found)["label"].unique().tolist() == ["chef", "doctor", "train"]
    assert found.notes == ()
    assert len(read_frame(opened(tmp_path, splits[1]))) == 3


def test_a_class_is_the_own_folder_and_the_folders_above_are_told(tmp_path: Path) -> None:
    found = opened(with_images(tmp_path, ["in/chef/0.png", "in/doctor/0.png", "out/chef/0.png"]))
    assert read_frame(found)["label"].tolist() == ["chef", "doctor", "chef"]
    assert "the folders above are not used: in, out" in found.notes[0]


UNCLEAR = {
    "a split is not a class": (["train/0.png", "test/0.png"], "'test', which is the name of a split"),
    "a split beside classes": (["bus/0.png", "car/0.png", "train/0.png"], "'train', which is the name of a split"),
    "a split below classes": (["chef/train/0.png", "doctor/train/0.png"], "'train', which is the name of a split"),
    "an unlabelled split": (["train/a/0.png", "train/b/0.png", "test/0.png"], "'test', which is the name of a split"),
    "one lone folder": (["images/0.png", "images/1.png"], "all images lie in one folder, 'images'"),
    "one lone folder below": (["data/images/0.png"], "all images lie in one folder, 'images'"),
    "one lone class of a split": (["train/chef/0.png", "test/chef/1.png"], "all images lie in one folder, 'chef'"),
    "several depths": (["chef/0.png", "doctor/old/0.png"], "lies deeper than"),
    "a loose image": (["chef/0.png", "doctor/0.png", "0.png"], "lies in no subfolder"),
    "hidden ones alone": ([".thumbs/0.png"], "no image file is in it"),
}


@pytest.mark.parametrize(("names", "message"), UNCLEAR.values(), ids=UNCLEAR)
def test_a_folder_whose_classes_are_unclear_is_refused(names: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        open_set(str(with_images(tmp_path, names)))


def test_a_table_beside_a_lone_folder_is_named(tmp_path: Path) -> None:
    with_images(tmp_path, ["images/0.png"])
    (tmp_path / "labels.csv").write_text("path,label\nimages/0.png,a\n")
    with pytest.raises(UsageError) as caught:
        open_set(str(tmp_path))
    assert f"audit {tmp_path / 'labels.csv'}" in str(caught.value.hint)


def test_a_split_that_is_not_there_is_named(tmp_path: Path) -> None:
    with_images(tmp_path, ["train/a/0.png", "train/b/0.png"])
    with pytest.raises(UsageError, match="has no split 'val'") as caught:
        open_set(str(tmp_path), "val")
    assert caught.value.hint == "It has train."
