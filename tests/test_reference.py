"""Specs whose images are to be like other pictures, as the command line takes, refuses and makes them."""

import json
import shutil
from functools import cache
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from PIL import Image
from safetensors.torch import save_file

import synthgen
from synthgen.api.references import reference_pictures
from synthgen.bundled import GENERATOR
from synthgen.errors import PlanChanged, UsageError
from synthgen.planning import free_keys, with_free_keys
from tests.command import command_line
from tests.generating.families.shown import Shapes, of_unet, plain, save_encoder

SOURCES = Path(__file__).parents[1] / "specs/sources"
SPEC = """\
synthgen: 1
name: like
reference:
  - {model: ./ip, file: ip-adapter.safetensors, image: ./style.png, weight: 0.7}
model: {id: "bundled:workers", steps: 2, guidance: 1.5}
classes: {doctor: 3, chef: 3}
prompts: {templates: ["a portrait of a {class}"]}
"""
BEGINS = ["task=image-to-image", "source={dataset: ./sources}", "model.strength=0.9"]


def save_bundled_adapter(folder: Path, *, seed: int = 0, width: int = 128, layers: int | None = None) -> None:
    """Save an IP-Adapter with random weights for the bundled model."""
    shapes = {name: (shape[0], width) for name, shape in of_unet(_bundled_unet()).items()}
    save_weights(folder, dict([*shapes.items()][: layers and 2 * layers]) | plain(width), seed)


@cache
def _bundled_unet() -> UNet2DConditionModel:
    found: UNet2DConditionModel = UNet2DConditionModel.from_pretrained(GENERATOR / "unet")
    return found


