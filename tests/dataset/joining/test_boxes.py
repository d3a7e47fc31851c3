"""Boxes and masks of two sets that are joined."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image as Pictures

import synthgen
from synthgen.errors import UsageError
from tests.command import command_line, envelope
from tests.dataset.joining.sets import coco_of, loaded, picture
from tests.dataset.shards import CLASSES


def test_pictures_that_metadata_names_come_along(synthetic: Path, tmp_path: Path) -> None:
    synthgen.render(tmp_path / "renders", 6, even=True)
    synthgen.join(tmp_path / "renders", synthetic, tmp_path / "joined", unshared_classes=True)
    sets = loaded(tmp_path / "joined")["train"]
    masks = {row["id"]: row["mask"] for row in sets if not row["synthetic"]}
    assert len(masks) == 6
    for name, mask in masks.items():
        file = tmp_path / "renders/masks" / Path(name).name
        assert np.array_equal(np.asarray(mask), np.asarray(Pictures.open(file)))
    assert all(row["mask"] is None for row in sets if row["synthetic"])


def test_masks_come_along_and_what_nothing_reads_is_named(
    synthetic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real = coco_of(tmp_path / "real")
    found = json.loads((real / "annotations.json").read_text())
    outline = {"segmentation": [[1, 1, 5, 1, 5, 5, 1, 5]], "keypoints": [1, 2, 2]}
    for number, each in enumerate(found["annotations"]):
        each.update(outline if number else {})
    found["annotations"].append(found["annotations"][1] | {"id": 99, "iscrowd": 1})
    found["images"][0]["weather"] = "sunny"
    found["annotations"][0]["score"] = found["annotations"][2]["score"] = 0.5
    found["categories"][0]["supercategory"] = "none"
    found["annotations"].append(found["annotations"][2] | {"id": 98, "segmentation": []})
    (real / "annotations.json").write_text(json.dumps(found))
    made = pq.read_table(synthetic / "data")
    table = pa.table(
        {
            "image": made["image"],
            "label": made["class"],
            "masks": [[{"bytes": picture(255), "path": None}]] * len(made),
            "days": pa.array([[("monday", 1)]] * len(made), pa.map_(pa.string(), pa.int64())),
        }
    )
    pq.write_table(table, tmp_path / "made.parquet")
    out = tmp_path / "joined"
    arguments = ["join", str(real), str(tmp_path / "made.parquet"), "-o", str(out)]
    assert command_line([*arguments, "--json"]) == 0
    said = envelope(capsys.readouterr().out)["result"]["left_out"]
    assert said == {
        "keypoints": "the real set: the keypoints of COCO sets are not read",
        "iscrowd": "the real set: 1 annotation is a crowd, whose boxes and masks are not read",
        "images.weather": "the real set: the key, which 1 has, is not read",
        "annotations.score": "the real set: the key, which 3 have, is not read",
        "some masks": "the real set: 1 image has no mask for some object or no box for some mask, and so none at all",
        "days": "the synthetic set: its type is map<string, int64 ('days')>",
    }
    rows = [row for split in loaded(out).values() for row in split]
    masks = {row["id"]: row["masks"] for row in rows if not row["synthetic"]}
    assert [len(masks[f"real/{number}.png"]) for number in range(6)] == [0, 1, 0, 1, 1, 1]
    shown = np.zeros((8, 8), np.uint8)
    shown[1:5, 1:5] = 255
    assert (np.asarray(masks["real/5.png"][0]) == shown).all()
    assert {len(row["masks"]) for row in rows if row["synthetic"]} == {1}
    assert command_line(arguments) == 0
    printed = capsys.readouterr().out
    for name, why in said.items():
        assert f"left out  {name!r} of {why}" in " ".join(printed.split()).replace("left out ", "left out  ")
        assert f"- {name}: the" in (out / "README.md").read_text()
    synthgen.join(real, tmp_path / "made.parquet", out, leave_out=["masks"])
    assert "masks" not in loaded(out)["train"].features


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ([[40, 10, 30, 40]], [[40, 10, 70, 50]]),
        ([[0.5, 0.5, 0.2, 0.3]], None),
        ([[10, 10, 31, 41]], None),
        ([[10, 50, 70, 55]], [[10, 50, 70, 55]]),
        ("in a cardboard box", None),
    ],
    ids=["width and height", "unclear shares", "unclear pixels", "corners", "a text"],
)
@pytest.mark.parametrize("swapped", [False, True], ids=["real", "synthetic"])
def test_boxes_of_both_sets_become_corners_in_pixels_or_are_left_out_by_name(
    tmp_path: Path, written: object, expected: list[list[float]] | None, swapped: bool
) -> None:
    kinds = sorted(CLASSES)
    sets = {}
    for name, boxes in (("unknown", written), ("coco", None)):
        place = tmp_path / name
        place.mkdir()
        for number in range(3):
            Pictures.new("RGB", (80, 60), (number, 9, swapped)).save(place / f"{number}.png")
        sets[name] = place
        if boxes is not None:
            lines = [{"file_name": f"{n}.png", "label": kinds[n], "boxes": boxes} for n in range(3)]
            (place / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 80, "height": 60} for n in range(3)],
        "categories": [{"id": n, "name": kind} for n, kind in enumerate(kinds)],
        "annotations": [{"id": n, "image_id": n, "category_id": n, "bbox": [10, 10, 20, 30]} for n in range(3)],
    }
    (sets["coco"] / "annotations.json").write_text(json.dumps(found))
    first, second = ("coco", "unknown") if swapped else ("unknown", "coco")
    joined = synthgen.join(sets[first], sets[second], tmp_path / "joined")
    rows = pq.read_table(tmp_path / "joined/data").to_pylist()
    assert {str(row["boxes"]) for row in rows if row["synthetic"] != swapped} == {str([[10.0, 10.0, 30.0, 40.0]])}
    of_unknown = [row["boxes"] for row in rows if row["synthetic"] == swapped]
    assert of_unknown == [expected] * 3
    assert list(joined.left_out) == ([] if expected else ["boxes"])
    assert not synthgen.join(sets[first], sets[second], tmp_path / "joined").rebuilt
    synthgen.export(tmp_path / "joined", "coco", tmp_path / "out")
    annotations = json.loads((tmp_path / "out/train/_annotations.coco.json").read_text())["annotations"]
    assert len(annotations) == (6 if expected else 3)
    assert all(min(each["bbox"]) > 0 for each in annotations)


def test_a_box_that_does_not_fit_its_image_is_named(synthetic: Path, tmp_path: Path) -> None:
    real = coco_of(tmp_path / "real")
    found = json.loads((real / "annotations.json").read_text())
    found["annotations"][3]["bbox"] = [1, 1, 40, 4]
    found["annotations"][4]["bbox"] = []  # an object without a box, as some tools write it
    (real / "annotations.json").write_text(json.dumps(found))
    with pytest.raises(UsageError, match=r"the real set: 3\.png: the box \(1, 1, 40, 4\)") as refused:
        synthgen.join(real, synthetic, tmp_path / "joined")
    assert 'leave_out="boxes"' in (refused.value.hint or "")
    synthgen.join(real, synthetic, tmp_path / "joined", leave_out=["boxes"])
