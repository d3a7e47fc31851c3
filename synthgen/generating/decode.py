"""From latents to pixels: a pipeline decodes once, and only what half precision broke is decoded again in float32.

Families differ in what they do between the last step and the decoder: they scale and shift latents, undo a mean and a
deviation for each channel, unpack patches, or add a dimension for time. None of that is copied here. The pipeline makes
its one call, down to pixels. The latents that it passes to its decoder are kept, and the decoder can take them again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from diffusers import DiffusionPipeline
from numpy.typing import NDArray
from torch import Tensor, nn

from synthgen.errors import ModelError
from synthgen.records import Failure

_DECODERS = ("vae", "movq", "vqgan")
"""The names of the part that turns latents into pixels. Pipelines that work on pixels have no such part."""


@dataclass(frozen=True, slots=True)
class DecoderCall:
    """One call of a decoder by its pipeline, and its result."""

    latents: Tensor
    options: Mapping[str, object]
    decoded: Tensor


def decoder_of(pipeline: DiffusionPipeline) -> nn.Module | None:
    """Find the part of a pipeline that turns latents into pixels; None if it has none."""
    parts = (getattr(pipeline, name, None) for name in _DECODERS)
    return next((part for part in parts if isinstance(part, nn.Module) and hasattr(part, "decode")), None)


@contextmanager
def recorded_calls(decoder: nn.Module | None) -> Iterator[list[DecoderCall]]:
    """Record the decoder's calls inside the block. Without a decoder there are none."""
    calls: list[DecoderCall] = []
    if decoder is None:
        yield calls
        return
    decode = _method(decoder)

    def record(z: Tensor, *arguments: object, **options: object) -> object:
        result = decode(z, *arguments, **options)
        if not arguments:
            calls.append(DecoderCall(z, options, result[0]))
        return result

    vars(decoder)["decode"] = record  # hides the class's method until the block ends
    try:
        yield calls
    finally:
        del vars(decoder)["decode"]


@torch.inference_mode()
def decode_again(
    pipeline: DiffusionPipeline,
    calls: Sequence[DecoderCall],
    images: Tensor,
    rows: Sequence[int],
    flagged: Sequence[bool],
) -> tuple[Tensor, Sequence[bool]] | None:
    """Decode some rows of a batch once more, in float32.

    Args:
        calls: how the pipeline called its decoder.
        images: what the pipeline made of the whole batch.
        flagged: which rows the safety checker withheld.

    Returns:
        Float [rows, channels, height, width] in 0..1, and which of them the safety checker flags. None if it would not
        help, or if the pipeline changes decoded images in a way that this function does not know.
    """
    decoder = decoder_of(pipeline)
    if decoder is None or not calls or sum(len(call.latents) for call in calls) != len(images):
        return None
    latents = torch.cat([call.latents for call in calls])
    kept = [row for row, withheld in enumerate(flagged) if not withheld]
    reproduced = _finished(pipeline, torch.cat([call.decoded for call in calls]))
    known = reproduced.shape == images.shape and torch.allclose(
        reproduced[kept].float(), images[kept].float(), atol=0.01, equal_nan=True
    )
    if not known or latents.dtype == torch.float32:
        return None

    options = {name: value for name, value in calls[0].options.items() if name != "generator"}
    with _in_float32(decoder):
        decoded = _method(decoder)(latents[rows].float(), **options)[0]

    again: Sequence[bool] = [False] * len(rows)
    if getattr(pipeline, "safety_checker", None) is not None:
        with np.errstate(invalid="ignore"):
            decoded, again = pipeline.run_safety_checker(decoded, decoded.device, latents.dtype)
    return _finished(pipeline, decoded), again


def output_type_of(pipeline: DiffusionPipeline) -> str:
    """Choose the output type whose values are in 0..1: tensors, or arrays if the pipeline does not scale its tensors.

    Pipelines without an image processor, such as DeepFloyd's and Kandinsky's, return tensors in -1..1.
    """
    return "pt" if hasattr(getattr(pipeline, "image_processor", None), "postprocess") else "np"


