"""Guidance in a part of the denoising, against calls of the pipelines themselves with and without guidance.

The reference knows no interval: of two steps, the first is taken from one such call, and the second from the other.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DiffusionPipeline
from torch import Tensor

from synthgen.errors import UsageError
from synthgen.families import checked_call, switchable
from synthgen.generating.renderer import Renderer
from synthgen.models import locate
from synthgen.spec import ModelSpec
from tests.generating.families import FAMILIES, Family
from tests.generating.tiny import candidate, save_stable_diffusion

pytestmark = [pytest.mark.filterwarnings("ignore")]  # of diffusers and transformers, of themselves

KINDS = ("z-image", "qwen-image", "hunyuan-image")
"""A family for each way in which a pipeline takes guidance, besides that of Stable Diffusion."""
BOTH = ("flux-dev", "flux-kontext")
"""Their direct calls here set the guidance that is embedded; the other kind is computed as in Qwen-Image."""
REFUSED = ("flux-schnell", "kandinsky3", "stable-diffusion-pag", "ideogram4")
GUIDANCE = 5.0
PROMPTS = ("a chef", "a doctor")
SEEDS = [candidate(index).seed for index in range(2)]


@contextmanager
def first_step(pipeline: DiffusionPipeline, kept: list[Any], *, gives: bool) -> Iterator[None]:
    """Keep what the first step of a call returns, or let the first step return what was kept."""
    scheduler, own, steps = pipeline.scheduler, pipeline.scheduler.step, iter(range(99))

    def step(*args: Any, **more: Any) -> Any:
        made = own(*args, **more)
        if next(steps) == 0:
            if gives:
                return kept[0]
            kept.append(deepcopy(made))
        return made

    step.__wrapped__ = own  # type: ignore[attr-defined] # pipelines ask what it takes
    scheduler.step = step
    yield
    del scheduler.step


def direct(family: Family, folder: Path, *, first: float, then: float) -> list[Tensor]:
    """Draw with one guidance in the first of two steps, and with another in the second."""
    pipeline = DiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    return [image for place in range(2) for image in _direct(family, pipeline, place, first, then)]


def _direct(family: Family, pipeline: DiffusionPipeline, place: int, first: float, then: float) -> list[Tensor]:
    kept: list[Any] = []
    made: list[Tensor] = []
    for guidance, gives in ((first, False), (then, True)):
        with first_step(pipeline, kept, gives=gives):
            made = family.direct(
                pipeline, [PROMPTS[place]], None, [SEEDS[place]], guidance=guidance, steps=2, size=family.size
            )
    return made


def drawn(family: Family, folder: Path, interval: list[float]) -> list[Tensor]:
    height, width = family.size
    settings = {"steps": 2, "guidance": GUIDANCE, "guidance_interval": interval, "width": width, "height": height}
    model = ModelSpec.model_validate({"id": str(folder), **settings})
    renderer = Renderer(model, locate(str(folder)), "cpu", largest_batch=2)
    renderer.setup()
    assert renderer.provenance()["guidance_interval"] == "{:g} to {:g}".format(*interval)
    batch = [candidate(index, prompt) for index, prompt in enumerate(PROMPTS)]
    size = renderer.batch_size
    rendered = [one for begin in range(0, 2, size) for one in renderer.render(batch[begin : begin + size])]
    return [one.image for one in rendered if one.image is not None]


def check(name: str, folder: Path) -> None:
    family = FAMILIES[name]
    family.save(folder)
    for interval, first, then in (([0.0, 0.5], GUIDANCE, 1.0), ([0.5, 1.0], 1.0, GUIDANCE)):
        expected, found = direct(family, folder, first=first, then=then), drawn(family, folder, interval)
        others = direct(family, folder, first=GUIDANCE, then=GUIDANCE)
        furthest = max(int((one.int() - two.int()).abs().max()) for one, two in zip(expected, found, strict=True))
        assert furthest <= 2, f"{name} {interval}: {furthest} grey levels"
        assert any(not torch.equal(one, two) for one, two in zip(found, others, strict=True)), (
            f"{name}: acts everywhere"
        )


def test_guidance_acts_in_its_interval_and_nowhere_else(tmp_path: Path) -> None:
    check("stable-diffusion", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_guidance_of_every_kind_acts_in_its_interval_and_nowhere_else(name: str, tmp_path: Path) -> None:
    check(name, tmp_path)


@pytest.mark.sweep
@pytest.mark.parametrize("name", sorted(FAMILIES.keys() - {*KINDS, *BOTH, "stable-diffusion"}))
def test_guidance_of_every_family_acts_in_its_interval_or_is_refused_for_it(name: str, tmp_path: Path) -> None:
    FAMILIES[name].save(tmp_path)
    model = ModelSpec.model_validate({"id": str(tmp_path), "guidance": GUIDANCE})
    call = checked_call(model, locate(str(tmp_path)), ()) if FAMILIES[name].guidance == "acts" else None
    if call is not None and switchable(call.pipeline, call.guidance):
        check(name, tmp_path / "again")
    else:
        refused(name, tmp_path)


def refused(name: str, folder: Path) -> None:
    settings = {"guidance": GUIDANCE, "guidance_interval": [0.2, 0.8]}
    model = ModelSpec.model_validate({"id": str(folder), **settings})
    with pytest.raises(UsageError, match="guidance_interval"):
        checked_call(model, locate(str(folder)), model.model_fields_set)


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_an_interval_is_refused_where_guidance_cannot_be_switched(name: str, tmp_path: Path) -> None:
    FAMILIES[name].save(tmp_path)
    refused(name, tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"guidance": 1}, "model.guidance_interval: without guidance it has no effect"),
        ({"guidance": [2, 1]}, "model.guidance.1: guidance_interval: without guidance"),
        ({"guidance": 2, "steps": [10, 2]}, "model.steps.1: guidance_interval: none of 2 steps is in it"),
    ],
)
def test_an_interval_without_guided_steps_is_refused(settings: dict[str, object], message: str, tmp_path: Path) -> None:
    save_stable_diffusion(tmp_path)
    model = ModelSpec.model_validate({"id": str(tmp_path), "guidance_interval": [0.3, 0.45], **settings})
    with pytest.raises(UsageError, match=re.escape(message)):
        checked_call(model, locate(str(tmp_path)), model.model_fields_set)
