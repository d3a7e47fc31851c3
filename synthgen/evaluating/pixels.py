"""The pixels of an experiment's images, all in one size: what networks and learners of plug-ins are taught."""

from collections.abc import Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from synthgen.errors import UsageError

SquarePixels = NDArray[np.uint8]
"""RGB images [rows, side, side, 3], in the order of `evaluating.rows`."""

SMALLEST, LARGEST = 32, 128
"""The sides that are chosen where the user chooses none."""
MOST_BYTES = 4 << 30
"""All images are in memory: at most this much."""
_STEP = 32


def automatic_side(sizes: Sequence[tuple[int, int]]) -> int:
    """Choose the side of the squares that images are made into: that of most of them, within limits.

    Args:
        sizes: widths and heights of real images.
    """
    usual = median(min(size) for size in sizes)
    return int(np.clip(-(-usual // _STEP) * _STEP, SMALLEST, LARGEST))


def check_pixels(images: int, side: int) -> None:
    """Check that so many images fit into memory.

    Raises:
        UsageError: they do not.
    """
    need = images * side * side * 3
    if need <= MOST_BYTES:
        return
    what = f"{images:,} images of {side} x {side} pixels take {need / 2**30:.1f} GiB of memory, of {MOST_BYTES >> 30}"
    most = int((MOST_BYTES / 3 / images) ** 0.5)
    raise UsageError(what, argument="image_size", hint=f"Choose at most {most} pixels, or give fewer images.")


def squared(picture: Image.Image, side: int) -> SquarePixels:
    """Return the middle of an RGB picture as a square of `side` pixels."""
    return np.asarray(ImageOps.fit(picture, (side, side), Image.Resampling.BICUBIC))
