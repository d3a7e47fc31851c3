"""Every family as synthgen drives it, beside a direct call of its pipeline in its own convention: equal images."""

import json
from collections.abc import Mapping
from pathlib import Path

import diffusers
import pytest
import torch
from diffusers import DiffusionPipeline
from torch import Tensor

from synthgen.errors import ModelError, UsageError
from synthgen.generating.decode import as_bytes, as_rgb, as_tensor, images_of
from synthgen.generating.renderer import Renderer
from tests.command import command_line
from tests.generating.families import FAMILIES, OTHERS, Family
from tests.generating.tiny import candidate, generator_of

pytestmark = pytest.mark.filterwarnings("ignore")  # of diffusers and transformers, of themselves

PROMPTS = ("a chef", "a doctor at work", "a nurse in a red hat")
GUIDANCE, HAT = 4.0, "a hat"
FURTHEST = 2
"""Grey levels of 255 between two images of one candidate: sums of another order are not equal to the last bit."""
SPEC = """\
synthgen: 1
name: tiny
model: {id: ./model}
judge: {id: "bundled:judge"}
classes: {chef: 1}
prompts: {templates: ["a {class}"]}
"""
SLOW = ("ideogram4", "kandinsky5", "hidream")
"""An image of these takes seconds: they are drawn with in fewer ways."""


def drawn(generator: Renderer, negative: str = "", *, count: int = 3, at_once: int | None = None) -> list[Tensor]:
    """Draw candidates in batches of the size that the generator has chosen, or of a smaller one."""
    size = min(at_once or count, generator.batch_size)
    candidates = [candidate(index, PROMPTS[index % len(PROMPTS)], negative) for index in range(count)]
    batches = [candidates[start : start + size] for start in range(0, count, size)]
    rendered = [one for batch in batches for one in generator.render(batch)]
    assert [one.failure for one in rendered] == [None] * count
    return [one.image for one in rendered if one.image is not None]


def direct(family: Family, pipeline: DiffusionPipeline, guidance: float, negative: str | None = None) -> list[Tensor]:
    """Draw the same candidates by hand, each alone."""
    return [
        family.direct(
            pipeline,
            [PROMPTS[index]],
            None if negative is None else [negative],
            [candidate(index).seed],
            guidance=guidance,
            steps=family.steps,
            size=family.size,
        )[0]
        for index in range(len(PROMPTS))
    ]


def as_recorded(facts: Mapping[str, str], pipeline: DiffusionPipeline) -> list[Tensor]:
    """Draw the same candidates with nothing but what a run's record says of the call, each alone."""
    guider = json.loads(facts.get("guider_config", "{}"))
    if guider:
        pipeline.guider = pipeline.guider.new(**guider)
    recorded = json.loads(facts["call"])
    call = {name: tuple(value) if isinstance(value, list) else value for name, value in recorded.items()}
    images = []
    for index, prompt in enumerate(PROMPTS):
        generator = torch.Generator().manual_seed(candidate(index).seed)
        out = pipeline(prompt=prompt, generator=generator, output_type="np", **call)
        images.append(as_bytes(as_rgb(as_tensor(images_of(out), torch.device("cpu"))))[0])
    return images


def furthest(some: list[Tensor], others: list[Tensor]) -> int:
    return max(int((one.int() - other.int()).abs().max()) for one, other in zip(some, others, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_guidance_negative_prompt_steps_size_and_batch_act_as_in_direct_calls(name: str, tmp_path: Path) -> None:
    family, folder = FAMILIES[name], tmp_path / "model"
    family.save(folder)
    high, wide = family.size
    size = {"width": wide, "height": high} if wide >= 16 else {}
    settings: dict[str, object] = {**size, "steps": family.steps}
    by_hand: DiffusionPipeline = getattr(diffusers, family.class_name).from_pretrained(folder)

    def ours(**more: object) -> Renderer:
        return generator_of(folder, **{**settings, **more})

    # Guidance, steps and size
    key = "embedded_guidance" if family.guidance == "embedded" else "guidance"
    guided = ours(**{key: GUIDANCE} if family.guidance != "none" else {})
    alone = drawn(guided, at_once=1)
    assert tuple(alone[0].shape) == (3, *family.size)
    assert furthest(alone, direct(family, by_hand, 1.0 if family.guidance == "none" else GUIDANCE)) <= FURTHEST
    if family.guidance == "none":
        with pytest.raises(UsageError, match="takes no guidance"):
            ours(guidance=GUIDANCE)
    elif name not in SLOW:
        assert furthest(alone, drawn(ours(**{key: 2.5}))) > 0

    # What is recorded of it
    if name not in SLOW:
        assert furthest(alone, as_recorded(guided.provenance(), by_hand)) <= FURTHEST

    # Batches of other sizes, and another order
    if name not in SLOW:
        assert furthest(alone, drawn(guided, at_once=3)) <= FURTHEST
        assert furthest(drawn(guided, count=8, at_once=8)[:3], alone) <= FURTHEST

    # A negative prompt
    if not family.takes_negative or family.guidance == "none":
        with pytest.raises(UsageError, match=r"model\.negative_prompt"):
            ours(negative_prompt=HAT, **{key: GUIDANCE})
    else:
        assert (
            furthest(drawn(ours(negative_prompt=HAT, guidance=GUIDANCE), HAT), direct(family, by_hand, GUIDANCE, HAT))
            <= FURTHEST
        )

    # Without a size
    own = generator_of(folder, steps=1, **{"guidance": GUIDANCE} if family.guidance == "acts" else {})
    assert (own.height, own.width) == family.default_size


@pytest.mark.parametrize("name", ["stable-diffusion", "qwen-image"])
def test_a_recorded_call_draws_the_image_again(name: str, tmp_path: Path) -> None:
    family, folder = FAMILIES[name], tmp_path / "model"
    family.save(folder)
    ours = generator_of(folder, steps=family.steps, size=32, guidance=GUIDANCE)
    facts = ours.provenance()
    by_hand: DiffusionPipeline = getattr(diffusers, family.class_name).from_pretrained(folder)

    assert furthest(drawn(ours), as_recorded(facts, by_hand)) <= FURTHEST
    assert facts["pipeline"] == family.class_name
    assert json.loads(facts["scheduler_config"])["num_train_timesteps"] == 1000


WHAT_THEY_DO = {
    "sd-inpaint": "it fills regions of images (inpainting)",
    "sd-controlnet": "it needs an image that controls the layout (ControlNet)",
    "sd-upscale": "it changes images",
    "pix2pix": "it changes images",
    "flux-control": "it needs an image that controls the layout",
    "flux-fill": "it fills regions of images (inpainting)",
    "qwen-edit": "it changes images",
    "ltx-video": "it makes videos",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_a_folder_of_another_task_is_refused_with_what_it_is(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    OTHERS[name].save(tmp_path / "model")
    with pytest.raises(ModelError, match=r"^model\.id: "):
        generator_of(tmp_path / "model")
    (tmp_path / "spec.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert command_line(["plan", "spec.yaml"]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert f"model.id: {OTHERS[name].class_name} does not make images from text: {WHAT_THEY_DO[name]}" in told
