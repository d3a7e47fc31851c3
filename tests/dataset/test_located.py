"""Boxes and masks in every format, read by tools that others wrote."""

import io
import json
from collections.abc import Mapping
from pathlib import Path

import cv2
import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from globox import AnnotationSet
from numpy.typing import NDArray
from PIL import Image
from pycocotools.coco import COCO
from torchvision.datasets import CocoDetection, wrap_dataset_for_transforms_v2

import synthgen
from synthgen.dataset.formats.objects import FoundObject, outline
from synthgen.errors import UsageError
from synthgen.events import StepProgress
from synthgen.regions.boxes import PixelBox
from synthgen.sets import open_set, read_frame
from tests.dataset.hostile import NAMES
from tests.dataset.written import BOXES, MASKS, PICTURE, noise, png, row, write

CLASSES = ("doctor", "chef", NAMES[4])
SIZE = (60, 48)


def mask(box: list[float], *, split: bool = False) -> NDArray[np.uint8]:
    """A mask with a hole in it and, if it is `split`, of two parts."""
    left, top, right, bottom = map(int, box)
    pixels = np.zeros(SIZE[::-1], np.uint8)
    pixels[top:bottom, left:right] = 255
    pixels[top + 3 : top + 6, left + 3 : left + 6] = 0
    if split:
        pixels[top + 8 : top + 10] = 0
    return pixels


def boxes_of(number: int) -> list[list[float]]:
    """None, one or two, and never two that overlap."""
    return [[4.0, 6.0 + number % 5, 20.0, 30.0], [30.0, 2.0, 55.0, 21.0 + number % 5]][: number % 3]


ROWS = {
    one["id"]: one
    for one in (
        row(
            number,
            number % 2 + number % 2 * (number % 4 == 3),
            image={"bytes": noise(number, SIZE), "path": "x.png"},
            boxes=boxes_of(number),
            box_scores=[0.5] * (number % 3),
            masks=[
                {"bytes": png(mask(box, split=place == 1)), "path": "m"} for place, box in enumerate(boxes_of(number))
            ],
            mask_scores=[0.9] * (number % 3),
        )
        for number in range(24)
    )
}


OLD_ARRAYS = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
"""Of pycocotools, when it decodes run lengths."""


