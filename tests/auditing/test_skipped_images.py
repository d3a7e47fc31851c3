"""Images of a set that cannot be used count as left out, whatever the form of the set."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import synthgen
from tests.command import call

IMAGES = 10


def pictures(folder: Path, many: int = IMAGES) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for number in range(many):
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(folder / f"{number}.png")
    return [f"{number}.png" for number in range(many)]


def with_strangers(folder: Path) -> None:
    """Files that are no images, and hidden ones, are not images of a set."""
    (folder / "notes.txt").write_text("a text")
    for number in range(5):
        (folder / f".{number}.png").write_bytes(b"hidden")


def coco(folder: Path, out: int) -> Path:
    """The last images have no annotation."""
    names = pictures(folder / "images")
    kinds = [{"image_id": number, "category_id": number % 2} for number in range(IMAGES - out)]
    return annotated(folder, names, kinds)


def coco_unlisted(folder: Path, out: int) -> Path:
    names = pictures(folder / "images")[: IMAGES - out]
    return annotated(folder, names, [{"image_id": number, "category_id": number % 2} for number in range(len(names))])


def annotated(folder: Path, names: list[str], annotations: list[dict[str, int]]) -> Path:
    with_strangers(folder / "images")
    whole = {
        "images": [{"id": number, "file_name": name} for number, name in enumerate(names)],
        "annotations": annotations,
        "categories": [{"id": 0, "name": "chef"}, {"id": 1, "name": "doctor"}],
    }
    (folder / "annotations.json").write_text(json.dumps(whole))
    return folder


def yolo(folder: Path, out: int, text: str | None = "") -> Path:
    """The last images have an empty text of boxes, or none."""
    (folder / "labels").mkdir(parents=True)
    for number, name in enumerate(pictures(folder / "images")):
        box = f"{number % 2} .5 .5 .1 .1" if number < IMAGES - out else text
        if box is not None:
            (folder / "labels" / name).with_suffix(".txt").write_text(box)
    with_strangers(folder / "images")
    return folder


def yolo_aside(folder: Path, out: int) -> Path:
    yolo(folder, 0)
    (folder / "more").mkdir()
    for number in range(out):
        (folder / f"images/{number}.png").rename(folder / f"more/{number}.png")
    return folder


def listed(folder: Path, out: int) -> Path:
    rows = [f"{name},{'chef' if number % 2 else 'doctor'}" for number, name in enumerate(pictures(folder))]
    (folder / "metadata.csv").write_text("\n".join(["file_name,label", *rows[: IMAGES - out]]))
    with_strangers(folder)
    return folder


def zipped(folder: Path, out: int) -> Path:
    paths = sorted(listed(folder, out).iterdir())
    made = folder.parent / "set.zip"
    with zipfile.ZipFile(made, "w") as archive:
        for path in paths:
            archive.write(path, path.name)
    return made


KINDS: dict[str, tuple[Callable[[Path, int], Path], str]] = {
    "coco": (coco, "without an annotation, and so without a class"),
    "coco, unlisted": (coco_unlisted, "that annotations.json does not list"),
    "yolo, empty": (yolo, "without a box, and so without a class"),
    "yolo, no text": (lambda folder, out: yolo(folder, out, None), "without a box, and so without a class"),
    "yolo, outside": (yolo_aside, "outside a folder 'images'"),
    "folder": (listed, "that no metadata file lists"),
    "zip": (zipped, "that no metadata file lists"),
}


@pytest.mark.parametrize(("make", "why"), KINDS.values(), ids=KINDS)
def test_images_without_a_class_or_a_row_are_left_out_and_too_many_of_them_fail(
    make: Callable[[Path, int], Path], why: str, tmp_path: Path
) -> None:
    few = synthgen.audit(make(tmp_path / "few" / "set", 1))
    assert (few.outcome, few.findings.images, few.report.provenance.left_out) == (None, IMAGES - 1, 1)
    assert sum(why in note and ": 1 (" in note for note in few.notes) == 1

    many = synthgen.audit(place := make(tmp_path / "many" / "set", 2))
    assert many.outcome == "fail"
    assert f"2 of {IMAGES} images were left out, those {why}" in many.findings.gates[0].reason
    assert synthgen.audit(place, allow_left_out=0.2).outcome is None


def test_an_audit_of_a_column_counts_images_without_a_row(tmp_path: Path) -> None:
    place = listed(tmp_path / "set", 2)
    asked = ("audit", place, "--known", "kind=label", "-o", "out")
    failed = call(*asked, folder=tmp_path)
    assert failed.returncode == 4
    assert "2 of 10 images were left out" in failed.stderr
    assert synthgen.audit(place, known={"kind": "label"}, allow_left_out=0.2).outcome is None


@pytest.mark.parametrize("make", [coco, yolo])
def test_a_set_of_boxes_without_any_is_one_without_classes(make: Callable[[Path, int], Path], tmp_path: Path) -> None:
    found = synthgen.audit(make(tmp_path / "set", IMAGES))
    assert (found.outcome, found.findings.images) == (None, IMAGES)
    assert any("names no classes" in note for note in found.notes)
