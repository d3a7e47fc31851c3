"""Where the object of an image is, for formats of detectors: its boxes and masks, and outlines of masks."""

import io
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from synthgen.dataset.checked_objects import boxes_within, check_pairs
from synthgen.dataset.formats.parts import EncodedPicture, Parts
from synthgen.errors import UsageError
from synthgen.ledger.columns import BOXES, MASK, MASKS
from synthgen.regions.boxes import PixelBox
from synthgen.regions.masks import Mask

_HALF = 127
_OFF = 0.5
"""An outline leaves out corners that are less than this many pixels off the line between others."""


@dataclass(frozen=True, slots=True)
class FoundObject:
    """One object on an image. All objects of an image are of its class."""

    box: PixelBox
    mask: Mask | None


def has_objects(columns: Iterable[str]) -> bool:
    """Whether rows with these columns say where the object is."""
    return not {BOXES, MASK, MASKS}.isdisjoint(columns)


def needs_upright(formats: Collection[str], columns: Iterable[str]) -> bool:
    """Whether pictures in these formats must be stored upright: some readers turn them as EXIF says, and some do not.

    PIL, and with it torchvision's `CocoDetection`, does not; OpenCV and Ultralytics do. Width, height and boxes are
    only right for all of them if there is nothing to turn.
    """
    return "coco" in formats or ("yolo" in formats and has_objects(columns))


def objects_of(parts: Parts) -> list[FoundObject]:
    """Return the objects of an image.

    Each box has its mask, where the row has masks for boxes; masks without any box have the smallest around them. One
    mask for all is that of the one box; of several, each box has what of it is inside, unless two boxes overlap.

    Raises:
        UsageError: there are boxes and masks, but not as many; or one does not fit into its image.
    """
    boxes = boxes_within(parts.id, parts.values.get(BOXES), parts.image.size)
    if masks := [_mask(mask, parts) for mask in parts.lists.get(MASKS, ())]:
        if not boxes:
            return [FoundObject(box, mask) for mask in masks if (box := _around(mask)) is not None]
        check_pairs(parts.id, len(boxes), len(masks))
        return [FoundObject(box, mask) for box, mask in zip(boxes, masks, strict=True)]
    picture = parts.pictures.get(MASK)
    if picture is None:
        return [FoundObject(box, None) for box in boxes]

    mask = _mask(picture, parts)
    if not boxes:
        return [FoundObject(box, mask)] if (box := _around(mask)) is not None else []
    if len(boxes) == 1:
        return [FoundObject(boxes[0], mask)]
    apart = not any(_overlap(one, other) for place, one in enumerate(boxes) for other in boxes[:place])
    return [FoundObject(box, _inside(mask, box) if apart else None) for box in boxes]


def outline(found: FoundObject) -> list[tuple[float, float]]:
    """Return the corners of one polygon around the mask of an object, in pixels; of its box, if it has no mask.

    Parts of a mask, and holes in it, are joined by lines without a width: by the even-odd rule, which fills polygons,
    it is the mask.
    """
    import cv2

    mask = found.mask
    if mask is None or not mask.any():
        left, top, right, bottom = found.box.left, found.box.top, found.box.right, found.box.bottom
        return [(left, top), (right, top), (right, bottom), (left, bottom)]
    # OpenCV goes through the middles of pixels. Of a picture twice as large, they tell the edges of pixels.
    twice = mask.repeat(2, axis=0).repeat(2, axis=1).astype(np.uint8)
    contours, _ = cv2.findContours(twice, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    edges = (np.asarray((contour + 1) // 2, np.int32) for contour in contours)
    rings = [np.asarray(cv2.approxPolyDP(edge, _OFF, closed=True)[:, 0], np.int32) for edge in edges]
    whole, *others = sorted((ring for ring in rings if len(ring) > 2), key=len, reverse=True)
    for ring in others:
        whole = _joined(whole, ring)
    return [(float(x), float(y)) for x, y in whole]


def _joined(whole: NDArray[np.int32], ring: NDArray[np.int32]) -> NDArray[np.int32]:
    """Go from the nearest corner of one polygon around the other one and back."""
    from scipy.spatial import cKDTree

    distances, nearest = cKDTree(whole).query(ring)
    start = int(np.argmin(distances))
    at = int(np.asarray(nearest)[start])
    around = np.roll(ring, -start, axis=0)
    return np.concatenate([whole[: at + 1], around, around[:1], whole[at:]])


def _mask(picture: EncodedPicture, of: Parts) -> Mask:
    with Image.open(io.BytesIO(picture.data)) as opened:
        upright = ImageOps.exif_transpose(opened)
        if upright.size != of.image.size:
            (width, height), (wide, high) = upright.size, of.image.size
            what = f"the mask of {of.id} has {width} x {height} pixels, and its image {wide} x {high}"
            raise UsageError(what, hint="A mask must be as large as its image, and turned the same way.")
        return np.asarray(upright.convert("L")) > _HALF


def _around(mask: Mask) -> PixelBox | None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return PixelBox(float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))


def _inside(mask: Mask, box: PixelBox) -> Mask:
    top, bottom = (round(min(max(side, 0), mask.shape[0])) for side in (box.top, box.bottom))
    left, right = (round(min(max(side, 0), mask.shape[1])) for side in (box.left, box.right))
    found = np.zeros_like(mask)
    found[top:bottom, left:right] = mask[top:bottom, left:right]
    return found


def _overlap(one: PixelBox, other: PixelBox) -> bool:
    wide = min(one.right, other.right) - max(one.left, other.left)
    high = min(one.bottom, other.bottom) - max(one.top, other.top)
    return wide > 0 and high > 0
