"""Masks of an export: they are turned with their pictures."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import synthgen
from synthgen.errors import UsageError
from tests.exporting.sets import picture, rows_of


def turned(place: Path, shape: tuple[int, int], masks: str) -> Path:
    """Photos that EXIF turns, each with the mask of its object: as stored, or as it is seen."""
    seen = np.zeros((*shape, 3), np.uint8)
    seen[4:20, 8:16] = 255
    lines, exif = [], Image.Exif()
    (place / "masks").mkdir(parents=True)
    for number, (orientation, turns) in enumerate({1: 0, 6: 1, 8: 3, 3: 2}.items()):
        exif[0x0112] = orientation
        stored = np.rot90(seen, turns)
        Image.fromarray(stored).save(place / f"{number}.jpg", quality=95, exif=exif)
        mask = {"stored": stored, "seen": seen, "foreign": seen[:-1]}[masks][..., 0]
        Image.fromarray(mask).save(place / f"masks/{number}.png")
        lines.append({"file_name": f"{number}.jpg", "label": "dog", "mask_file_name": f"masks/{number}.png"})
    (place / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return place


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in pycocotools' decoder
@pytest.mark.parametrize("shape", [(30, 40), (32, 32)], ids=["oblong", "square"])
def test_masks_are_turned_with_their_pictures(tmp_path: Path, shape: tuple[int, int]) -> None:
    from pycocotools.coco import COCO

    source = turned(tmp_path / "photos", shape, "stored")
    synthgen.export(source, "coco", tmp_path / "coco")
    found = COCO(str(tmp_path / "coco/train/_annotations.coco.json"))
    drawn = [(found.annToMask(each), tuple(each["bbox"])) for each in found.loadAnns(found.getAnnIds())]
    assert len(drawn) == 4
    for mask, box in drawn:
        assert (mask.shape, box, mask[4:20, 8:16].all()) == (shape, (8, 4, 8, 16), True)
    synthgen.export(source, "yolo", tmp_path / "yolo")
    outlines = {file.read_text() for file in (tmp_path / "yolo/labels/train").iterdir()}
    assert len(outlines) == 1
    for form in ("parquet", "imagefolder"):
        synthgen.export(source, form, tmp_path / form, image="png")
        synthgen.export(tmp_path / form, "parquet", tmp_path / f"{form} again")
        for row in rows_of(tmp_path / f"{form} again"):
            image, mask = (np.asarray(picture(row[name]["bytes"]).convert("L")) > 127 for name in ("image", "mask"))
            assert image.sum() == 128
            assert np.array_equal(image, mask)
    kept = rows_of_export(source, tmp_path / "as it is")
    assert kept == {(source / f"masks/{number}.png").read_bytes() for number in range(4)}


def rows_of_export(source: Path, folder: Path) -> set[bytes]:
    synthgen.export(source, "parquet", folder)
    return {row["mask"]["bytes"] for row in rows_of(folder)}


def test_a_mask_of_the_upright_picture_stays_and_one_of_another_size_is_refused_by_name(tmp_path: Path) -> None:
    source = turned(tmp_path / "seen", (30, 40), "seen")
    (source / "metadata.jsonl").write_text("".join((source / "metadata.jsonl").read_text().splitlines(True)[:3]))
    (source / "3.jpg").unlink()  # by half a turn, the size does not say which it is
    synthgen.export(source, "coco", tmp_path / "coco")
    annotations = json.loads((tmp_path / "coco/train/_annotations.coco.json").read_text())["annotations"]
    assert [each["bbox"] for each in annotations] == [[8, 4, 8, 16]] * 3
    foreign = turned(tmp_path / "foreign", (30, 40), "foreign")
    for form in ("coco", "yolo", "parquet"):
        with pytest.raises(UsageError, match=r"the mask of \d\.jpg has 40 x 29 pixels, and its"):
            synthgen.export(foreign, form, tmp_path / "out", image="png")
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in pycocotools' decoder
def test_masks_that_coco_draws_on_the_upright_picture_are_not_turned_again(tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    source = turned(tmp_path / "photos", (32, 32), "stored")
    (source / "metadata.jsonl").unlink()
    shutil.rmtree(source / "masks")
    outline = [[8, 4, 16, 4, 16, 20, 8, 20]]
    place = {"category_id": 1, "bbox": [8, 4, 8, 16], "segmentation": outline, "iscrowd": 0}
    found = {
        "images": [{"id": n, "file_name": f"{n}.jpg", "width": 32, "height": 32} for n in range(4)],
        "annotations": [{"id": n + 1, "image_id": n, **place} for n in range(4)],
        "categories": [{"id": 1, "name": "dog"}],
    }
    (source / "annotations.json").write_text(json.dumps(found))
    synthgen.export(source, "parquet", tmp_path / "parquet")
    for number, folder in enumerate((source, tmp_path / "parquet")):
        synthgen.export(folder, "coco", tmp_path / f"coco{number}")
        read = COCO(str(tmp_path / f"coco{number}/train/_annotations.coco.json"))
        assert all(read.annToMask(each)[4:20, 8:16].all() for each in read.loadAnns(read.getAnnIds()))


def test_masks_and_texts_of_shards_come_along(tmp_path: Path) -> None:
    synthgen.render(tmp_path / "rend", 3)
    synthgen.export(tmp_path / "rend", "webdataset", tmp_path / "shards")
    synthgen.export(tmp_path / "rend", "coco", tmp_path / "coco")
    assert "masks" not in synthgen.export(tmp_path / "coco", "parquet", tmp_path / "masked").left_out
    drawn = {
        np.asarray(picture(one["bytes"])).tobytes() for row in rows_of(tmp_path / "masked") for one in row["masks"]
    }
    files = [*(tmp_path / "rend").glob("masks/*.png")]
    assert drawn == {((np.asarray(Image.open(file)) > 0) * np.uint8(255)).tobytes() for file in files}
    back = synthgen.export(tmp_path / "shards", "parquet", tmp_path / "back")
    rows = rows_of(tmp_path / "back")
    assert back.left_out == {}
    assert all(picture(row["mask"]["bytes"]).size for row in rows)
    assert all(row["caption"] for row in rows)
    assert not {"key", "cls", "json.caption"} & {*rows[0]}
