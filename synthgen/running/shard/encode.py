"""Pixels <-> bytes: the lossless image of the dataset and the ledger's thumbnail."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image as Picture
    from torch import Tensor

    from synthgen.records import Rendered

Pixels: TypeAlias = "NDArray[np.uint8]"
"""Shape [height, width, 3]."""

_MOST_PIXELS = 2**26
"""The largest committed picture: eight thousand pixels a side, far more than models make."""
THUMBNAIL = 128
"""The longer side of a thumbnail is at most this many pixels."""


def to_host(images: Sequence[Tensor]) -> list[Pixels]:
    """Copy uint8 [3, height, width] tensors to the host's memory, those of one size at once."""
    import torch

    from synthgen.images import by_size

    found: dict[int, Pixels] = {}
    for places in by_size(images):
        some = [images[place] for place in places]
        assert some[0].dtype == torch.uint8, some[0].dtype
        if some[0].device.type == "cpu":
            found |= {place: _rows(image) for place, image in zip(places, some, strict=True)}
        else:
            found |= zip(places, torch.stack(some).permute(0, 2, 3, 1).contiguous().cpu().numpy(), strict=True)
    return [found[place] for place in range(len(images))]


def _rows(image: Tensor) -> Pixels:
    """Copy an image of the host's memory, whose owner may use that again: five times as fast as torch's own way."""
    import numpy as np

    return np.stack(list(image.numpy()), axis=-1)


def on_host(rendered: Sequence[Rendered]) -> list[Rendered]:
    """Move the images of a batch from a GPU to the host's memory, all at once."""
    import torch

    images = [one.image for one in rendered if one.image is not None]
    if not any(image.is_cuda for image in images):
        return [*rendered]
    moved = (torch.from_numpy(pixels).permute(2, 0, 1) for pixels in to_host(images))
    return [one if one.image is None else replace(one, image=next(moved)) for one in rendered]


def png(pixels: Pixels) -> bytes:
    """Encode a picture without loss."""
    from PIL import Image

    buffer = io.BytesIO()
    # After PNG's filters, a generated picture repeats nothing but runs. To look for them alone takes 0.6 of the time of
    # zlib's level 3, and gives a seventh fewer bytes; see docs/speed.md.
    Image.fromarray(pixels).save(buffer, "PNG", compress_type=Image.RLE)
    return buffer.getvalue()


def thumbnail(pixels: Pixels) -> bytes:
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((THUMBNAIL, THUMBNAIL), reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def decoded(data: bytes) -> Picture:
    """Decode a committed PNG to its last pixel, in RGB.

    Raises:
        ValueError: it cannot be decoded, or is far larger than any picture that a model makes.
    """
    from synthgen.images import LeftOut, decode

    found = decode(data, ("PNG",), _MOST_PIXELS)
    if isinstance(found, LeftOut):
        raise ValueError(found.detail or found.reason)
    return found.image