def images_of(output: object) -> Tensor | NDArray[np.float32]:
    """Return the images of a pipeline's output, whatever its class calls them.

    Raises:
        ModelError: it has none.
    """
    for name in ("images", "image"):
        if (images := getattr(output, name, None)) is not None:
            return cast("Tensor | NDArray[np.float32]", images)
    raise ModelError(f"{type(output).__name__} has no images", hint="Choose another model.")


def as_tensor(images: Tensor | NDArray[np.float32], device: torch.device) -> Tensor:
    """Convert a pipeline's output, tensors or arrays with the channels last, to [n, channels, height, width]."""
    if isinstance(images, Tensor):
        return images
    return torch.from_numpy(images).permute(0, 3, 1, 2).to(device)


def broken_rows(images: Tensor) -> tuple[list[bool], list[bool]]:
    """Find which images have values that are not finite, and which are black, which an overflow can cause, too.

    This waits for the device once, not once per image.
    """
    flat = images.flatten(1)
    broken, black = torch.stack([~flat.isfinite().all(1), (flat <= 0).all(1)]).tolist()
    return broken, black


def as_rgb(images: Tensor) -> Tensor:
    """Convert a decoder's output to floats [n, 3, height, width]: repeat grey, and place transparent images on white.

    Raises:
        ModelError: the output is neither grey, nor RGB, nor RGBA.
    """
    match images.shape[1]:
        case 1:
            return images.expand(-1, 3, -1, -1)
        case 3:
            return images
        case 4:
            alpha = images[:, 3:]
            return images[:, :3] * alpha + (1 - alpha)
    raise ModelError(
        f"the model decodes to {images.shape[1]} channels: expected grey, RGB or RGBA", hint="Choose another model."
    )


def as_bytes(images: Tensor) -> Tensor:
    """Round floats in 0..1 to uint8; values that are not finite become arbitrary numbers."""
    return images.nan_to_num().mul(255).round().clamp(0, 255).to(torch.uint8)


def _method(decoder: nn.Module) -> Callable[..., Sequence[Tensor]]:
    """Return a decoder's `decode`. Its result is a tuple, or an output of diffusers, and the pixels come first."""
    return cast("Callable[..., Sequence[Tensor]]", decoder.decode)


def _finished(pipeline: DiffusionPipeline, decoded: Tensor) -> Tensor:
    """Finish a decoder's output as pipelines do: drop the dimension of a single frame, and scale values to 0..1."""
    frame = decoded.squeeze(2) if decoded.dim() == 5 else decoded
    postprocess = getattr(getattr(pipeline, "image_processor", None), "postprocess", None)
    if postprocess is None:
        return (frame / 2 + 0.5).clamp(0, 1)
    finished: Tensor = postprocess(frame, output_type="pt")
    return finished


@contextmanager
def _in_float32(module: nn.Module) -> Iterator[None]:
    """Convert a module to float32 inside the block, and each tensor back to its own type afterwards."""
    parameters = [(parameter, parameter.dtype) for parameter in module.parameters()]
    buffers = [
        (part, name, buffer.dtype) for part in module.modules() for name, buffer in part.named_buffers(recurse=False)
    ]
    module.to(torch.float32)
    try:
        yield
    finally:
        for parameter, dtype in parameters:
            parameter.data = parameter.data.to(dtype)
        for part, name, dtype in buffers:
            setattr(part, name, getattr(part, name).to(dtype))


def failure_of(broken: bool, flagged: bool, dtype: torch.dtype) -> Failure | None:
    """Say why an image cannot be used; None if it can."""
    if broken:
        return Failure("not_finite", f"the decoded image has values that are not finite, in {dtype}")
    if flagged:
        return Failure("safety_checker", "the model's safety checker withheld the image")
    return None
