"""Decoding: the pipeline's own pixels, and again in float32 only what half precision broke, in any family."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoPipelineForText2Image
from torch import Tensor

from synthgen.generating import decode
from synthgen.generating.renderer import Renderer
from synthgen.spec import fixed
from tests.generating import tiny_others
from tests.generating.families import FAMILIES
from tests.generating.tiny import (
    SIZE,
    candidate,
    generator_of,
    save_stable_diffusion,
    save_stable_diffusion_xl,
)

CASES = [
    pytest.param(save_stable_diffusion, id="sd"),
    pytest.param(save_stable_diffusion_xl, id="sdxl"),
    pytest.param(tiny_others.save_flux, id="flux-packed"),
    pytest.param(FAMILIES["qwen-image"].save, id="qwen-image-5d"),
    pytest.param(FAMILIES["nucleus"].save, id="nucleus-5d"),
]
families = pytest.mark.parametrize("save", CASES)


def rendered(generator: Renderer) -> list[Tensor]:
    images = [one.image for one in generator.render([candidate(index) for index in range(3)])]
    assert all(image is not None for image in images)
    return [image.int() for image in images if image is not None]


class Watched:
    """Counts the steps of the denoiser and the images that are decoded; breaks one image unless it is in float32."""

    def __init__(self, generator: Renderer, value: float) -> None:
        self.steps, self.decoded, self._value = 0, list[tuple[int, torch.dtype]](), value
        pipeline = generator._pipeline
        assert pipeline is not None
        denoiser = getattr(pipeline, "unet", None) or pipeline.transformer
        denoiser.register_forward_pre_hook(self._step)
        pipeline.vae.decoder.register_forward_hook(self._decoded)

    def _step(self, *_: object) -> None:
        self.steps += 1

    def _decoded(self, _: object, inputs: tuple[Tensor, ...], decoded: Tensor) -> Tensor:
        self.decoded.append((len(decoded), decoded.dtype))
        if decoded.dtype == torch.float32:
            return decoded
        decoded = decoded.clone()
        decoded[1] = self._value
        return decoded


@families
@pytest.mark.parametrize("value", [float("nan"), float("-inf"), -7.0], ids=["nan", "inf", "black"])
def test_only_the_broken_image_is_decoded_again_and_nothing_is_denoised_twice(
    save: Callable[[Path], None], value: float, tmp_path: Path
) -> None:
    save(tmp_path / "model")
    settings = {"size": SIZE, "guidance": 0.0, "dtype": "bfloat16"}
    whole = rendered(generator_of(tmp_path / "model", **settings))
    generator = generator_of(tmp_path / "model", **settings)
    watched = Watched(generator, value)
    repaired = rendered(generator)

    assert watched.steps == 2
    assert watched.decoded == [(3, torch.bfloat16), (1, torch.float32)]
    assert torch.equal(repaired[0], whole[0])
    assert torch.equal(repaired[2], whole[2])
    assert repaired[1].float().std() > 0
    assert (repaired[1] - whole[1]).abs().float().mean() < 4, "the same picture, more exactly decoded"
    assert rendered(generator)[0].equal(whole[0]), "the decoder is as it was"


@families
def test_pixels_are_to_the_bit_those_of_the_pipelines_own_call(save: Callable[[Path], None], tmp_path: Path) -> None:
    save(tmp_path / "model")
    generator = generator_of(tmp_path / "model", size=SIZE, guidance=0.0, dtype="bfloat16")
    pipeline = generator._pipeline
    assert pipeline is not None
    expected = pipeline(
        **generator._sampling.arguments(fixed(generator._model), ["a chef"] * 3, [""] * 3),
        generator=[torch.Generator().manual_seed(candidate(index).seed) for index in range(3)],
        output_type="pt",
    ).images
    for image, pixels in zip(rendered(generator), decode.as_bytes(decode.as_rgb(expected)), strict=True):
        assert torch.equal(image, pixels.int())


def test_a_pipeline_that_does_more_to_decoded_images_is_left_alone(sd: Path) -> None:
    """What a pipeline does after decoding, and we do not know of, would be missing from an image decoded again."""
    generator = generator_of(sd, dtype="bfloat16")
    Watched(generator, float("nan"))
    pipeline = generator._pipeline
    assert pipeline is not None
    own = type(pipeline).__call__

    def darker(self: object, *arguments: object, **options: object) -> object:
        output = own(self, *arguments, **options)
        output.images = output.images / 2
        return output

    pipeline.__class__ = type("Darker", (type(pipeline),), {"__call__": darker})
    kinds = [one.failure and one.failure.kind for one in generator.render([candidate(index) for index in range(3)])]
    assert kinds == [None, "not_finite", None]


def test_a_pipeline_without_a_decoder_draws_what_its_own_pictures_show(tmp_path: Path) -> None:
    tiny_others.save_deepfloyd(tmp_path / "model")
    generator = generator_of(tmp_path / "model", size=SIZE)
    assert decode.decoder_of(generator._pipeline) is None
    (image, *_) = rendered(generator)
    assert tuple(image.shape) == (3, SIZE, SIZE)

    reference = AutoPipelineForText2Image.from_pretrained(tmp_path / "model", safety_checker=None)
    reference.set_progress_bar_config(disable=True)
    expected = reference(
        "a chef",
        num_inference_steps=2,
        guidance_scale=2.0,
        height=SIZE,
        width=SIZE,
        generator=torch.Generator().manual_seed(candidate(0).seed),
        output_type="pil",
    ).images[0]
    assert (image - torch.from_numpy(np.asarray(expected).copy()).permute(2, 0, 1).int()).abs().max() <= 1


def test_a_decoder_of_another_name_and_kind_is_watched_too() -> None:
    """Kandinsky's `movq` takes an option of its own, and its pipeline brings values to 0..1 by itself."""
    pipeline = tiny_others.kandinsky_decoder().to(torch.bfloat16)
    pipeline.set_progress_bar_config(disable=True)
    decoder = decode.decoder_of(pipeline)
    assert decoder is pipeline.movq
    embeds = torch.randn(2, 16, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    with decode.recorded_calls(decoder) as calls:
        images = pipeline(
            image_embeds=embeds,
            negative_image_embeds=torch.zeros_like(embeds),
            height=SIZE,
            width=SIZE,
            num_inference_steps=2,
            generator=[torch.Generator().manual_seed(seed) for seed in range(2)],
            output_type=decode.output_type_of(pipeline),
        ).images
    images = decode.as_tensor(images, torch.device("cpu"))
    assert dict(calls[0].options) == {"force_not_quantize": True}
    again = decode.decode_again(pipeline, calls, images, [1], [False, False])
    assert again is not None
    assert again[0].dtype == torch.float32
    assert (again[0][0] - images[1].float()).abs().mean() < 0.02
    assert {tensor.dtype for tensor in decoder.parameters()} == {torch.bfloat16}
