"""Boxes of an export: in the form of all datasets, and in their images."""

import json
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import synthgen
from synthgen.dataset.summary import read_summary, write_summary
from synthgen.errors import UsageError
from tests.exporting.sets import painted, picture, rows_of


def test_boxes_come_in_the_form_of_all_datasets(tmp_path: Path) -> None:
    source = painted(tmp_path / "pets", "png")
    images = [{"id": 7, "file_name": "train/cat/0.png", "width": 8, "height": 6}]
    boxes = [{"id": 1, "image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0}]
    listing = {"images": images, "annotations": boxes, "categories": [{"id": 3, "name": "cat"}]}
    (source / "annotations.json").write_text(json.dumps(listing))
    synthgen.export(source, "parquet", tmp_path / "out")
    assert [row["boxes"] for row in rows_of(tmp_path / "out")] == [[[1, 2, 4, 6]]]


@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
def test_boxes_fit_the_pixels_of_a_turned_picture_whoever_reads_it(tmp_path: Path, ending: str) -> None:
    from torchvision.datasets import CocoDetection

    source = tmp_path / "photos"
    source.mkdir()
    seen = np.zeros((30, 40, 3), np.uint8)
    seen[4:20, 8:16] = 255  # what a viewer shows: an object at x 8 to 16, y 4 to 20
    exif = Image.Exif()
    for number, (orientation, turns) in enumerate({1: 0, 6: 1, 8: 3, 3: 2}.items()):
        exif[0x0112] = orientation
        Image.fromarray(np.rot90(seen, turns)).save(source / f"{number}.{ending}", quality=95, exif=exif)
    found = {
        "images": [{"id": n, "file_name": f"{n}.{ending}", "width": 40, "height": 30} for n in range(4)],
        "annotations": [{"id": n, "image_id": n, "category_id": 1, "bbox": [8, 4, 8, 16]} for n in range(4)],
        "categories": [{"id": 1, "name": "dog"}],
    }
    (source / "annotations.json").write_text(json.dumps(found))

    made = synthgen.export(source, "coco", tmp_path / "coco")
    assert made.summary.encoded == 3
    assert made.notes[-1].startswith("3 pictures were turned upright")
    root = tmp_path / "coco/train"
    written = {file.read_bytes() for file in root.glob(f"*.{ending}")}
    kept = [number for number in range(4) if (source / f"{number}.{ending}").read_bytes() in written]
    assert kept == [0], "what needs no turn stays as it is"
    read = CocoDetection(str(root), str(root / "_annotations.coco.json"))
    sizes = [(image["width"], image["height"]) for image in read.coco.loadImgs(read.ids)]
    for (image, (one,)), size in zip(read, sizes, strict=True):
        assert image.size == size == (40, 30)
        left, top, width, height = map(int, one["bbox"])
        pixels = np.asarray(image.convert("L")) > 127
        assert pixels[top : top + height, left : left + width].all()
        assert pixels.sum() == width * height

    synthgen.export(source, "yolo", tmp_path / "yolo")
    for file in (tmp_path / "yolo/images/train").glob(f"*.{ending}"):
        assert picture(file.read_bytes()).size == (40, 30)
    assert synthgen.export(source, "parquet", tmp_path / "parquet").summary.encoded == 0


@pytest.mark.parametrize("size", [(64, 96), (960, 640), (96, 64)], ids=["turned", "scaled", "as stored"])
def test_boxes_of_a_coco_set_that_are_in_an_image_of_another_size_are_refused(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6 if size == (96, 64) else 1
    (tmp_path / "coco").mkdir()
    Image.new("RGB", (96, 64)).save(tmp_path / "coco/0.jpg", exif=exif)
    found = {
        "images": [{"id": 0, "file_name": "0.jpg", "width": size[0], "height": size[1]}],
        "annotations": [{"id": 1, "image_id": 0, "category_id": 1, "bbox": [4, 5, 30, 40]}],
        "categories": [{"id": 1, "name": "dog"}],
    }
    (tmp_path / "coco/annotations.json").write_text(json.dumps(found))
    with pytest.raises(UsageError, match=f"0.jpg: its boxes are in an image of {size[0]} x {size[1]} pixels"):
        synthgen.export(tmp_path / "coco", "coco", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    found["annotations"][0].pop("bbox")
    (tmp_path / "coco/annotations.json").write_text(json.dumps(found))
    synthgen.export(tmp_path / "coco", "coco", tmp_path / "out")


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ([5, 5, 2, 3], "has no area"),
        ([2, 2, 2, 4], "has no area"),
        ([1, 1, 99, 4], "reaches over"),
        ([50, 1, 60, 4], "outside"),
    ],
)
def test_no_export_has_a_box_that_does_not_fit_into_its_image(tmp_path: Path, box: list[float], said: str) -> None:
    source = painted(tmp_path / "pets", "png")
    lines = [{"file_name": "train/cat/0.png", "label": "cat", "boxes": [[6, 4, 8, 6]]}]
    listing = tmp_path / "set"
    listing.mkdir()
    shutil.copytree(source / "train", listing / "train")
    (listing / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    synthgen.export(listing, "parquet", tmp_path / "dataset")
    damaged(tmp_path / "dataset", box)
    for form in ("coco", "yolo", "parquet", "imagefolder", "webdataset"):
        with pytest.raises(UsageError, match=f"the image .*0.png: the box .* {said}"):
            synthgen.export(tmp_path / "dataset", form, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def damaged(dataset: Path, box: list[float]) -> None:
    """Give the images of a dataset a box that no version of synthgen should write, with its right digest."""
    summary = read_summary(dataset)
    assert summary is not None
    splits, digests = [], dict(summary.digests)
    for split in summary.splits:
        for name in split.files:
            table = pq.read_table(dataset / name)
            boxes = pa.array([[box]] * len(table), table["boxes"].type)
            pq.write_table(table.set_column(table.column_names.index("boxes"), "boxes", boxes), dataset / name)
            digests[name] = sha256((dataset / name).read_bytes()).hexdigest()
        splits.append(replace(split, files={name: (dataset / name).stat().st_size for name in split.files}))
    write_summary(replace(summary, splits=tuple(splits), digests=digests), dataset)


def test_a_run_without_boxes_is_said_to_have_none(finished: Path, tmp_path: Path) -> None:
    assert "no `bbox`" in synthgen.export(finished, "coco", tmp_path / "coco").notes[0]
