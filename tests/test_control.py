"""Specs whose images are led by pictures, as the command line takes, refuses and makes them."""

import json
import shutil
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file

import synthgen
from synthgen.api.memory_need import memory_need
from synthgen.conditioning import canny
from synthgen.errors import PlanChanged, UsageError
from tests.command import command_line

SOURCES = Path(__file__).parents[1] / "specs/sources"
SPEC = """\
synthgen: 1
name: led
task: control
source: {dataset: ./sources, boxes: boxes, mask: mask_file_name}
control:
  - {model: ./outlines, preprocessor: canny, weight: 0.8, interval: [0, 0.5]}
  - {model: ./outlines, column: mask_file_name}
model: {id: "bundled:workers", steps: 2, guidance: 1.0}
classes: {doctor: 2, chef: 2}
prompts: {templates: ["a portrait of a {class}"]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spec, its pictures, and a ControlNet for the bundled model with random weights, as well as others."""
    from diffusers import ControlNetModel

    place = tmp_path_factory.mktemp("control")
    shutil.copytree(SOURCES, place / "sources")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        ControlNetModel(
            block_out_channels=(48, 96, 128),
            down_block_types=("DownBlock2D",) * 3,
            mid_block_type="UNetMidBlock2D",
            layers_per_block=1,
            cross_attention_dim=128,
            attention_head_dim=4,
            norm_num_groups=16,
            conditioning_embedding_out_channels=(4, 4, 4),
        ).save_pretrained(place / "outlines")
    config = json.loads((place / "outlines/config.json").read_text())
    others = {
        "adapter": {"_class_name": "T2IAdapter", "channels": [48, 96, 128]},
        "flux": {"_class_name": "FluxControlNetModel"},
        "wide": config | {"cross_attention_dim": 768},
    }
    for name, settings in others.items():
        (place / name).mkdir()
        (place / name / "config.json").write_text(json.dumps(settings))
    (place / "spec.yaml").write_text(SPEC)
    return place


REFUSED = {
    "'control' needs what leads the images: add control": ["control=null"],
    "pictures lead the tasks control, image-to-image, inpaint and outpaint only": ["task=edit"],
    "it is T2IAdapter, and StableDiffusionPipeline is led by ControlNetModel for image-to-image": [
        "task=image-to-image",
        "control.0.model=./adapter",
    ],
    "only the tasks inpaint and outpaint draw a region": ["control.0.preprocessor=masked", "control.0.thresholds=null"],
    "control.0.weight: expected more than 0": ["control.0.weight=0"],
    "control.0.weight: expected at most 2": ["control.0.weight=2.5"],
    "control.0.interval: expected two fractions from 0 to 1": ["control.0.interval=[0.5, 0.2]"],
    "expected the lower one first, found [300, 100]": ["control.0.thresholds=[300, 100]"],
    "only 'preprocessor: canny' takes it": ["control.1.thresholds=[100, 200]"],
    "made by a 'preprocessor': give one of them, not both": ["control.0.column=mask_file_name"],
    "made by a 'preprocessor': give one of them\n": ["control.0.preprocessor=null"],
    "'bundled:outlines' leads bundled:workers only": ["control.0.model=bundled:outlines", "model.id=./elsewhere"],
    "it acts only where images begin from pictures": ["model.strength=0.5"],
    "needs a model that leads it, ControlNetModel": ["control.0.model=null"],
    "control.1: StableDiffusionControlNetPipeline needs a model that leads it": ["control.1.model=null"],
    "FluxControlNetModel, and StableDiffusionPipeline is led by ControlNetModel, ControlNetXSAdapter or T2IAdapter": [
        "control.0.model=./flux"
    ],
    "another one is ControlNetModel: all must be of one kind": ["control.1.model=./adapter"],
    "its cross_attention_dim is 768, and the model's is 128": ["control.0.model=./wide"],
    "./outlines is of one kind: remove it": ["control.0.mode=1"],
    "control.0.model: the folder": ["control.0.model=./nowhere"],
    "has no column 'depth'": ["control.1.column=depth"],
}


@pytest.mark.parametrize(("message", "overrides"), REFUSED.items(), ids=[*map(repr, REFUSED)])
def test_what_cannot_lead_is_refused_by_name(
    message: str,
    overrides: list[str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    sets = [part for each in overrides for part in ("--set", each)]
    assert command_line(["plan", "spec.yaml", *sets]) == 2
    assert message in capsys.readouterr().err.replace("\n  ", " ")


def test_the_memory_of_a_plan_counts_control_models(folder: Path) -> None:
    found = memory_need(synthgen.plan(folder / "spec.yaml"), (64, 64))
    assert found is not None
    weights = 4 * sum(
        each.numel() for each in load_file(folder / "outlines/diffusion_pytorch_model.safetensors").values()
    )
    assert found.parts["control.0"] == found.parts["control.1"] == weights / 2, "in bfloat16"
    assert found.free["none"] > sum(found.parts.values())


def test_pictures_of_another_size_are_refused(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(folder, tmp_path / "mine")
    monkeypatch.chdir(tmp_path / "mine")
    for place in sorted(Path("sources/masks").iterdir())[:6]:
        Image.new("L", (32, 48), 255).save(place)
    with pytest.raises(UsageError, match="of another size: 32 x 48 pixels, and the picture has 64 x 64"):
        synthgen.plan(_without_mask())


def test_outlines_are_white_lines_on_black() -> None:
    picture = Image.new("RGB", (32, 32), "white")
    picture.paste((0, 0, 200), (8, 8, 24, 24))
    edges = np.asarray(canny(picture))
    assert edges.shape == (32, 32, 3)
    assert set(np.unique(edges)) == {0, 255}
    assert not edges[12:20, 12:20].any(), "nothing inside"


def _without_mask() -> str:
    """Write the spec with masks that lead, and that are no labels."""
    Path("plain.yaml").write_text(SPEC.replace(", mask: mask_file_name}\ncontrol", "}\ncontrol"))
    return "plain.yaml"


@pytest.mark.slow
def test_led_images_carry_class_boxes_and_masks_and_a_changed_picture_stops_them(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(folder, tmp_path / "mine")
    monkeypatch.chdir(tmp_path / "mine")
    assert command_line(["run", "spec.yaml", "-o", "run", "--quiet"]) == 0
    rows = datasets.load_dataset("run/dataset", split="train")
    source = [json.loads(line) for line in Path("sources/metadata.jsonl").read_text().splitlines()]
    by_id = {row["file_name"]: row for row in source}
    for row in rows:
        begun = by_id[row["source_id"]]
        assert rows.features["label"].int2str(row["label"]) == begun["label"]
        assert row["boxes"] == begun["boxes"]
        mask = np.asarray(Image.open(Path("sources") / begun["mask_file_name"])) > 0
        assert np.array_equal(np.asarray(row["mask"].convert("L")) > 0, mask)

    planned = synthgen.begin(_without_mask(), "again")
    synthgen.run(_without_mask(), "again")
    assert planned.revisions.components.keys() == {"control.0", "control.1"}
    place = Path("sources") / by_id[rows[0]["source_id"]]["mask_file_name"]
    ImageOps.invert(Image.open(place)).save(place)
    with pytest.raises(PlanChanged, match="is another one now"):
        synthgen.run(_without_mask(), "again")
