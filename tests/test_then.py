"""Later stages, as the command line takes, plans, refuses and makes them."""

import shutil
from pathlib import Path

import datasets
import pytest

import synthgen
from synthgen import bundled
from synthgen.planning.growth import growth_of
from tests.command import command_line
from tests.generating.tiny_stages import save_upscaler

SPEC = """\
synthgen: 1
name: staged
model: {id: "bundled:workers", steps: 4, guidance: 1.0}
then: {task: refine, strength: 0.5}
classes: {doctor: 2, chef: 2}
prompts: {templates: ["a portrait of a {class}"]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spec, an upscaler, and a model that only draws."""
    place = tmp_path_factory.mktemp("then")
    save_upscaler(place / "upscaler")
    shutil.copytree(bundled.GENERATOR, place / "plain")
    (place / "spec.yaml").write_text(SPEC)
    return place


REFUSED = {
    "then: 'upscale' needs a scale above 1, such as 2": "{task: upscale}",
    "then.strength: only 'refine' draws a part of the image": "{task: upscale, scale: 2, strength: 0.5}",
    "then.steps: no model draws here": "{task: upscale, scale: 2, steps: 4}",
    "then.revision: only a model of its own takes it": "{task: refine, revision: main}",
    "then.revision: only an id on the hub takes it": "{task: refine, model: ./plain, revision: main}",
    "then.model: expected a hub id": "{task: refine, model: plain}",
    "then.scale: expected at most 8": "{task: upscale, scale: 9}",
    "then.1.strength: expected at most 1": "[{task: refine}, {task: refine, strength: 1.5}]",
    "then: unknown key 'scal'; did you mean 'scale'?": "{task: refine, scal: 2}",
    "then.strength: a strength of 0.1 leaves none of 4 steps": "{task: refine, strength: 0.1}",
    "then.scale: expected a multiple of 8 for StableDiffusionImg2ImgPipeline": "{task: refine, scale: 1.3}",
    "then.1.scale: StableDiffusionUpscalePipeline enlarges 4 times: set 4, not 2": (
        "[{task: refine, strength: 0.5}, {task: upscale, model: ./upscaler, scale: 2}]"
    ),
    "then.model: StableDiffusionPipeline does not do upscale: only": "{task: upscale, model: ./plain, scale: 2}",
    "then.model: diffusers has no pipeline for image-to-image": "{task: refine, model: ./upscaler}",
    "then.model: the folder": "{task: refine, model: ./nowhere}",
}


@pytest.mark.parametrize(("message", "then"), REFUSED.items(), ids=[*map(repr, REFUSED)])
def test_a_stage_that_cannot_act_is_refused_by_name(
    message: str, then: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert command_line(["plan", "spec.yaml", "--set", f"then={then}"]) in (2, 5)
    assert message in " ".join(capsys.readouterr().err.split())


def test_a_plan_tells_the_stages_pins_their_models_and_counts_the_last_size(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    several = "then=[{task: refine, strength: 0.5}, {task: upscale, model: ./upscaler, scale: 4, steps: 2}]"
    assert command_line(["plan", "spec.yaml", "--set", several]) == 0
    told = capsys.readouterr().out
    assert "then refine by the same model, scale 1, strength 0.5" in " ".join(told.split())
    assert "256 x 256 pixels" in told

    none = synthgen.plan(synthgen.load_spec("spec.yaml", ["then=[]"]))
    assert "then" not in none.spec.canonical()
    one = synthgen.plan(synthgen.load_spec("spec.yaml"))
    both = synthgen.plan(synthgen.load_spec("spec.yaml", [several]))
    assert both.revisions.components.keys() == {"then.1"}
    assert len({none.fingerprint, one.fingerprint, both.fingerprint}) == 3
    refused = [refusal.change.partition(":")[0].partition("[")[0] for refusal in growth_of(one, both).refusals]
    assert "then" in {name.partition(".")[0] for name in refused}


@pytest.mark.slow
def test_the_bundled_model_refines_its_images_and_makes_each_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    several = "then=[{task: refine, strength: 0.5}, {task: upscale, scale: 1.5}]"
    assert command_line(["run", str(folder / "spec.yaml"), "-o", "run", "--quiet", "--set", several]) == 0
    rows = datasets.load_dataset("run/dataset", split="train")
    assert {row["image"].size for row in rows} == {(96, 96)}
    assert command_line(["show", "run", rows[0]["id"]]) == 0
    assert "then      upscale by Lanczos, scale 1.5" in capsys.readouterr().out
    assert command_line(["replay", "run", rows[0]["id"], "-o", "again.png"]) == 0
    assert "same" in capsys.readouterr().out
