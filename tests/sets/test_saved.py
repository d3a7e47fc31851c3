"""Saved datasets that another version wrote, or that are damaged: read, or refused by name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from datasets import ClassLabel, Dataset, DatasetDict

from synthgen.errors import StorageError, SynthgenError, UsageError
from synthgen.sets import open_set, read_frame


def data(labels: list[str], **more: Any) -> Dataset:
    return Dataset.from_dict({"label": labels, "skin": ["light"] * len(labels), **more})


def saved(folder: Path, **splits: Dataset) -> str:
    DatasetDict(splits).save_to_disk(str(folder))
    return str(folder)


def changed(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def test_a_column_that_one_split_lacks_is_no_problem_unless_it_is_asked_for(tmp_path: Path) -> None:
    place = saved(tmp_path / "set", train=data(["a", "b"], width=[1, 2]), test=data(["a"]))
    assert read_frame(open_set(place), known={"skin": "skin"})["label"].tolist() == ["a", "b", "a"]
    with pytest.raises(UsageError, match="no column 'width'"):
        read_frame(open_set(place), known={"width": "width"})
    assert read_frame(open_set(place, "train"), known={"width": "width"})["width"].tolist() == ["1", "2"]


def test_a_split_without_labels_is_refused_with_a_way_out(tmp_path: Path) -> None:
    place = saved(tmp_path / "set", train=data(["a"]), test=data(["a"]).remove_columns("label"))
    with pytest.raises(UsageError, match=r"split 'test'.* it has no 'label'") as caught:
        open_set(place)
    assert "`split`" in str(caught.value.hint)


@pytest.mark.parametrize("column", ["label", "skin"])
def test_a_type_of_a_newer_version_is_refused_by_its_name(column: str, tmp_path: Path) -> None:
    place = saved(tmp_path / "set", train=data(["a"]))
    new = {"_type": "TomorrowFeature"}
    changed(tmp_path / "set/train/dataset_info.json", lambda info: info["features"].update({column: new}))
    with pytest.raises(StorageError, match=f"'{column}' has the feature type 'TomorrowFeature'") as caught:
        read_frame(open_set(place), known={"skin": "skin"})
    assert "save it again with an older one, or as Parquet" in str(caught.value.hint)


@pytest.mark.parametrize("kind", [{"_type": "TomorrowFeature"}, [{"_type": "TomorrowFeature"}], {"a": {"_type": "T"}}])
@pytest.mark.parametrize("shuffled", [False, True])
def test_a_column_of_a_newer_type_is_no_problem_unless_it_is_asked_for(
    kind: object, shuffled: bool, tmp_path: Path
) -> None:
    one = data(["a", "b", "c"], mesh=["x", "y", "z"]).cast_column("label", ClassLabel(names=["b", "a", "c"]))
    two = data(["d"], mesh=["x"])
    place = saved(tmp_path / "set", train=one.select([2, 0]) if shuffled else one, test=two)
    changed(tmp_path / "set/train/dataset_info.json", lambda info: info["features"].update(mesh=kind))
    found = open_set(place)
    assert read_frame(found)["label"].tolist() == (["c", "a", "d"] if shuffled else ["a", "b", "c", "d"])
    assert [note for note in found.notes if "'mesh' has the unknown type" in note]
    with pytest.raises(StorageError, match="'mesh' has the feature type"):
        read_frame(found, known={"mesh": "mesh"})


def test_a_set_of_empty_splits_is_refused(tmp_path: Path) -> None:
    place = saved(tmp_path / "set", train=data(["a"]).select([]), test=data(["a"]).select([]))
    with pytest.raises(SynthgenError, match="no row"):
        open_set(place)


DAMAGES: dict[str, tuple[str, bytes | None]] = {
    "state is cut": ("train/state.json", b'{"_data'),
    "state is a list": ("train/state.json", b"[]"),
    "info is cut": ("train/dataset_info.json", b"{"),
    "splits are no list": ("dataset_dict.json", b'{"splits": {}}'),
    "splits are missing": ("dataset_dict.json", b"[]"),
    "rows are cut": ("train/data-00000-of-00001.arrow", b"ARROW1"),
    "rows are gone": ("train/data-00000-of-00001.arrow", None),
}


@pytest.mark.parametrize(("name", "content"), DAMAGES.values(), ids=DAMAGES)
def test_damage_is_refused_by_name(name: str, content: bytes | None, tmp_path: Path) -> None:
    place = saved(tmp_path / "set", train=data(["a", "b"]))
    if content is None:
        (tmp_path / "set" / name).unlink()
    else:
        (tmp_path / "set" / name).write_bytes(content)
    with pytest.raises(SynthgenError, match="set"):
        read_frame(open_set(place))
