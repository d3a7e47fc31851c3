"""Every kind of set gives the same table and the same images."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import PIL.Image
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, Value

from synthgen.errors import StorageError, SynthgenError, UsageError
from synthgen.sets import ImageSet, decode, open_set, read_frame
from synthgen.sets.frame import words
from synthgen.sets.hub import HubSet
from tests.auditing.portraits import CLASSES, KINDS, as_dataset, as_folder, as_parquet, as_parquet_folder, table

LABELS = [row["label"] for row in table()]
IN_MEMORY: dict[str, Callable[[], Any]] = {
    "Dataset": lambda: as_dataset(table()),
    "DatasetDict": lambda: DatasetDict({"train": as_dataset(table()[:6]), "test": as_dataset(table()[6:])}),
    "DataFrame": lambda: pd.DataFrame(table(), index=range(7, 7 + len(table()))),
    "DataFrame of mappings": lambda: as_dataset(table()).with_format("arrow")[:].to_pandas().assign(label=LABELS),
}
OTHERS = ["streamed", *IN_MEMORY, "DataFrame of paths"]
WITH_COLUMNS = [kind for kind in KINDS if kind != "folder"]


@pytest.fixture(params=[*KINDS, *OTHERS])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def opened(kind: str, folder: Path) -> ImageSet:
    if kind == "streamed":
        half = len(table()) // 2
        parts = {"train": as_dataset(table()[:half]), "test": as_dataset(table()[half:])}
        return HubSet("streamed", "a stream", {name: part.to_iterable_dataset() for name, part in parts.items()})
    if kind in IN_MEMORY:
        return open_set(IN_MEMORY[kind]())
    if kind == "DataFrame of paths":
        return open_set(paths_of(as_folder(folder / "set", table())), images_from=folder / "set")
    return open_set(KINDS[kind](folder / "set", table()))


def paths_of(folder: Path) -> pd.DataFrame:
    """Relative and absolute paths, as texts and as `Path`s."""
    paths: list[str | Path] = [str(row["id"]) for row in table()]
    paths[1], paths[2] = folder / paths[1], Path(paths[2])
    frame = pd.DataFrame({"path": paths}, dtype="object")
    for name in ("id", "label", "skin"):
        frame[name] = [str(row[name]) for row in table()]
    return frame


def test_every_kind_has_the_same_labels_and_ids(kind: str, tmp_path: Path) -> None:
    frame = read_frame(opened(kind, tmp_path))
    assert frame["label"].tolist() == [row["label"] for row in table()]
    assert frame["id"].tolist() == [row["id"] for row in table()]


def test_every_kind_gives_the_same_bytes_in_batches(kind: str, tmp_path: Path) -> None:
    batches = list(opened(kind, tmp_path).images())
    assert [data for batch in batches for data in batch] == [row["image"] for row in table()]


def test_every_kind_gives_some_images_without_the_others(kind: str, tmp_path: Path) -> None:
    rows = [1, 6, 11]
    assert opened(kind, tmp_path).some(rows) == [table()[row]["image"] for row in rows]


@pytest.mark.parametrize("kind", [*WITH_COLUMNS, *OTHERS])
def test_a_known_column_is_read_as_texts(kind: str, tmp_path: Path) -> None:
    frame = read_frame(opened(kind, tmp_path), known={"skin_tone": "skin"})
    assert frame["skin_tone"].tolist() == [row["skin"] for row in table()]


def test_batches_stay_small(tmp_path: Path) -> None:
    found = open_set(str(as_parquet(tmp_path, table() * 20)))
    assert max(len(batch) for batch in found.images()) <= 64


@pytest.mark.parametrize("kind", ["saved splits", "parquet folder"])
def test_a_split_can_be_read_alone(kind: str, tmp_path: Path) -> None:
    place = KINDS[kind](tmp_path / "set", table())
    assert len(read_frame(open_set(str(place), "train"))) in (6, 12)
    with pytest.raises(UsageError, match="has no split 'tset'"):
        open_set(str(place), "tset")


def test_a_label_that_is_missing_stays_missing(tmp_path: Path) -> None:
    features = Features({"label": ClassLabel(names=list(CLASSES)), "x": Value("int64")})
    Dataset.from_dict({"label": [0, -1, 1], "x": [1, 2, 3]}, features=features).save_to_disk(str(tmp_path / "set"))
    assert read_frame(open_set(str(tmp_path / "set")))["label"].tolist() == ["chef", None, "doctor"]


def test_words_that_pandas_takes_for_nothing_are_words(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text("label,glasses\nNone,None\nNA,round\nnull,\n")
    frame = read_frame(open_set(str(tmp_path / "set.csv")), known={"glasses": "glasses"})
    assert frame["label"].tolist() == ["None", "NA", "null"]
    assert frame["glasses"].tolist() == ["None", "round", None]


def test_tabs_separate_a_tsv_and_prompts_that_are_lists_are_none(tmp_path: Path) -> None:
    (tmp_path / "set.tsv").write_text("label\tskin\na\tlight\n")
    assert read_frame(open_set(str(tmp_path / "set.tsv")), known={"tone": "skin"})["tone"].tolist() == ["light"]
    pd.DataFrame({"label": ["a"], "prompt": [["x", "y"]]}).to_parquet(tmp_path / "set.parquet")
    assert list(read_frame(open_set(str(tmp_path / "set.parquet")))) == ["id", "label"]


def test_numbers_are_classes_without_a_point(tmp_path: Path) -> None:
    pd.DataFrame({"label": [1.0, np.nan, 0.0], "flag": [True, False, True]}).to_parquet(tmp_path / "set.parquet")
    frame = read_frame(open_set(str(tmp_path / "set.parquet")), known={"flag": "flag"})
    assert frame["label"].tolist() == ["1", None, "0"]
    assert frame["flag"].tolist() == ["True", "False", "True"]


def test_the_label_is_the_column_that_is_typed_as_one_before_one_that_is_called_so(tmp_path: Path) -> None:
    features = Features({"label": Value("string"), "breed": ClassLabel(names=["cat", "dog"])})
    Dataset.from_dict({"label": ["x", "y"], "breed": [1, 0]}, features=features).save_to_disk(str(tmp_path / "set"))
    assert read_frame(open_set(str(tmp_path / "set")))["label"].tolist() == ["dog", "cat"]


def test_ids_that_come_twice_are_not_ids(tmp_path: Path) -> None:
    pd.DataFrame({"label": ["a", "b"], "id": ["x", "x"]}).to_parquet(tmp_path / "set.parquet")
    assert read_frame(open_set(str(tmp_path / "set.parquet")))["id"].tolist() == ["000000", "000001"]


@pytest.mark.parametrize("data", [None, b"", b"not a picture", table()[0]["image"][:200]])  # type: ignore[index]
def test_what_is_no_picture_is_none(data: bytes | None) -> None:
    assert decode(data) is None


def broken_parquet(folder: Path) -> str:
    (folder / "set.parquet").write_bytes(b"PAR1 and no more")
    return str(folder / "set.parquet")


def loose(folder: Path) -> str:
    as_folder(folder / "set", table())
    (folder / "set" / "stray.png").write_bytes(b"")
    return str(folder / "set")


def mixed(folder: Path) -> str:
    place = as_parquet_folder(folder / "set", table())
    pd.DataFrame({"other": [1]}).to_parquet(place / "data" / "zzz.parquet")
    return str(place)


def empty(folder: Path) -> str:
    (folder / "set").mkdir()
    return str(folder / "set")


def text(folder: Path) -> str:
    (folder / "notes.txt").write_text("a, b")
    return str(folder / "notes.txt")


def lists(folder: Path) -> str:
    pd.DataFrame({"label": [[1, 2], [3]]}).to_parquet(folder / "set.parquet")
    return str(folder / "set.parquet")


def unlabelled(folder: Path) -> str:
    pd.DataFrame({"x": [1], "y": [2]}).to_csv(folder / "set.csv", index=False)
    return str(folder / "set.csv")


def pathless(folder: Path) -> str:
    (folder / "set.csv").write_text("path,label\na.png,x\n,y\n")
    return str(folder / "set.csv")


def semicolons(folder: Path) -> str:
    (folder / "set.csv").write_text("path;label\na.png;x\n")
    return str(folder / "set.csv")


def wide(folder: Path) -> str:
    (folder / "set.csv").write_text("path,label\na.png,x\n", encoding="utf-16")
    return str(folder / "set.csv")


def binary(folder: Path) -> str:
    pd.DataFrame({"label": [b"\xff\xfe", b"x"]}).to_parquet(folder / "set.parquet")
    return str(folder / "set.parquet")


def nowhere(folder: Path) -> str:
    return str(folder / "nowhere" / "at" / "all.parquet")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (broken_parquet, StorageError, "cannot be read"),
        (loose, UsageError, "stray.png lies in no subfolder"),
        (mixed, UsageError, "zzz.parquet has other columns"),
        (empty, UsageError, "no image file is in it"),
        (text, UsageError, "notes.txt is not a set of images that can be read"),
        (lists, UsageError, "column 'label': expected one answer for each image, found lists or mappings"),
        (unlabelled, UsageError, "no column that looks like labels"),
        (pathless, UsageError, r"set.csv:3: no path"),
        (semicolons, UsageError, r"set.csv:1: its one column is 'path;label'"),
        (wide, UsageError, "set.csv cannot be read"),
        (binary, UsageError, "column 'label': expected texts"),
        (nowhere, UsageError, "there is no such file or folder"),
    ],
)
def test_a_set_that_cannot_be_read_is_refused_by_its_place(
    make: Callable[[Path], str], error: type[SynthgenError], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        read_frame(open_set(make(tmp_path)))


@pytest.mark.parametrize("odd", [["x"], {"a": "x"}], ids=["list", "mapping"])
def test_a_known_column_with_anything_but_single_answers_is_refused_and_as_ids_not_taken(
    odd: object, tmp_path: Path
) -> None:
    frame = pd.DataFrame({"label": ["a", "b"], "skin": [None, odd], "id": [odd, odd], "key": ["k", "l"]})
    frame.to_parquet(tmp_path / "set.parquet")
    found = open_set(str(tmp_path / "set.parquet"))
    with pytest.raises(UsageError, match="column 'skin': expected one answer for each image") as caught:
        read_frame(found, known={"tone": "skin"})
    assert caught.value.hint is not None
    assert "a text or a number in each row" in caught.value.hint
    assert read_frame(found)["id"].tolist() == ["k", "l"]


def test_rows_that_differ_in_kind_are_refused_wherever_the_list_stands() -> None:
    with pytest.raises(UsageError, match="found lists or mappings"):
        words(pd.Series(["x", None, ["y"]], name="skin"))


@pytest.mark.parametrize("address", ["s3://key:secret@bucket/runs/small", "https://example.org/set.parquet"])
def test_an_address_is_refused_with_what_to_do_and_is_not_repeated(address: str) -> None:
    with pytest.raises(UsageError, match=r"^(s3|https):/+\.\.\.: an audit reads sets on this machine") as caught:
        open_set(address)
    assert caught.value.hint is not None
    assert "Copy the set here" in caught.value.hint


def test_a_name_in_a_folder_that_is_here_is_not_looked_for_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outputs").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"outputs/smal: there is no such file or folder$"):
        open_set("outputs/smal")


def test_a_dataset_of_the_hub_without_a_network_is_refused_in_words(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SynthgenError, match="nobody/nothing"):
        open_set("nobody/nothing")
    assert "nobody/nothing: there is no such file or folder here; looking on the hub" in caplog.text


def test_saved_images_that_are_paths_are_read(tmp_path: Path) -> None:
    as_folder(tmp_path / "files", table())
    paths = [str(tmp_path / "files" / str(row["id"])) for row in table()]
    data = Dataset.from_dict({"image": paths, "label": [row["label"] for row in table()]})
    data.cast_column("image", Image()).save_to_disk(str(tmp_path / "set"))
    found = open_set(str(tmp_path / "set"))
    assert [data for batch in found.images() for data in batch] == [row["image"] for row in table()]


@pytest.mark.parametrize("mode", ["RGBA", "L", "P", "CMYK", "I;16", "1"])
def test_pictures_of_every_mode_become_rgb(mode: str) -> None:
    file = io.BytesIO()
    PIL.Image.new(mode, (5, 7)).save(file, "TIFF")
    picture = decode(file.getvalue())
    assert picture is not None
    assert (picture.mode, picture.size) == ("RGB", (5, 7))
