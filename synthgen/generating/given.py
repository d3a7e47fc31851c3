"""The pictures that images begin from, as a pipeline takes them: cut to the size here, and not by the pipeline."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from synthgen.errors import ModelError
from synthgen.families import PipelineCall
from synthgen.records import Candidate, Pictures, SourcePicture

METHOD = "cover, centre, Lanczos"
"""How pictures are brought to the image's size, for the record."""


def covering(picture: Image.Image, width: int, height: int) -> Image.Image:
    """Scale a picture until it covers the size, and cut off evenly what stands out. One of that size stays as it is.

    Masks, of mode L, keep to black and white: a pixel of theirs is that of the nearest place.

    Example:
        >>> covering(Image.new("RGB", (300, 100)), 64, 64).size
        (64, 64)
    """
    if picture.size == (width, height):
        return picture
    method = Image.Resampling.NEAREST if picture.mode == "L" else Image.Resampling.LANCZOS
    return ImageOps.fit(picture, (width, height), method=method, centering=(0.5, 0.5))


def pictures_given(
    call: PipelineCall, pictures: Pictures | None, candidates: Sequence[Candidate], height: int, width: int
) -> dict[str, object]:
    """Return the arguments that hand a call the pictures of a batch; none for tasks that begin from no picture."""
    if not call.task.pictures:
        return {}
    assert pictures is not None, "the task begins from pictures"
    found = [pictures(candidate) for candidate in candidates]
    given = {
        argument: [_as_given(_part(one, argument), call, height, width) for one in found]
        for argument in call.task.pictures
    }
    return {argument: each[0] if call.one_text else each for argument, each in given.items()}


def _part(picture: SourcePicture, argument: str) -> Image.Image:
    part = picture.mask if argument == "mask_image" else picture.image
    if part is None:
        raise ModelError("a picture has no mask", hint="Name the masks in the spec's source.")
    return part


def _as_given(picture: Image.Image, call: PipelineCall, height: int, width: int) -> Image.Image | Tensor:
    cut = covering(picture, width, height)
    if not call.as_tensors:
        return cut
    values = torch.from_numpy(np.array(cut, np.float32))
    return values[None] / 255 if cut.mode == "L" else values.permute(2, 0, 1) / 127.5 - 1
