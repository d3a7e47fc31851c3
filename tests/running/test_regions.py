"""Regions of pictures drawn again, from a spec to a dataset, and what is refused of boxes and masks."""

import json
import re
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import datasets
import numpy as np
import pytest
from PIL import Image

from synthgen.api.finishing import finalized
from synthgen.api.sources import pictures_of, sources_of
from synthgen.errors import Interrupted, PlanChanged, UsageError
from synthgen.generating.given import layout_of
from synthgen.generating.renderer import Renderer
from synthgen.models.parts import source_of
from synthgen.planning import Plan, Revisions, make_plan
from synthgen.running import create_run, open_run, work
from synthgen.spec import parse_spec
from synthgen.store import FolderStore
from synthgen.testing import BrightnessJudge
from tests.generating.tiny import save_stable_diffusion
from tests.running.tables import bytes_of, images_of, ledger_of, without

WIDE, BOX = (48, 32), (20, 4, 40, 28)
CUT = [12, 4, 32, 28]
"""The box on a square that is cut from the middle of the picture."""
SPEC = """\
synthgen: 1
name: regions
model: {id: "%s", steps: 2, size: 32, batch_size: 2}
task: %s
source: {dataset: "%s", mask: mask_file_name, boxes: boxes}
classes: {doctor: 4, chef: 2}
prompts: {templates: ["a {class}"]}
output: {shard_size: 3}
"""


