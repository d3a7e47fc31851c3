"""Sets in memory: they are never code, and open no file that the user did not name."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import PIL.Image
import pytest
from datasets import Dataset, DatasetDict, Image

from synthgen.errors import UsageError
from synthgen.images import LeftOut
from synthgen.sets import decode, open_set, read_frame
from tests.auditing.portraits import as_dataset, as_folder, table


def pictures() -> list[PIL.Image.Image]:
    found = [decode(row["image"]) for row in table()]  # type: ignore[arg-type]
    return [picture for picture in found if picture is not None]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "CMYK", "F", "I;16"])
def test_pictures_of_pil_are_read_whatever_their_mode(mode: str) -> None:
    picture = PIL.Image.new(mode, (5, 7)) if mode in ("F", "I;16") else pictures()[0].convert(mode)
    found = open_set(pd.DataFrame({"image": [picture], "label": ["chef"]}))
    (data,) = found.some([0])
    read = decode(data)
    assert read is not None
    assert (read.mode, read.size) == ("RGB", picture.size)
    if mode == "RGB":
        assert np.array_equal(np.asarray(read), np.asarray(picture))


def test_a_picture_that_lies_on_its_side_is_turned_once() -> None:
    picture = PIL.Image.new("RGB", (4, 8))
    picture.getexif()[0x0112] = 6
    (data,) = open_set(pd.DataFrame({"image": [picture], "label": ["a"]})).some([0])
    read = decode(data)
    assert read is not None
    assert read.size == (8, 4)


def test_a_missing_picture_is_left_out() -> None:
    found = open_set(pd.DataFrame({"image": [pictures()[0], None, b""], "label": ["a", "a", "b"]}))
    first, second, third = found.some([0, 1, 2])
    assert isinstance(first, bytes)
    assert isinstance(second, LeftOut)
    assert isinstance(third, LeftOut)


def test_a_table_without_images_has_its_columns() -> None:
    found = open_set(pd.DataFrame({"label": ["a", "b"], "skin": ["light", None], 3: [1, 2]}))
    assert (found.has_images, found.columns) == (False, ("label", "skin", "3"))
    assert read_frame(found, known={"tone": "skin"})["tone"].tolist() == ["light", None]


def test_the_table_of_the_user_is_not_changed(tmp_path: Path) -> None:
    frame = pd.DataFrame({"path": [Path("a.png"), Path("b.png")], "label": ["a", "b"]}, index=[5, 9])
    before = frame.copy()
    list(open_set(frame, images_from=tmp_path).images())
    pd.testing.assert_frame_equal(frame, before)


def frame_of(paths: list[str]) -> Any:
    return pd.DataFrame({"path": paths, "label": "a"})


def dataset_of(paths: list[str]) -> Any:
    rows = [{"bytes": None, "path": path} for path in paths]
    return Dataset.from_dict({"image": rows, "label": ["a"] * len(paths)}).cast_column("image", Image())


def splits_of(paths: list[str]) -> Any:
    return DatasetDict({"train": dataset_of(paths)})


def stream_of(paths: list[str]) -> Any:
    return dataset_of(paths).to_iterable_dataset()


@pytest.mark.parametrize("make", [frame_of, dataset_of, splits_of, stream_of])
def test_paths_are_followed_only_into_the_folder_that_the_user_names(make: Any, tmp_path: Path) -> None:
    as_folder(tmp_path / "set", table())
    (tmp_path / "private.png").write_bytes(table()[0]["image"])  # type: ignore[arg-type]
    own = str(tmp_path / "set" / str(table()[0]["id"]))
    given = make([own, str(tmp_path / "private.png"), "../private.png", "https://example.org/a.png"])

    (batch,) = open_set(given).images()
    assert all(isinstance(found, LeftOut) for found in batch)
    assert "that a set in memory names by path" in batch[0].reason  # type: ignore[union-attr]
    assert "`images_from`" in str(batch[0].hint)  # type: ignore[union-attr]

    (batch,) = open_set(given, images_from=tmp_path / "set").images()
    assert batch[0] == table()[0]["image"]
    assert all("leads outside" in found.reason for found in batch[1:3])  # type: ignore[union-attr]
    assert isinstance(batch[3], LeftOut)


def test_a_split_of_a_dataset_is_read_alone() -> None:
    splits = DatasetDict({"train": as_dataset(table()[:6]), "test": as_dataset(table()[6:])})
    assert read_frame(open_set(splits, "test"))["id"].tolist() == [row["id"] for row in table()[6:]]
    with pytest.raises(UsageError, match=r"^split: the dataset has no split 'dev'"):
        open_set(splits, "dev")
    with pytest.raises(UsageError, match=r"^split: a DataFrame has no splits"):
        open_set(frame_of([]), "train")


def test_a_stream_that_does_not_declare_its_types_is_read() -> None:
    rows = [{"image": row["image"], "label": row["label"], "skin": row["skin"]} for row in table()]

    stream = Dataset.from_list(rows).to_iterable_dataset().map(lambda row: row)
    assert stream.features is None
    found = open_set(stream)
    assert [data for batch in found.images() for data in batch] == [row["image"] for row in rows]
    assert read_frame(found, known={"tone": "skin"})["tone"].tolist() == [row["skin"] for row in rows]


@pytest.mark.parametrize("odd", [3, [{"label": "a"}], {"label": ["a"]}], ids=["number", "list", "mapping"])
def test_anything_else_is_refused(odd: Any) -> None:
    with pytest.raises(UsageError, match=f"^{type(odd).__name__}: not a set of images") as caught:
        open_set(odd)
    assert "a DataFrame, or a dataset" in str(caught.value.hint)


def test_two_columns_of_one_name_are_refused() -> None:
    frame = pd.DataFrame([["a", "b"]], columns=["label", "label"])
    with pytest.raises(UsageError, match="two columns 'label'"):
        open_set(frame)
