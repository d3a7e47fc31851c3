"""What a model's folder lacks, found by names and JSON, through the real command line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command import command_line
from tests.generating.tiny import save_stable_diffusion

SPEC = """\
synthgen: 1
name: tiny
model: {id: ./model, steps: 2, guidance: 2.0, size: 32}
judge: {id: "bundled:judge"}
classes: {doctor: 1, chef: 1}
prompts: {templates: ["a {class}"]}
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    save_stable_diffusion(folder / "model")
    (folder / "spec.yaml").write_text(SPEC)
    return folder


def change(folder: Path, file: str, **more: object) -> None:
    path = folder / "model" / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **more}))


def rename(folder: Path, part: str, name: str) -> None:
    (weights,) = (folder / "model" / part).glob("*.safetensors")
    weights.rename(weights.with_name(name))


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed, as one line: a terminal wraps it."""
    return " ".join(capsys.readouterr().err.split())


def cut(folder: Path, part: str) -> None:
    (weights,) = (folder / "model" / part).glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "part": (
        lambda folder: shutil.rmtree(folder / "model/vae"),
        "model.id: the model's folder has no vae, which its list",
    ),
    "weights": (
        lambda folder: (folder / "model/unet/diffusion_pytorch_model.safetensors").unlink(),
        "model.id: the model's folder has no weights in unet",
    ),
    "pickle": (
        lambda folder: rename(folder, "unet", "diffusion_pytorch_model.bin"),
        "model.id: the weights in unet are pickles",
    ),
    "variant": (
        lambda folder: rename(folder, "unet", "diffusion_pytorch_model.fp16.safetensors"),
        "model.variant: unet has files of a variant only: set model.variant to fp16",
    ),
    "video": (
        lambda folder: change(folder, "model_index.json", _class_name="LTXPipeline"),
        "model.id: LTXPipeline does not make images from text: it makes videos",
    ),
    "unknown": (
        lambda folder: change(folder, "model_index.json", _class_name="NoSuchPipeline"),
        "model.id: the installed diffusers has no pipeline NoSuchPipeline",
    ),
    "own code": (
        lambda folder: change(folder, "model_index.json", _class_name=["own", "Pipeline"]),
        "model.id: its pipeline is not one of diffusers' own",
    ),
    "channels": (
        lambda folder: change(folder, "unet/config.json", in_channels=9),
        "model.id: its UNet takes 9 channels, and latents have 4",
    ),
    "scheduler": (
        lambda folder: change(folder, "scheduler/scheduler_config.json", _class_name="DPMSolverSDEScheduler"),
        "model.id: DPMSolverSDEScheduler draws noise for a whole batch",
    ),
    "cut off": (
        lambda folder: cut(folder, "vae"),
        "model.id: vae/diffusion_pytorch_model.safetensors cannot be used: it was cut off: its header puts",
    ),
    "pointer": (
        lambda folder: next((folder / "model/unet").glob("*.safetensors")).write_text("version https://git-lfs.github"),
        "model.id: unet/diffusion_pytorch_model.safetensors cannot be used: it is only a pointer of Git LFS",
    ),
    "package": (
        lambda folder: change(folder, "model_index.json", _class_name="KolorsPipeline"),
        "model.id: KolorsPipeline needs the package sentencepiece: pip install sentencepiece",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_folder_that_cannot_be_drawn_with_is_refused_before_anything_is_written(
    damage: str, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(whole, tmp_path / "here")
    DAMAGES[damage][0](tmp_path / "here")
    if damage == "package":
        monkeypatch.setattr("synthgen.families.folder.find_spec", lambda _: None)
    monkeypatch.chdir(tmp_path / "here")
    assert command_line(["run", "spec.yaml"]) == 2
    assert DAMAGES[damage][1] in said(capsys)
    assert not Path("outputs").exists()


def test_a_variant_that_no_part_has_is_refused_with_those_that_are_there(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(whole, tmp_path / "here")
    rename(tmp_path / "here", "unet", "diffusion_pytorch_model.fp16.safetensors")
    monkeypatch.chdir(tmp_path / "here")
    assert command_line(["run", "spec.yaml", "--set", "model.variant=bf16"]) == 2
    assert "model.variant: no part of the model has files of the variant bf16: it has fp16" in said(capsys)
    assert command_line(["validate", "spec.yaml", "--models", "--set", "model.variant=fp16"]) == 0


def test_a_key_that_cannot_act_is_placed_in_the_spec(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(whole, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    Path("spec.yaml").write_text(SPEC.replace("guidance: 2.0", "embedded_guidance: 3.5"))
    assert command_line(["validate", "spec.yaml", "--models"]) == 2
    told = said(capsys)
    assert "spec.yaml:3:" in told
    assert "model.embedded_guidance: the weights of this StableDiffusionPipeline have no guidance embedded" in told


LONG = " and ".join(["a nurse in a red hat"] * 9)
SETTINGS = {
    "size": (["model.size=36"], "model.size: expected a multiple of 8"),
    "scheduler": (["model.scheduler=FlowMatchEulerDiscreteScheduler"], "is for models that predict a flow; this one"),
    "tokens": ([f'prompts.templates=["{LONG}, a {{class}}"]'], "tokens"),
    "negative": ([f'model.negative_prompt="{LONG}"'], "tokens"),
    "no guidance": (["model.guidance=1", "model.negative_prompt=a hat"], "without guidance it has no effect"),
    "embedded": (["model.embedded_guidance=3.5"], "have no guidance embedded"),
    "length": (["model.max_sequence_length=200"], "it has no such setting"),
    "skip": (["model.clip_skip=2"], "expected less than the 2 layers of its CLIP text encoder"),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_plan_finds_out_from_json_alone_what_cannot_act(
    setting: str, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(whole, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    settings, expected = SETTINGS[setting]
    assert command_line(["plan", "spec.yaml"]) == 0
    capsys.readouterr()
    assert command_line(["plan", "spec.yaml", *(part for one in settings for part in ("--set", one))]) == 2
    assert expected in said(capsys)


@pytest.mark.parametrize("pipeline", ["WuerstchenCombinedPipeline", "StableCascadeCombinedPipeline"])
def test_what_diffusers_itself_cannot_load_any_more_is_refused(
    pipeline: str, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(whole, tmp_path / "here")
    change(tmp_path / "here", "model_index.json", _class_name=pipeline)
    monkeypatch.chdir(tmp_path / "here")
    assert command_line(["plan", "spec.yaml"]) == 2
    assert f"model.id: {pipeline} does not make images from text: diffusers itself cannot load its parts" in said(
        capsys
    )
