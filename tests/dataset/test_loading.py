"""`datasets.load_dataset` of every format's folder: pictures in their splits, and no label that nobody gave."""

from pathlib import Path
from typing import Any

import pytest
from datasets import Image, load_dataset

import synthgen
from synthgen.spec import OWN_FORMATS
from tests.dataset.written import BOXES, SPLITS, row, write

ROWS = [row(number, number % 2) for number in range(12)]
COUNTS = {"train": 6, "validation": 3, "test": 3}
BOXED = [{**one, "boxes": [[1.0, 1.0, 5.0, 5.0]], "box_scores": [0.5]} for one in ROWS]


def loaded(folder: Path) -> Any:
    return load_dataset(str(folder), cache_dir=str(folder.parent / f"cache of {folder.name}"))


@pytest.mark.parametrize("boxed", [False, True], ids=["without boxes", "with boxes"])
def test_a_plain_load_of_coco_gives_the_pictures_of_each_split_and_no_folders_as_labels(
    tmp_path: Path, boxed: bool
) -> None:
    folder = tmp_path / "coco"
    write(folder, ["coco"], BOXED if boxed else ROWS, ("chef", "doctor"), types=BOXES if boxed else None)
    found = loaded(folder)
    assert {split: len(rows) for split, rows in found.items()} == COUNTS
    assert all(rows.features == {"image": Image()} for rows in found.values())
    assert "without their labels" in (folder / "README.md").read_text("utf-8")

    one, two = tmp_path / "one", tmp_path / "two"
    assert synthgen.export(folder, "coco", one, image="jpeg").rebuilt
    assert synthgen.export(one, "parquet", two).rebuilt
    assert {split: len(rows) for split, rows in loaded(one).items()} == COUNTS
    assert loaded(two)["train"].features["label"].names == ["chef", "doctor"]


def test_a_plain_load_of_coco_takes_pictures_of_every_kind(tmp_path: Path) -> None:
    jpeg, webp = tmp_path / "jpeg", tmp_path / "mixed"
    write(tmp_path / "made", ["parquet"], ROWS, ("chef", "doctor"), {"train": 1.0})
    synthgen.export(tmp_path / "made", "imagefolder", jpeg, image="jpeg")
    first = min((jpeg / "train").rglob("*.jpg"))
    first.with_suffix(".jpg").write_bytes(ROWS[0]["image"]["bytes"])
    for mark in ("README.md", "synthgen.json", "croissant.json"):
        (jpeg / mark).unlink()
    synthgen.export(jpeg, "coco", webp)
    assert {file.suffix for file in (webp / "train").iterdir()} == {".jpg", ".png", ".json"}
    assert len(loaded(webp)["train"]) == len(ROWS)


def test_each_of_several_formats_is_loaded_from_its_own_folder(tmp_path: Path) -> None:
    folder = tmp_path / "dataset"
    write(folder, ("coco", *(name for name in OWN_FORMATS if name != "coco")), BOXED, ("chef", "doctor"), types=BOXES)
    for name in (".", *OWN_FORMATS):
        found = loaded(folder / name)
        assert {split: len(rows) for split, rows in found.items()} == COUNTS, name
        columns = {*found["train"].features}
        assert columns == {"image"} if name == "coco" else columns >= {"label"} or columns >= {"cls"}, name
    assert {*SPLITS} == {*COUNTS}
    assert not (folder / "hf/README.md").exists(), "`datasets` opens what it saved itself"
