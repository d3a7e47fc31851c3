"""Putting a new image into the region of another one."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def composited(source: Image.Image, new: Image.Image, shown: NDArray[np.float32]) -> Image.Image:
    """Show `new` in its region, and `source` elsewhere, where its pixels stay the same, bit for bit.

    Args:
        source, new: RGB images of one size.
        shown: [height, width], how much of `new` each pixel shows, from 0 to 1, as `feathered` returns it.
    """
    assert source.mode == new.mode == "RGB"
    assert source.size == new.size == shown.shape[::-1]
    share = shown[..., None]
    below, above = (np.asarray(image).astype(np.float32) for image in (source, new))
    mixed = np.rint(below * (1 - share) + above * share)  # exact where the share is 0 or 1
    return Image.fromarray(mixed.astype(np.uint8))