def save_photos(folder: Path, **wrong: object) -> Path:
    """Save four wide pictures of noise with boxes and masks. The last one may have another mask or other boxes."""
    (folder / "masks").mkdir(parents=True)
    lines = []
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 255, (WIDE[1], WIDE[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        mask = np.zeros((WIDE[1], WIDE[0]), np.uint8)
        mask[BOX[1] : BOX[3], BOX[0] : BOX[2]] = 255
        Image.fromarray(mask).save(folder / f"masks/{number}.png")
        row = {"file_name": f"{number}.png", "mask_file_name": f"masks/{number}.png", "boxes": [[*BOX]]}
        lines.append({**row, "label": "doctor" if number < 2 else "chef", **(wrong if number == 3 else {})})
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "model"
    save_stable_diffusion(folder)
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return save_photos(tmp_path / "photos")


def planned(model: Path, photos: Path, task: str, *overrides: str) -> Plan:
    spec = parse_spec(SPEC % (model, task, photos), overrides=overrides)
    return make_plan(spec, Revisions("tiny", "brightness"), sources_of(spec))


def make(folder: Path, plan: Plan, stops_after: int | None = None) -> FolderStore:
    """Begin or resume a run, and make all of its shards, or so many batches."""
    store, asked = FolderStore(folder), iter(range(10_000))
    create_run(store, plan, "spec")
    there = open_run(store)
    model = there.spec.model
    layout, pictures = layout_of(there.spec), pictures_of(there)
    generator = Renderer(model, source_of(model, None), "cpu", 4, (), there.spec.task, pictures, layout)
    stop = lambda: stops_after is not None and next(asked) >= stops_after  # noqa: E731
    work(there, store, generator, BrightnessJudge(), range(there.shard_count), stop=stop)
    return store


def rows_of(plan: Plan, store: FolderStore) -> Sequence[Mapping[str, object]]:
    found = datasets.load_dataset(finalized(open_run(store), store, fresh=1).dataset)
    return [row for split in found.values() for row in split]


def array(picture: object) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Decode a picture, as a table or a dataset gives it."""
    stored = Image.open(BytesIO(picture["bytes"])) if isinstance(picture, Mapping) else picture
    assert isinstance(stored, Image.Image)
    return np.asarray(stored)


@pytest.mark.slow
def test_outside_the_region_pixels_stay_and_boxes_and_masks_go_with_the_picture(
    model: Path, photos: Path, tmp_path: Path
) -> None:
    plan = planned(model, photos, "inpaint", "region={side: outside, feather: 2}")
    store = make(tmp_path / "run", plan)
    rows = rows_of(plan, store)
    assert len(rows) == 6
    for row in rows:
        source, image = array(Image.open(photos / str(row["source_id"])))[:, 8:40], array(row["image"])
        mask = array(row["mask"])
        assert (row["boxes"], set(np.unique(mask))) == ([CUT], {0, 255})
        assert (mask[4:28, 12:32] == 255).all()
        assert (image[mask == 255] == source[mask == 255]).all()
        assert (image[mask == 0] != source[mask == 0]).mean() > 0.8
    card = (tmp_path / "run" / "dataset" / "README.md").read_text()
    assert "The mask of the picture's object, white where it is." in card

    with pytest.raises(Interrupted):
        make(tmp_path / "again", plan, stops_after=2)
    make(tmp_path / "again", plan)
    assert bytes_of(tmp_path / "again", plan) == bytes_of(tmp_path / "run", plan)
    mine, other = (without(ledger_of(tmp_path / name, plan), "seconds") for name in ("again", "run"))
    assert str(mine) == str(other)


@pytest.mark.slow
def test_a_region_of_boxes_is_inside_them_and_as_much_larger_as_asked(
    model: Path, photos: Path, tmp_path: Path
) -> None:
    plan = planned(model, photos, "inpaint", "region={of: boxes, pad: 1}", "source.mask=null")
    make(tmp_path / "run", plan)
    for row in images_of(tmp_path / "run", plan):
        source, image = array(Image.open(photos / str(row["source_id"])))[:, 8:40], array(row["image"])
        inside = np.zeros(image.shape[:2], bool)
        inside[3:29, 11:32] = True
        assert (image[~inside] == source[~inside]).all()
        assert "mask" not in row


@pytest.mark.slow
def test_a_larger_canvas_moves_the_picture_with_its_boxes_and_mask(model: Path, photos: Path, tmp_path: Path) -> None:
    plan = planned(model, photos, "outpaint", "canvas={margins: {left: 8}, anchor: bottom}")
    make(tmp_path / "run", plan)
    for row in images_of(tmp_path / "run", plan):
        picture = Image.open(photos / str(row["source_id"])).convert("RGB").resize((24, 16), Image.Resampling.LANCZOS)
        assert (array(row["image"])[16:, 8:] == array(picture)).all()
        assert row["boxes"] == [[18, 18, 28, 30]]
        assert array(row["mask"])[18:30, 18:28].min() == 255
        assert array(row["mask"]).astype(bool).sum() == 120


def test_another_mask_than_was_planned_with_is_refused(model: Path, photos: Path, tmp_path: Path) -> None:
    plan = planned(model, photos, "inpaint")
    with pytest.raises(Interrupted):
        make(tmp_path / "run", plan, stops_after=1)
    for number in range(4):
        Image.new("1", WIDE).save(photos / f"masks/{number}.png")
    with pytest.raises(
        UsageError, match=r"the mask of the picture '\d\.png' of .* has changed since the run was plann"
    ):
        make(tmp_path / "run", plan)
    other = planned(model, save_photos(tmp_path / "other"), "inpaint", f"source.dataset={photos.parent}/other")
    assert other.sources == plan.sources
    lines = (tmp_path / "other" / "metadata.jsonl").read_text().replace("[[20, 4, 40, 28]]", "[[20, 4, 40, 27]]")
    (tmp_path / "other" / "metadata.jsonl").write_text(lines)
    with pytest.raises(PlanChanged, match=r"the picture '\d\.png' has other boxes now: \[\[20\.0, 4\.0, 40\.0, 27"):
        create_run(FolderStore(tmp_path / "run"), planned(model, tmp_path / "other", "inpaint"), "spec")


WRONG = {
    r"3\.png: the box \(10, 4, 10, 28\), read as xyxy in pixels, has no area": {"boxes": [[10, 4, 10, 28]]},
    r"3\.png: the box \(60, 4, 70, 28\), read as xyxy in pixels, is outside its image": {"boxes": [[60, 4, 70, 28]]},
    r"has no area\. It would fit as xywh in pixels": {"boxes": [[30, 8, 10, 8]]},
    r"3\.png: 'left' is not a list of boxes": {"boxes": "left"},
    r"3\.png: it has no box": {"boxes": []},
    r"3\.png: the mask has 24 x 32 pixels, and its image 48 x 32": {"mask_file_name": "small.png"},
    r"3\.png: the mask is empty": {"mask_file_name": "empty.png"},
    r"3\.png: the mask is full": {"mask_file_name": "full.png"},
    r"3\.png: its mask is among those whose file is not there": {"mask_file_name": "none.png"},
}


@pytest.mark.parametrize(("message", "wrong"), WRONG.items(), ids=WRONG)
def test_a_picture_whose_boxes_or_mask_are_wrong_is_left_out_by_name(
    message: str, wrong: dict[str, object], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    photos = save_photos(tmp_path / "photos", **wrong)
    Image.new("L", (24, 32), 9).save(photos / "small.png")
    Image.new("L", WIDE, 0).save(photos / "empty.png")
    Image.new("L", WIDE, 255).save(photos / "full.png")
    spec = parse_spec(
        SPEC % ("owner/name", "inpaint", photos), overrides=["region={of: boxes}", "source.box_form=xyxy"]
    )
    found = sources_of(spec)
    assert found is not None
    assert found.total == 3
    assert any(re.search(message, one) for one in caplog.messages), caplog.messages


def test_the_form_of_boxes_is_found_and_told_or_asked_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    photos = save_photos(tmp_path / "photos")
    text = (photos / "metadata.jsonl").read_text()
    spec = parse_spec(SPEC % ("owner/name", "inpaint", photos))

    def boxes_of(numbers: str) -> object:
        (photos / "metadata.jsonl").write_text(text.replace("[[20, 4, 40, 28]]", numbers))
        found = sources_of(spec)
        return found and found.rows.all[0].boxes

    assert boxes_of("[20, 4, 40, 28]") == ((20, 4, 40, 28),), "one box alone"
    assert boxes_of('{"bbox": [[0.5, 0.5, 0.25, 0.75]]}') == ((18, 4, 30, 28),)
    assert "read as cxcywh in shares of the image" in caplog.text
    with pytest.raises(UsageError, match=r"source\.boxes: it is unclear how boxes such as .* as xyxy in pixels or as"):
        boxes_of("[[10, 4, 20, 18]]")
    boxes_of("[20, 4, 40, 28]")
    for overrides, message in {
        "source.boxes=box": r"source\.boxes: .* has no column 'box'",
        "source.mask=masks": r"source\.mask: .* has no column 'masks'",
        "source.image=photo": r"source\.image: .* has no column 'photo'",
    }.items():
        with pytest.raises(UsageError, match=message):
            sources_of(parse_spec(SPEC % ("owner/name", "inpaint", photos), overrides=[overrides]))
