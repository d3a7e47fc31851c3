"""Families whose decoders have weights of five dimensions: each draws what a direct call of its own draws."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import AutoPipelineForText2Image
from torch import Tensor

from synthgen.generating.decode import as_rgb
from tests.generating.families import FAMILIES
from tests.generating.tiny import SIZE, candidate, generator_of

PROMPTS = ("a chef", "a doctor at work")
WITH_DECODERS_OF_VIDEOS = [
    pytest.param(FAMILIES["qwen-image"].save, "true_cfg_scale", id="qwen-image"),
    pytest.param(FAMILIES["qwen-image-2.1"].save, "true_cfg_scale", id="qwen-image-2.1"),
    pytest.param(FAMILIES["krea2"].save, "less one", id="krea-2", marks=pytest.mark.slow),
    pytest.param(FAMILIES["nucleus"].save, "guidance_scale", id="nucleus"),
]


def drawn(folder: Path, guidance: float, negative: str = "") -> list[Tensor]:
    generator = generator_of(folder, guidance=guidance, size=SIZE, negative_prompt=negative or None)
    rendered = generator.render([candidate(index, prompt, negative) for index, prompt in enumerate(PROMPTS)])
    images = [one.image for one in rendered if one.image is not None]
    assert [tuple(image.shape) for image in images] == [(3, SIZE, SIZE)] * len(PROMPTS), rendered
    return images


def direct(folder: Path, negative: str, **guidance: float) -> list[Tensor]:
    """Draw each image alone: some families see the other prompts of a batch."""
    pipeline = AutoPipelineForText2Image.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    images = [
        pipeline(
            prompt=[prompt],
            negative_prompt=[negative],
            num_inference_steps=2,
            height=SIZE,
            width=SIZE,
            generator=[torch.Generator().manual_seed(candidate(index).seed)],
            output_type="pt",
            **guidance,
        ).images
        for index, prompt in enumerate(PROMPTS)
    ]
    return list(as_rgb(torch.cat(images)).mul(255).round())


def furthest(some: list[Tensor], others: list[Tensor]) -> int:
    return max(int((one.int() - other.int()).abs().max()) for one, other in zip(some, others, strict=True))


@pytest.mark.parametrize(("save", "argument"), WITH_DECODERS_OF_VIDEOS)
def test_a_decoder_of_videos_draws_with_the_guidance_asked_for(
    save: Callable[[Path], None], argument: str, tmp_path: Path
) -> None:
    save(tmp_path / "model")
    guided = drawn(tmp_path / "model", 4.0, "a hat")
    own = 3.0 if argument == "less one" else 4.0
    argument = "guidance_scale" if argument == "less one" else argument
    assert furthest(guided, direct(tmp_path / "model", "a hat", **{argument: own})) <= 1
    assert furthest(guided, drawn(tmp_path / "model", 1.0)) > 0


def test_guidance_of_qwen_image_acts_without_a_negative_prompt_too(tmp_path: Path) -> None:
    FAMILIES["qwen-image"].save(tmp_path / "model")
    guided = drawn(tmp_path / "model", 4.0)
    assert furthest(guided, direct(tmp_path / "model", " ", true_cfg_scale=4.0)) <= 1
    assert furthest(guided, drawn(tmp_path / "model", 1.0)) > 0


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_is_spread_and_what_is_transparent_lies_on_white(channels: int) -> None:
    images = torch.zeros(1, channels, 2, 2)
    assert as_rgb(images).tolist() == torch.full((1, 3, 2, 2), float(channels == 4)).tolist()
