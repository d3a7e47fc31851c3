"""The masks in COCO's annotations: outlines or run lengths of each object."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial

import numpy as np

from synthgen.errors import StorageError
from synthgen.regions.boxes import Size
from synthgen.regions.encoded import mask_of_outlines, mask_of_run_lengths
from synthgen.regions.masks import Mask
from synthgen.sets.own_masks import Drawing

_Annotation = Mapping[str, object]


def is_boxed(annotation: _Annotation) -> bool:
    """Whether an annotation is an object with a box; a crowd is none. Some tools write an empty box for none."""
    return annotation.get("bbox") not in (None, []) and not annotation.get("iscrowd")


def partly_masked(annotations: Iterable[_Annotation]) -> int:
    """Count the images that have masks, but not one for each box and a box for each mask."""
    seen: dict[object, set[tuple[bool, bool]]] = {}
    for each in annotations:
        if not each.get("iscrowd"):
            seen.setdefault(each.get("image_id"), set()).add((is_boxed(each), bool(each.get("segmentation"))))
    return sum(any(masked for _, masked in kinds) and kinds != {(True, True)} for kinds in seen.values())


def coco_masks(
    annotations: Callable[[], Iterator[list[_Annotation]]],
) -> Callable[[Sequence[int]], list[list[Drawing]]]:
    """Return what tells how the masks of an image are drawn.

    Args:
        annotations: gives those of each image. It is called when a mask is asked for.
    """

    @cache
    def drawings() -> list[list[Drawing]]:
        return [_drawings(each) for each in annotations()]

    def of(rows: Sequence[int]) -> list[list[Drawing]]:
        found = drawings()
        if rows and rows[-1] >= len(found):
            hint = "Try again when nobody writes to the set."
            raise StorageError("the annotations have fewer images than a moment ago", hint=hint)
        return [found[row] for row in rows]

    return of


def _drawings(annotations: Sequence[_Annotation]) -> list[Drawing]:
    objects = [each for each in annotations if not each.get("iscrowd")]
    if not all(is_boxed(each) and each.get("segmentation") for each in objects):
        return []
    return [partial(_mask, _compact(each["segmentation"])) for each in objects]


def _compact(written: object) -> object:
    """Return outlines as arrays: as JSON has them, they take ten times the memory."""
    if not isinstance(written, list):
        return written
    try:
        return [np.asarray(outline, np.float32) for outline in written]
    except (TypeError, ValueError):
        return written


def _mask(written: object, size: Size) -> Mask:
    if isinstance(written, Mapping):
        return mask_of_run_lengths(written, size)
    return mask_of_outlines(written if isinstance(written, list) else [written], size)