@pytest.fixture(scope="module")
def located(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("located")
    for name in ("webdataset", "imagefolder", "coco", "yolo"):
        write(place / name, [name], list(ROWS.values()), CLASSES, types=BOXES | MASKS)
    return {name: place / name for name in ("webdataset", "imagefolder", "coco", "yolo")}


@OLD_ARRAYS
def test_coco_has_boxes_and_masks(located: Mapping[str, Path]) -> None:
    seen = 0
    for split in ("train", "validation", "test"):
        opened = COCO(str(located["coco"] / split / "_annotations.coco.json"))
        for image in opened.loadImgs(opened.getImgIds()):
            wanted = ROWS[image["row"]["id"]]
            found = opened.loadAnns(opened.getAnnIds(image["id"]))
            assert [each["category_id"] - 1 for each in found] == [wanted["label"]] * len(wanted["boxes"])
            for each, (left, top, right, bottom), one in zip(found, wanted["boxes"], wanted["masks"], strict=True):
                pixels = np.asarray(Image.open(io.BytesIO(one["bytes"]))) > 0
                assert each["bbox"] == [left, top, right - left, bottom - top]
                assert (opened.annToMask(each).astype(bool) == pixels).all()
                assert each["area"] == pixels.sum()
                seen += 1
    assert seen == sum(len(one["boxes"]) for one in ROWS.values())
    root = located["coco"] / "train"
    wrapped = wrap_dataset_for_transforms_v2(
        CocoDetection(str(root), str(root / "_annotations.coco.json")), target_keys=("boxes", "labels", "masks")
    )
    _, target = next(one for one in wrapped if "masks" in one[1])
    assert target["masks"].shape[1:] == SIZE[::-1]
    assert len(target["boxes"]) == len(target["labels"]) == len(target["masks"])


def test_yolo_has_outlines_of_the_masks(located: Mapping[str, Path]) -> None:
    root = located["yolo"]
    settings = yaml.safe_load((root / "data.yaml").read_text("ascii"))
    assert settings == {
        "train": "images/train", "test": "images/test", "val": "images/validation", "names": dict(enumerate(CLASSES)),
    }  # fmt: skip
    for split in ("train", "validation", "test"):
        read = AnnotationSet.from_yolo_seg(root / "labels" / split, image_folder=root / "images" / split, relative=True)
        for annotation in read:
            wanted = ROWS[Path(annotation.image_id).stem]
            assert annotation.image_size == SIZE
            assert [int(box.label) for box in annotation.boxes] == [wanted["label"]] * len(wanted["boxes"])
            for box, corners in zip(annotation.boxes, wanted["boxes"], strict=True):
                assert np.allclose((box.xmin, box.ymin, box.xmax, box.ymax), corners, atol=0.01)


@pytest.mark.parametrize("split", [False, True])
def test_an_outline_is_filled_as_the_mask_is(split: bool) -> None:
    pixels = mask([5, 7, 40, 37], split=split) > 0
    pixels[20:30, 45:46] = True
    shape = np.zeros((SIZE[1] * 8, SIZE[0] * 8), np.uint8)
    corners = np.array(outline(FoundObject(PixelBox(0, 0, 1, 1), pixels)))
    cv2.fillPoly(shape, [np.round(corners * 8).astype(np.int32)], 1)
    middles = shape[4::8, 4::8].astype(bool)
    assert (middles == pixels).mean() > 0.995
    assert corners.min(axis=0).tolist() == [5, 7]
    assert corners.max(axis=0).tolist() == [46, 37]


@OLD_ARRAYS
def test_boxes_alone_are_lines_of_boxes_and_one_mask_is_that_of_one_box(tmp_path: Path) -> None:
    rows = [
        row(number, 0, image={"bytes": noise(number, SIZE), "path": "x"}, boxes=boxes_of(number)) for number in (1, 2)
    ]
    write(tmp_path / "boxes", ["yolo"], rows, ("a",), {"train": 1.0}, {"boxes": BOXES["boxes"]})
    read = AnnotationSet.from_yolo_v5(
        tmp_path / "boxes/labels/train", image_folder=tmp_path / "boxes/images/train", image_extension=".png"
    )
    assert {Path(one.image_id).stem: [[round(side, 3) for side in box.ltrb] for box in one.boxes] for one in read} == {
        one["id"]: one["boxes"] for one in rows
    }
    assert (tmp_path / "boxes/data.yaml").read_text("ascii").endswith("train: images/train\nnames:\n  0: a\n")

    both = [mask(box) for box in boxes_of(2)]
    shared = {"bytes": png(np.maximum(*both)), "path": "m"}
    rows = [rows[0] | {"boxes": [], "mask": shared}, rows[1] | {"boxes": boxes_of(2), "mask": shared}]
    for name in ("coco", "webdataset", "imagefolder"):
        types = {"boxes": BOXES["boxes"], "mask": PICTURE}
        write(tmp_path / name, [name], [*rows, row(3, 0, boxes=[], mask=None)], ("a",), {"train": 1.0}, types)
    opened = COCO(str(tmp_path / "coco/train/_annotations.coco.json"))
    of = {image["row"]["id"]: opened.loadAnns(opened.getAnnIds(image["id"])) for image in opened.imgs.values()}
    (around,), (first, second), nothing = (of[f"00000-00000{number}"] for number in (1, 2, 3))
    assert nothing == []
    assert around["bbox"] == [4, 2, 51, 28], "a mask without a box has the smallest around it"
    assert (opened.annToMask(first) == (both[0] > 0)).all()
    assert (opened.annToMask(second) == (both[1] > 0)).all()
    shards, folder = open_set(tmp_path / "webdataset"), datasets.load_dataset(str(tmp_path / "imagefolder"))
    rows_of = {one: place for place, one in enumerate(shards.table(["id"])["id"])}
    assert shards.pictures("mask", [rows_of["00000-000002"]]) == [shared["bytes"]]
    assert {one["id"][-1]: one["mask"] and one["mask"].size for one in folder["train"]} == {
        "1": SIZE,
        "2": SIZE,
        "3": None,
    }


def test_pictures_beside_the_image_come_back(located: Mapping[str, Path]) -> None:
    folder = datasets.load_dataset(str(located["imagefolder"]), split="train")
    assert folder.features["masks"] == datasets.List(datasets.Image())
    for one in folder:
        wanted = ROWS[one["id"]]
        assert one["boxes"] == wanted["boxes"]
        for found, stored in zip(one["masks"], wanted["masks"], strict=True):
            assert (np.asarray(found) == np.asarray(Image.open(io.BytesIO(stored["bytes"])))).all()
    shards = datasets.load_dataset(str(located["webdataset"]), split="train")
    assert [one["masks.1.png"] is not None for one in shards] == [len(cell["boxes"]) == 2 for cell in shards["json"]]


def test_an_audit_reads_boxes_and_the_classes_of_images_without(located: Mapping[str, Path]) -> None:
    for name in ("coco", "yolo"):
        found = open_set(located[name])
        frame, cells = read_frame(found), found.table(["id", "boxes"])
        assert len(frame) == len(ROWS)
        for label, image_id, boxes in zip(frame["label"], cells["id"], cells["boxes"], strict=True):
            assert label == CLASSES[ROWS[image_id]["label"]].strip()
            assert len(boxes) == len(ROWS[image_id]["boxes"])
    assert json.loads((located["yolo"] / "images/train/metadata.jsonl").read_text().splitlines()[0])["class"] in CLASSES


@pytest.mark.parametrize("form", ["webdataset", "imagefolder", "coco", "yolo"])
def test_masks_and_boxes_come_back_from_every_format(located: Mapping[str, Path], tmp_path: Path, form: str) -> None:
    made = synthgen.export(located[form], "parquet", tmp_path / "back")
    assert {*made.left_out} <= {"file_name"}
    back = datasets.load_dataset(str(tmp_path / "back"), cache_dir=str(tmp_path / "cache"))
    assert back["train"].features["masks"] == datasets.List(datasets.Image())
    seen = 0
    for one in (each for split in back.values() for each in split):
        wanted = ROWS[Path(one["id"]).name.partition(".")[0]]
        assert np.allclose(one["boxes"], wanted["boxes"], atol=1e-4)
        for found, stored in zip(one["masks"], wanted["masks"], strict=True):
            same = (np.asarray(found) > 0) == (np.asarray(Image.open(io.BytesIO(stored["bytes"]))) > 0)
            # Outlines go around holes on lines without a width, which not all tools draw alike.
            assert same.mean() > (0.98 if form == "yolo" else 0.9999)
            seen += 1
    assert seen == 24


def yolo_of(place: Path, lines: Mapping[str, str], settings: str = "") -> Path:
    """A set of one class; each image has the lines of its own name."""
    for folder in ("images/train", "labels/train"):
        (place / folder).mkdir(parents=True)
    (place / "data.yaml").write_text(f"names: [dog]\n{settings}")
    for number, (name, text) in enumerate(lines.items()):
        (place / f"images/train/{name}.png").write_bytes(noise(number, SIZE))
        (place / f"labels/train/{name}.txt").write_text(text)
    return place


def test_what_yolo_says_besides_boxes_comes_along_or_is_named(tmp_path: Path) -> None:
    outline, box = "0 0 0 0.5 0 0.5 0.5 0 0.5\n", "0 0.5 0.5 0.2 0.2\n"
    source = yolo_of(
        tmp_path / "outlines", {"both": outline + box, "outline": outline, "box": box, "sure": f"{box[:-1]} 0.9"}
    )
    made = synthgen.export(source, "parquet", tmp_path / "masked")
    assert made.left_out == {
        "some masks": "1 image has no mask for some object or no box for some mask, and so none at all"
    }
    rows = datasets.load_dataset(str(tmp_path / "masked"), split="train", cache_dir=str(tmp_path / "cache"))
    found = {Path(row["id"]).stem: [np.asarray(mask) > 0 for mask in row["masks"]] for row in rows}
    assert {name: len(masks) for name, masks in found.items()} == {"both": 0, "outline": 1, "box": 0, "sure": 0}
    assert found["outline"][0].sum() == 30 * 24
    assert found["outline"][0][:24, :30].all()

    pose = yolo_of(tmp_path / "pose", {"one": "0 0.5 0.5 0.2 0.2 0.1 0.1 2\n"}, "kpt_shape: [1, 3]\n")
    assert "keypoints" in synthgen.export(pose, "coco", tmp_path / "posed").left_out


def test_a_mask_that_does_not_fit_its_picture_or_box_is_named(tmp_path: Path) -> None:
    boxes, masks = boxes_of(2), [{"bytes": png(mask(box)), "path": "m"} for box in boxes_of(2)]
    rows = [row(1, 0, image={"bytes": noise(1, SIZE), "path": "x"}, boxes=boxes, masks=masks[:1])]
    types = {"boxes": BOXES["boxes"], "masks": MASKS["masks"]}
    with pytest.raises(UsageError, match="has 2 boxes and 1 masks"):
        write(tmp_path / "fewer", ["coco"], rows, ("a",), {"train": 1.0}, types)
    without = [rows[0] | {"boxes": [], "masks": masks}]
    write(tmp_path / "coco", ["coco"], without, ("a",), {"train": 1.0}, types)
    file = tmp_path / "coco/train/_annotations.coco.json"
    found = json.loads(file.read_text())
    assert [each["bbox"] for each in found["annotations"]] == [[4, 8, 16, 22], [30, 2, 25, 21]]
    found["annotations"][1]["segmentation"]["size"] = [SIZE[0], SIZE[1]]
    file.write_text(json.dumps(found))
    with pytest.raises(UsageError, match=r"masks of .*: a mask has the size \[60, 48\], and its picture \[48, 60\]"):
        synthgen.export(file.parent, "parquet", tmp_path / "out")


def test_all_masks_that_do_not_fit_in_a_dataset_are_told_at_once_and_before_anything_is_written(tmp_path: Path) -> None:
    boxes, fitting = boxes_of(2), png(mask(boxes_of(2)[0]))
    foreign, broken = png(np.zeros((5, 7), np.uint8)), fitting[:60]
    cells = [[fitting, foreign], [fitting, broken], [fitting], [fitting, fitting], [foreign, foreign]]
    rows = [
        {
            "id": str(n),
            "image": {"bytes": noise(n, SIZE), "path": None},
            "label": "a",
            "boxes": boxes,
            "masks": [{"bytes": one, "path": None} for one in cell],
        }
        for n, cell in enumerate(cells)
    ]
    source = tmp_path / "set.parquet"
    pq.write_table(pa.table({name: [row[name] for row in rows] for name in rows[0]}), source)
    dataset = tmp_path / "dataset"
    synthgen.export(source, "parquet", dataset)  # as they are
    events: list[object] = []
    for place, form in ((source, "coco"), (source, "yolo"), (dataset, "coco"), (dataset, "yolo")):
        with pytest.raises(UsageError, match="4 images cannot be used:") as refused:
            synthgen.export(place, form, tmp_path / "out", on_progress=events.append)
        _, *lines = refused.value.message.splitlines()
        parts = (
            "the mask of 0 has 7 x 5 pixels, and its picture 60 x 48",
            "the mask of 1 cannot be opened",
            "the image 2 has 2 boxes and 1 masks",
            "the mask of 4 has 7 x 5 pixels",
        )
        for line, part in zip(lines, parts, strict=True):
            assert part in line
        assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []
    assert any(isinstance(event, StepProgress) and event.step == "checking boxes and masks" for event in events)
