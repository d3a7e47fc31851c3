"""Masks that a format of sets has itself, one for each of its boxes. They are drawn when they are asked for."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from synthgen.images import LeftOut, is_upright, upright_size
from synthgen.regions.boxes import Size
from synthgen.regions.encoded import png_of
from synthgen.regions.error import RegionError
from synthgen.regions.masks import Mask
from synthgen.sets.files import FileSet

OWN_MASKS = "masks"
"""The column."""
Drawing: TypeAlias = Callable[[Size], Mask]
"""Draws the mask of an object on a picture of this size, and raises a RegionError if it cannot."""


def with_masks(opened: FileSet, drawings: Callable[[Sequence[int]], list[list[Drawing]]], partly: int) -> None:
    """Give a set its masks.

    Args:
        drawings: gives, for some rows, how the masks of their boxes are drawn: one for each, or none at all.
        partly: so many images have a mask for some of their objects, but not one for each box.
    """

    def read(rows: Sequence[int]) -> list[list[bytes | LeftOut]]:
        return [_drawn(one, picture) for one, picture in zip(drawings(rows), opened.some(rows), strict=True)]

    opened.own_lists = {OWN_MASKS: read}
    if partly:
        images = "1 image has" if partly == 1 else f"{partly:,} images have"
        why = f"{images} no mask for some object or no box for some mask, and so none at all"
        opened.unread = {**opened.unread, f"some {OWN_MASKS}": why}


def _drawn(drawings: Sequence[Drawing], picture: bytes | LeftOut) -> list[bytes | LeftOut]:
    if isinstance(picture, LeftOut) or not drawings:
        return []
    if (size := upright_size(picture)) is None:
        return []  # the picture itself cannot be opened, which whoever reads it says
    try:
        turns = not is_upright(picture)
        return [png_of(draw(size), says_upright=turns) for draw in drawings]
    except RegionError as error:
        return [LeftOut("whose masks cannot be read", error.message, error.hint)]
