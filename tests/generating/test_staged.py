"""Later stages draw what diffusers' own pipelines draw when they are called one after the other."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import (
    DiffusionPipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionLatentUpscalePipeline,
    StableDiffusionPipeline,
    StableDiffusionUpscalePipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLPipeline,
)
from PIL import Image

from synthgen.generating.renderer import Renderer
from synthgen.generating.staged import Later, StagedRenderer, stage_seed
from synthgen.models.parts import source_of
from synthgen.records import Rendered
from synthgen.spec import ModelSpec, ThenSpec
from tests.generating.tiny import SIZE, candidate, save_stable_diffusion, save_stable_diffusion_xl
from tests.generating.tiny_stages import save_latent_upscaler, save_refiner, save_upscaler

PROMPTS = ("a chef", "a doctor with long red hair", "a farmer")
SETTINGS = {"num_inference_steps": 4, "guidance_scale": 2.0, "output_type": "pil"}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def staged(folder: Path, *stages: ThenSpec, **settings: object) -> StagedRenderer:
    """Ready to render on the CPU: 4 steps at guidance 2, then the stages."""
    model = ModelSpec.model_validate({"id": str(folder), "steps": 4, "guidance": 2.0, "size": SIZE, **settings})
    source = source_of(model, None)
    others = [None if then.model is None else source_of(ModelSpec(id=then.model), None) for then in stages]
    found = StagedRenderer(Renderer(model, source, "cpu", 16), Later(stages, others, model, source), "cpu", 16)
    found.setup()
    return found


def images(rendered: Sequence[Rendered]) -> list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    assert [one.failure for one in rendered] == [None] * len(rendered)
    return [one.image.permute(1, 2, 0).numpy() for one in rendered if one.image is not None]


def noise(seeds: Sequence[int]) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


@dataclass(frozen=True)
class Case:
    """A first model, the stages after it, and what diffusers is called with for the last."""

    save: Callable[[Path], None]
    second: Callable[[Path], None] | None
    then: dict[str, object]
    first: type[DiffusionPipeline]
    last: type[DiffusionPipeline]
    size: int
    call: dict[str, object]


CASES = {
    "the same model at another size": Case(
        save_stable_diffusion,
        None,
        {"task": "refine", "scale": 1.5, "strength": 0.5},
        StableDiffusionPipeline,
        StableDiffusionImg2ImgPipeline,
        48,
        {"strength": 0.5},
    ),
    "XL and its refiner": Case(
        save_stable_diffusion_xl,
        save_refiner,
        {"task": "refine"},
        StableDiffusionXLPipeline,
        StableDiffusionXLImg2ImgPipeline,
        32,
        {"strength": 0.3},
    ),
    "an upscaler of four times": Case(
        save_stable_diffusion,
        save_upscaler,
        {"task": "upscale", "scale": 4},
        StableDiffusionPipeline,
        StableDiffusionUpscalePipeline,
        128,
        {},
    ),
    "a latent upscaler": Case(
        save_stable_diffusion,
        save_latent_upscaler,
        {"task": "upscale", "scale": 2},
        StableDiffusionPipeline,
        StableDiffusionLatentUpscalePipeline,
        64,
        {},
    ),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Euler's scheduler
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_stage_draws_what_diffusers_draws_from_the_image_before_it(case: Case, tmp_path: Path) -> None:
    case.save(tmp_path / "model")
    then = case.then
    if case.second is not None:
        case.second(tmp_path / "second")
        then = {**then, "model": str(tmp_path / "second")}
    candidates = [candidate(place, prompt) for place, prompt in enumerate(PROMPTS)]
    renderer = staged(tmp_path / "model", ThenSpec.model_validate(then))
    together = images(renderer.render(candidates))
    alone = images([renderer.render([one])[0] for one in candidates])

    first = case.first.from_pretrained(tmp_path / "model")
    last = case.last.from_pretrained(tmp_path / "second") if case.second else case.last(**first.components)
    for pipeline in (first, last):
        pipeline.set_progress_bar_config(disable=True)
    sized = {"height": SIZE, "width": SIZE}
    begun = first(list(PROMPTS), generator=noise([one.seed for one in candidates]), **sized, **SETTINGS).images
    begins = case.size if then["task"] == "refine" else SIZE
    begun = [one.resize((begins, begins), Image.Resampling.LANCZOS) if begins != SIZE else one for one in begun]
    seeds = [stage_seed(one.seed, 0) for one in candidates]
    expected = last(list(PROMPTS), image=begun, generator=noise(seeds), **case.call, **SETTINGS).images
    for mine, other, each in zip(together, alone, map(np.asarray, expected), strict=True):
        assert mine.shape == other.shape == (case.size, case.size, 3)
        assert np.abs(mine.astype(int) - each).max() <= 2
        assert np.abs(other.astype(int) - each).max() <= 2
        assert each.std() > 1, "it shows something"


def test_stages_follow_one_another_and_the_model_is_loaded_once(tmp_path: Path) -> None:
    save_stable_diffusion(tmp_path / "model")
    stages = [ThenSpec(task="refine", strength=0.5, steps=2), ThenSpec(task="upscale", scale=1.5)]
    renderer = staged(tmp_path / "model", *stages, size={"32": 1, "32x48": 1})
    drawn = [candidate(place) for place in range(2)]
    sizes = [replace(drawn[0], settings=(("size", 32),)), replace(drawn[1], settings=(("size", "32x48"),))]
    made = images(renderer.render(sizes))
    assert [one.shape for one in made] == [(48, 48, 3), (72, 48, 3)]
    twice = images(renderer.render([drawn[0], drawn[0]]))
    assert np.array_equal(twice[0], twice[1]), "as when an attempt is repeated"
    facts = renderer.provenance()
    assert facts["then.0"] == "refine by the same model, scale 1, strength 0.5, 2 steps"
    assert facts["then.0.pipeline"] == "StableDiffusionImg2ImgPipeline"
    assert facts["then.1"] == "upscale by Lanczos, scale 1.5"


def test_an_image_that_failed_stays_one_and_a_stage_may_fail(tmp_path: Path) -> None:
    save_stable_diffusion(tmp_path / "strict", withholds=True)
    save_stable_diffusion(tmp_path / "model")
    (failed,) = staged(tmp_path / "strict", ThenSpec(task="upscale", scale=2)).render([candidate(0)])
    refined = staged(tmp_path / "model", ThenSpec(task="refine", model=str(tmp_path / "strict"), strength=0.5))
    (withheld,) = refined.render([candidate(0)])
    for one in (failed, withheld):
        assert one.image is None
        assert one.failure is not None
        assert one.failure.kind == "safety_checker"
