"""Settings of a scheduler reach it, change the picture as in a direct call, and stand in the record."""

import json
from pathlib import Path

import diffusers
import pytest
import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from synthgen.errors import UsageError
from synthgen.generating.renderer import Renderer
from tests.generating.tiny import candidate, generator_of

pytestmark = pytest.mark.filterwarnings("ignore")  # of diffusers, of itself

TRAILING = {"timestep_spacing": "trailing"}


def drawn(generator: Renderer) -> Tensor:
    image = generator.render([candidate(0)])[0].image
    assert image is not None
    return image.int()


def direct(folder: Path, scheduler: str, **settings: object) -> Tensor:
    pipeline = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = getattr(diffusers, scheduler).from_config(pipeline.scheduler.config, **settings)
    one = candidate(0)
    noise = torch.Generator().manual_seed(one.seed)
    size = {"height": 32, "width": 32}
    out = pipeline(one.prompt, num_inference_steps=2, guidance_scale=2.0, generator=noise, output_type="pt", **size)
    image: Tensor = out.images[0]
    return (image * 255).round().int()


@pytest.mark.parametrize("scheduler", ["DDIMScheduler", "EulerDiscreteScheduler"])
def test_a_setting_changes_the_picture_as_in_a_direct_call(sd: Path, scheduler: str) -> None:
    made = generator_of(sd, scheduler=scheduler, scheduler_config=TRAILING)
    assert (drawn(made) - direct(sd, scheduler, **TRAILING)).abs().max() <= 1
    assert (drawn(made) - direct(sd, scheduler)).abs().max() > 2
    assert json.loads(made.provenance()["scheduler_config"])["timestep_spacing"] == "trailing"


def test_a_setting_alone_keeps_the_models_own_scheduler(sd: Path) -> None:
    made = generator_of(sd, scheduler_config=TRAILING)
    assert made.provenance()["scheduler"] == "DDIMScheduler"
    assert (drawn(made) - direct(sd, "DDIMScheduler", **TRAILING)).abs().max() <= 1


def test_a_setting_that_the_scheduler_does_not_have_is_refused_before_weights_are_read(sd: Path) -> None:
    with pytest.raises(UsageError, match=r"model\.scheduler_config\.spacing: DDIMScheduler has no setting spacing"):
        generator_of(sd, scheduler_config={"spacing": "trailing"})
