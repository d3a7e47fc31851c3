"""Files and splits are joined by the names of their classes, whatever numbers each gives them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

import synthgen
from synthgen.errors import UsageError
from synthgen.sets import open_set, read_frame
from synthgen.sets.hub import HubSet

Part = tuple[Sequence[object], object]
"""Labels, and their type."""


def as_data(labels: Sequence[object], kind: object, skin: object = None) -> Dataset:
    features = Features({"label": kind, "skin": skin or Value("string")})
    values = ["light", "dark"] if skin is None else [0, 1]
    rows = {"label": list(labels), "skin": [values[row % 2] for row in range(len(labels))]}
    return Dataset.from_dict(rows, features=features)


def parquet_files(folder: Path, parts: Mapping[str, Dataset]) -> str:
    folder.mkdir()
    for name, part in parts.items():
        part.to_parquet(folder / f"{name}.parquet")
    return str(folder)


def saved_splits(folder: Path, parts: Mapping[str, Dataset]) -> str:
    DatasetDict(parts).save_to_disk(str(folder))
    return str(folder)


KINDS = {"parquet": parquet_files, "saved": saved_splits}
Make = Callable[[Path, Mapping[str, Dataset]], str]
of_every_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)

BOTH = ["chef", "doctor"]
JOINED: dict[str, tuple[Part, Part, list[str | None]]] = {
    "another order": (
        ([0, 1, 1], ClassLabel(names=BOTH)),
        ([0, 1, 1], ClassLabel(names=BOTH[::-1])),
        ["chef", "doctor", "doctor", "doctor", "chef", "chef"],
    ),
    "more names": (
        ([0, 1], ClassLabel(names=BOTH)),
        ([0, 2, 1], ClassLabel(names=["baker", *BOTH])),
        ["chef", "doctor", "baker", "doctor", "chef"],
    ),
    "texts first": ((["doctor"], Value("string")), ([1], ClassLabel(names=BOTH[::-1])), ["doctor", "chef"]),
    "texts last": (([1], ClassLabel(names=BOTH[::-1])), (["doctor"], Value("large_string")), ["chef", "doctor"]),
    "not labelled": (([0, -1], ClassLabel(names=BOTH)), ([0], ClassLabel(names=BOTH[::-1])), ["chef", None, "doctor"]),
    "nothing": (([0, 1], ClassLabel(names=BOTH)), ([None], Value("null")), ["chef", "doctor", None]),
    "numbers": (([0, 1], Value("int8")), ([None, 1.0], Value("float64")), ["0", "1", None, "1"]),
    "numbers beside nothing": (([3, 4], Value("int64")), ([None], Value("null")), ["3", "4", None]),
    "numbers and classes that are counted": (
        ([3], Value("int64")),
        ([1, -1], ClassLabel(num_classes=2)),
        ["3", "1", None],
    ),
}
REFUSED: dict[str, tuple[Part, Part, str]] = {
    "numbers without names": (([0], ClassLabel(names=BOTH)), ([0], Value("int64")), "names .* in .*, and numbers"),
    "names after numbers": (([0], Value("int64")), ([0], ClassLabel(names=BOTH)), "numbers in .*, and names"),
    "classes that are counted": (
        ([0], ClassLabel(names=BOTH)),
        ([0], ClassLabel(num_classes=2)),
        "names of classes in .*, and numbers",
    ),
    "numbers and texts": (([0], Value("int64")), (["0"], Value("string")), "numbers in .*, and texts"),
    "true and names": (([True], Value("bool")), ([0], ClassLabel(names=BOTH)), "true or false in .*, and names"),
}  # fmt: skip


@of_every_kind
@pytest.mark.parametrize(("first", "second", "labels"), JOINED.values(), ids=JOINED)
def test_labels_are_joined_by_name(
    first: Part, second: Part, labels: list[str | None], make: Make, tmp_path: Path
) -> None:
    place = make(tmp_path / "set", {"a": as_data(*first), "b": as_data(*second)})
    assert read_frame(open_set(place))["label"].tolist() == labels


@of_every_kind
@pytest.mark.parametrize(("first", "second", "message"), REFUSED.values(), ids=REFUSED)
def test_labels_that_cannot_be_joined_are_refused_with_both_places(
    first: Part, second: Part, message: str, make: Make, tmp_path: Path
) -> None:
    place = make(tmp_path / "set", {"a": as_data(*first), "b": as_data(*second)})
    with pytest.raises(UsageError, match=f"column 'label' holds {message} .*cannot be joined") as caught:
        read_frame(open_set(place))
    places = ("a.parquet", "b.parquet") if make is parquet_files else ("split 'a'", "split 'b'")
    assert all(place in caught.value.message for place in places)
    assert "`split`" in (caught.value.hint or "")


@of_every_kind
def test_known_columns_are_joined_by_name_too(make: Make, tmp_path: Path) -> None:
    skins = ClassLabel(names=["light", "dark"]), ClassLabel(names=["dark", "light"])
    parts = {name: as_data(["x", "y"], Value("string"), skin) for name, skin in zip("ab", skins, strict=True)}
    place = make(tmp_path / "set", parts)
    assert read_frame(open_set(place), known={"tone": "skin"})["tone"].tolist() == ["light", "dark", "dark", "light"]


def test_streamed_splits_are_joined_by_name() -> None:
    kinds = ClassLabel(names=BOTH), ClassLabel(names=BOTH[::-1])
    parts = {name: as_data([0, 1], kind).to_iterable_dataset() for name, kind in zip("ab", kinds, strict=True)}
    assert read_frame(HubSet("set", "a stream", parts))["label"].tolist() == ["chef", "doctor", "doctor", "chef"]


@of_every_kind
def test_an_audit_counts_classes_by_their_names(make: Make, tmp_path: Path) -> None:
    parts = {"a": as_data([0, 0, 0, 1], ClassLabel(names=BOTH)), "b": as_data([1, 1], ClassLabel(names=BOTH[::-1]))}
    found = synthgen.audit(make(tmp_path / "set", parts), known={"skin": "skin"}, cache=tmp_path / "cache")
    assert found.findings.classes == {"chef": 5, "doctor": 1}


@of_every_kind
def test_parts_with_other_columns_are_refused_with_the_column_and_a_way_out(make: Make, tmp_path: Path) -> None:
    train = as_data([0, 1], ClassLabel(names=BOTH))
    place = make(tmp_path / "set", {"test": train.remove_columns("label"), "train": train})
    with pytest.raises(UsageError, match=r"train.* has other columns than .*test.*: it also has 'label'") as caught:
        open_set(place)
    assert "`split`" in (caught.value.hint or "")
    assert read_frame(open_set(place, "train"))["label"].tolist() == BOTH


def test_columns_may_stand_in_another_order(tmp_path: Path) -> None:
    pd.DataFrame({"label": ["a"], "skin": ["x"]}).to_parquet(tmp_path / "1.parquet")
    pd.DataFrame({"skin": ["y"], "label": ["b"]}).to_parquet(tmp_path / "2.parquet")
    frame = read_frame(open_set(str(tmp_path)), known={"tone": "skin"})
    assert frame[["label", "tone"]].to_numpy().tolist() == [["a", "x"], ["b", "y"]]


def test_an_empty_split_is_no_matter(tmp_path: Path) -> None:
    parts = {"train": as_data([0, 1], ClassLabel(names=BOTH)), "test": as_data([], Value("int64"))}
    assert read_frame(open_set(saved_splits(tmp_path / "set", parts)))["label"].tolist() == BOTH


def test_the_order_of_names_is_read_whatever_else_a_file_holds(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = as_data([0, 1], ClassLabel(names=BOTH)).data.table
    odd = pa.array([[("x", 1)]] * 2, pa.map_(pa.string(), pa.int64()))
    pq.write_table(table.append_column("odd", odd), tmp_path / "set.parquet")
    assert read_frame(open_set(str(tmp_path / "set.parquet")))["label"].tolist() == BOTH
