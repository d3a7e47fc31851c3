"""The way to an image, on families that lay their latents out in different ways."""

from pathlib import Path

import pytest
import torch
from diffusers import IPNDMScheduler

from synthgen.errors import ModelError
from synthgen.generating.trajectory import draw_trajectory
from tests.generating.families import FAMILIES
from tests.generating.tiny import candidate, generator_of

NAMES = (
    "stable-diffusion",
    "stable-diffusion-3",
    "flux-schnell",
    "qwen-image",
    "z-image-turbo",
    "lcm",
    "sana-sprint",
    "omnigen",
    "if",
)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of diffusers and transformers, of themselves
@pytest.mark.parametrize("name", NAMES)
def test_the_last_frame_is_the_image_and_the_frames_come_closer(name: str, tmp_path: Path) -> None:
    family, folder = FAMILIES[name], tmp_path / "model"
    family.save(folder)
    high, wide = family.size
    size = {"width": wide, "height": high} if wide >= 16 else {}
    renderer = generator_of(folder, steps=4, guidance=3.0 if family.guidance == "acts" else 1.0, **size)
    image = renderer.render([candidate(0)])[0].image
    assert image is not None

    found = draw_trajectory(renderer, candidate(0), [1, 3])
    frames = [frame.image for frame in found.frames if frame.image is not None]
    assert torch.equal(frames[-1], image)
    assert [frame.step for frame in found.frames if frame.kind != "noise"] == [1, 3, 4]
    distances = [float((frame.float() - image.float()).abs().mean()) for frame in frames]
    assert distances[-3] > distances[-2]
    again = renderer.render([candidate(0)])[0].image
    assert again is not None
    assert torch.equal(again, image)  # nothing is left behind


def test_a_pipeline_that_does_not_decode_its_scheduler_s_latents_is_refused(sd: Path) -> None:
    renderer = generator_of(sd)
    pipeline = renderer.pipeline
    decode = pipeline.vae.decode
    pipeline.vae.decode = lambda z, **more: decode(torch.rand_like(z) * 9, **more)
    with pytest.raises(ModelError, match="does not decode what its scheduler returns"):
        draw_trajectory(renderer, candidate(0))


def test_a_scheduler_that_does_not_tell_what_it_predicts_is_refused(sd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthgen.generating.sampling.scheduler_of", lambda *_: IPNDMScheduler())
    renderer = generator_of(sd, steps=3, scheduler="EulerDiscreteScheduler")
    with pytest.raises(ModelError, match="the steps of IPNDMScheduler cannot be shown"):
        draw_trajectory(renderer, candidate(0))
