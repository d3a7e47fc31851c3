"""Preprocessors: how the picture that conditions a generator is made from a picture."""

from typing import cast

import numpy as np
from PIL import Image

CANNY_LOW, CANNY_HIGH = 100, 200
"""The usual thresholds of Canny's edge detector, on gradients of 8-bit pictures."""


def canny(picture: Image.Image, low: int = CANNY_LOW, high: int = CANNY_HIGH) -> Image.Image:
    """Return the outlines of an RGB picture by OpenCV's Canny: white lines, one pixel wide, on black, as RGB.

    Gradients above `high` begin a line; it goes on while they are above `low`.
    """
    import cv2

    edges = cast("np.ndarray[tuple[int, int], np.dtype[np.uint8]]", cv2.Canny(np.asarray(picture), low, high))
    return Image.fromarray(edges).convert("RGB")
