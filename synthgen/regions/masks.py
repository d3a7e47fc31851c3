"""Masks: arrays of truth values in the shape [height, width], true in the region."""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from synthgen.images import Change, to_rgb
from synthgen.regions.boxes import PixelBox, Size
from synthgen.regions.error import RegionError

Mask = NDArray[np.bool_]

_WHITE, _HALF = 255, 128
_COLORED, _FEW = 48, 0.01
"""Channels this far apart are a colour; a mask in JPEG may have some."""
_BRIGHTNESS = np.array([299, 587, 114], dtype=np.int32)
"""Of red, green and blue: Rec. 601."""
_BLACK_AND_WHITE = "Save it in black and white: white where the region is."


def mask_of_boxes(boxes: Iterable[PixelBox], size: Size, pad: float = 0) -> Mask:
    """Join boxes: a pixel is in the region if a box covers some of it. Its inverse is what is outside all boxes.

    Args:
        pad: so many pixels are added to each box on every side. A negative number makes boxes smaller.
    """
    width, height = size
    found = np.zeros((height, width), dtype=bool)
    for box in boxes:
        wide = box.padded(pad)
        left, top = max(math.floor(wide.left), 0), max(math.floor(wide.top), 0)
        right, bottom = max(math.ceil(wide.right), 0), max(math.ceil(wide.bottom), 0)
        found[top:bottom, left:right] = True
    return found


def mask_of_picture(picture: Image.Image, size: Size, threshold: float | None = None) -> Mask:
    """Read a mask from a picture of any mode: bright pixels are in the region.

    In a picture of two values, such as 0 and 1, the brighter one is the region. In any other, the region begins at half
    of what white is in its mode.

    Args:
        size: of the image that the mask belongs to.
        threshold: where the region begins, as a share of white. Two values are compared with it, too.

    Raises:
        RegionError: it has another size, transparent pixels or colours; it is empty or full; or most of its pixels
            that are not black are dark, as in maps of class numbers.
    """
    if picture.size != size:
        what = f"the mask has {_shown(picture.size)} pixels, and its image {_shown(size)}"
        raise RegionError(what, hint="A mask must be as large as its image, and turned the same way.")
    converted = to_rgb(picture)
    if converted.changes & Change.GROUND:
        what = "the mask has transparent pixels, and it is unclear whether they are the region"
        raise RegionError(what, hint=_BLACK_AND_WHITE)

    if threshold is None and (found := _brighter_of_two(picture, converted.image)) is not None:
        return found
    rgb = np.asarray(converted.image)
    if np.mean(rgb.max(axis=2) - rgb.min(axis=2) > _COLORED) > _FEW:
        raise RegionError("the mask has several colours, and it is unclear which are the region", hint=_BLACK_AND_WHITE)
    grey = np.asarray(converted.image.convert("L"))
    mask = grey >= (_HALF if threshold is None else _WHITE * threshold)
    bright, lit = int(mask.sum()), int((grey > 0).sum())
    if threshold is None and 2 * bright < max(lit, 1):
        what = f"the mask is dark: most of its pixels that are not black are below {_HALF} of {_WHITE}"
        raise RegionError(what, hint=f"They may be numbers of classes. {_BLACK_AND_WHITE}")

    check_mask(mask)
    return mask


def padded(mask: Mask, by: float) -> Mask:
    """Let a region grow by so many pixels on every side, or shrink, if it is less than 0."""
    if by == 0 or mask.all() or not mask.any():
        return mask
    from scipy.ndimage import distance_transform_edt

    if by < 0:
        return np.asarray(distance_transform_edt(mask) > -by)
    return np.asarray(distance_transform_edt(~mask) <= by)


def check_mask(mask: Mask) -> None:
    """Check that a mask has pixels inside and outside its region.

    Raises:
        RegionError: it is empty, or full.
    """
    if not mask.any():
        raise RegionError("the mask is empty: no pixel is in the region", hint=_BLACK_AND_WHITE)
    if mask.all():
        raise RegionError("the mask is full: no pixel is outside the region", hint=_BLACK_AND_WHITE)


def feathered(mask: Mask, radius: float) -> NDArray[np.float32]:
    """Return how much of a new image each pixel shows, from 0 to 1.

    It is 0 outside the region, and rises inwards from the region's edge, to 1 after `radius` pixels. Where the region
    ends at the edge of the image, it does not fall.
    """
    if radius <= 0 or mask.all():
        return mask.astype(np.float32)
    from scipy.ndimage import distance_transform_edt

    distance = np.asarray(distance_transform_edt(mask), dtype=np.float32)
    found: NDArray[np.float32] = np.minimum(distance / np.float32(radius + 1), np.float32(1))
    return found


def _brighter_of_two(picture: Image.Image, rgb: Image.Image) -> Mask | None:
    """Return where the brighter one of two values is; None if there are more than two.

    Raises:
        RegionError: there is one value only.
    """
    is_number = picture.mode in ("1", "L", "I", "F") or picture.mode.startswith("I;")
    # Not the numbers in `rgb`, where the 1 of a 16-bit picture is 0.
    values = np.asarray(picture) if is_number else np.asarray(rgb).astype(np.int32) @ _BRIGHTNESS
    low, high = values.min(), values.max()
    if low == high:
        check_mask(np.full(values.shape, bool(low > 0)))
    is_high = np.asarray(values == high)
    return is_high if (is_high | (values == low)).all() else None


def _shown(size: Size) -> str:
    return f"{size[0]} x {size[1]}"