def save_weights(folder: Path, shapes: Shapes, seed: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    made = torch.Generator().manual_seed(seed)
    weights = {name: torch.randn(shape, generator=made) * 0.1 for name, shape in shapes.items()}
    save_file(weights, folder / "ip-adapter.safetensors")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spec, its picture, and an IP-Adapter for the bundled model with random weights, as well as others."""
    place = tmp_path_factory.mktemp("reference")
    shutil.copytree(SOURCES, place / "sources")
    save_bundled_adapter(place / "ip")
    save_encoder(place / "ip/image_encoder")
    others = {"wide": {"width": 768}, "short": {"layers": 1}, "bare": {}, "pickled": {}}
    for name, more in others.items():
        save_bundled_adapter(place / name, **more)
        if name != "bare":
            shutil.copytree(place / "ip/image_encoder", place / name / "image_encoder")
    encoder = place / "pickled/image_encoder"
    (encoder / "model.safetensors").rename(encoder / "pytorch_model.bin")
    plainly = plain(128)
    flux = {f"ip_adapter.{index}.to_k_ip.{which}": (8, 8) for index in range(2) for which in ("weight", "bias")}
    save_weights(place / "flux", flux | plainly)
    faces = {
        "ip_adapter.1.to_k_ip.weight": (96, 128),
        "image_proj.norm.weight": (8,),
        "image_proj.proj.0.weight": (8, 8),
    }
    save_weights(place / "faces", faces)
    save_weights(place / "lora", {"unet.down.lora_A.weight": (8, 8)})
    for name in ("flux", "faces", "lora"):
        (place / name / "image_encoder").symlink_to(place / "ip/image_encoder")
    save_encoder(place / "other", projected=20)
    save_encoder(place / "siglip", siglip=True)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)).save(place / "style.png")
    (place / "broken.png").write_bytes((place / "style.png").read_bytes()[:900])
    (place / "spec.yaml").write_text(SPEC)
    return place


def of(**keys: object) -> str:
    own = {"model": "./ip", "file": "ip-adapter.safetensors", "image": "./style.png", **keys}
    return f"reference={json.dumps([{key: value for key, value in own.items() if value is not None}])}"


REFUSED = {
    "reference.0.weight: expected more than 0": [of(weight=0)],
    "reference.0.weight: expected more than 0, found -0.5": [of(weight=-0.5)],
    "pickles can run code, and are not opened": [of(file="ip-adapter.bin")],
    "expected a path inside the repository or folder": [of(subfolder="../up")],
    "in a 'column' of the source: give one of them\n": [of(image=None)],
    "give one of them, not both": [of(column="mask_file_name"), *BEGINS],
    "images of this spec begin from no pictures": [of(image="source")],
    "cannot be shown a picture of each image's own": [of(image="source"), *BEGINS, "then={task: refine}"],
    "only an id on the hub takes it": [of(revision="main")],
    "where the adapter is, so is its revision": [of(encoder={"revision": "main"})],
    "reference.0.image: there is no file ./stile.png": [of(image="./stile.png")],
    "reference.0.image: ./broken.png is among those that cannot be opened": [of(image="./broken.png")],
    "reference.0.image: ./sources cannot be read": [of(image="./sources")],
    "there is no file ip/nothing.safetensors": [of(file="nothing.safetensors")],
    "the folder bare/image_encoder does not exist, and an IP-Adapter needs an image encoder": [of(model="./bare")],
    "has only pickles, which can run code": [of(model="./pickled")],
    "its layers look at 768 values, and the model's at 128": [of(model="./wide")],
    "it has 1 layers, and the model": [of(model="./short")],
    "it is an IP-Adapter of a FLUX transformer, and the model is a UNet": [of(model="./flux")],
    "it looks at numbers of faces (FaceID)": [of(model="./faces")],
    "is not an IP-Adapter: it has no weights ip_adapter.*": [of(model="./lora")],
    "it takes 12 values of its image encoder, which gives 20": [of(encoder="./other")],
    "it is of the kind 'siglip_vision_model'": [of(encoder="./siglip")],
    "has no column 'style'": [of(image=None, column="style"), *BEGINS],
}


@pytest.mark.parametrize(("message", "overrides"), REFUSED.items(), ids=[*map(repr, REFUSED)])
def test_what_cannot_act_is_refused_by_name(
    message: str,
    overrides: list[str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    sets = [part for each in overrides for part in ("--set", each)]
    assert command_line(["plan", "spec.yaml", *sets]) == 2
    said = capsys.readouterr().err
    assert message in said.replace("\n  ", " ")
    assert "reference" in said


def test_a_picture_is_pinned_and_may_move(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(folder, tmp_path / "mine", symlinks=True)
    monkeypatch.chdir(tmp_path / "mine")
    planned = synthgen.plan("spec.yaml")
    assert planned.revisions.components.keys() == {"reference.0", "reference.0.encoder", "reference.0.image"}
    Path("style.png").rename("moved.png")
    Path("moved.yaml").write_text(SPEC.replace("./style.png", "./moved.png"))
    moved = synthgen.plan("moved.yaml")
    assert moved.fingerprint == planned.fingerprint
    assert free_keys(moved.spec)["reference.image"] == ["./moved.png"]
    assert with_free_keys(planned.spec, free_keys(moved.spec)) == moved.spec
    Image.new("RGB", (60, 40)).save("moved.png")
    assert synthgen.plan("moved.yaml").fingerprint != planned.fingerprint
    with pytest.raises(UsageError, match=r"reference\.0\.image: the picture has changed since the run was planned"):
        reference_pictures(synthgen.plan("moved.yaml").spec, planned.revisions.components)


STRONGER = ["--set", "reference.0.weight=1.5", "--set", "then={task: refine, strength: 0.5}"]


@pytest.mark.slow
def test_images_of_a_run_are_like_its_pictures(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(folder, tmp_path / "mine", symlinks=True)
    monkeypatch.chdir(tmp_path / "mine")
    assert command_line(["run", "spec.yaml", "-o", "run", "--quiet"]) == 0
    assert command_line(["run", "spec.yaml", "-o", "stronger", "--quiet", *STRONGER]) == 0
    made, other = (datasets.load_dataset(f"{name}/dataset", split="train") for name in ("run", "stronger"))
    assert np.asarray(made[0]["image"]).tolist() != np.asarray(other[0]["image"]).tolist()

    Image.new("RGB", (60, 40)).save("style.png")
    with pytest.raises(PlanChanged, match=r"reference\.0\.image"):
        synthgen.run("spec.yaml", "run")
    shutil.copy(folder / "style.png", "style.png")
    shutil.copy("short/ip-adapter.safetensors", "ip/ip-adapter.safetensors")
    with pytest.raises((PlanChanged, UsageError), match=r"reference\.0"):
        synthgen.run("spec.yaml", "run")


@pytest.mark.slow
def test_each_image_has_a_picture_of_its_own(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(folder, tmp_path / "mine", symlinks=True)
    monkeypatch.chdir(tmp_path / "mine")
    save_bundled_adapter(Path("second"), seed=1)
    shutil.copytree("ip/image_encoder", "second/image_encoder")
    own = [
        {"model": "./ip", "file": "ip-adapter.safetensors", "image": "source", "weight": 0.5},
        {"model": "./second", "file": "ip-adapter.safetensors", "column": "mask_file_name", "weight": 0.6},
    ]
    sets = [part for each in [*BEGINS, f"reference={json.dumps(own)}"] for part in ("--set", each)]
    assert command_line(["run", "spec.yaml", "-o", "run", "--quiet", *sets]) == 0
    assert command_line(["run", "spec.yaml", "-o", "alone", "--quiet", *sets, "--set", "model.batch_size=1"]) == 0
    one, two = (
        {row["id"]: row for row in datasets.load_dataset(f"{name}/dataset", split="train")} for name in ("run", "alone")
    )
    assert one.keys() == two.keys()
    for name, row in one.items():
        assert row["source_id"] == two[name]["source_id"]
        difference = np.abs(np.asarray(row["image"], int) - np.asarray(two[name]["image"], int))
        assert difference.max() <= 3
