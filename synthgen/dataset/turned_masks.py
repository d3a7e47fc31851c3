"""Masks of pictures that are turned upright: they are turned along, where they belong to the pixels as stored."""

import io
from collections.abc import Mapping
from typing import Final

import pyarrow as pa
from PIL import Image

from synthgen.errors import UsageError
from synthgen.images import orientation_of, picture_size, upright_size
from synthgen.ledger.columns import MASK, MASKS
from synthgen.regions.boxes import Size

MASK_COLUMNS: Final = (MASK, MASKS)
_TURNS: Final[Mapping[int, Image.Transpose]] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture upright, by its orientation in EXIF."""
INTACT: Final = "Put an intact one in its place, or take the image out."
"""What to do about a mask that cannot be opened."""
_PNG: Final = ("1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA")


def turned_mask(mask: bytes, picture: bytes, image_id: object) -> bytes:
    """Return the mask of a picture that is turned upright as its EXIF says.

    A mask that says in EXIF itself how it stands is believed. Any other belongs to the pixels as they are stored, if
    it has their size, and is turned with them. If it has the size of the upright picture alone, it is as it should be.

    Args:
        picture: as it was before it was turned.

    Raises:
        UsageError: it has neither size, or cannot be opened.
    """
    how = orientation_of_mask(mask, picture, image_id)
    return mask if how is None else _turned(mask, how, image_id)


def orientation_of_mask(mask: bytes, picture: bytes, image_id: object) -> int | None:
    """Return how the mask of a picture is turned, as a number of EXIF; None if it is as the picture is seen.

    Raises:
        UsageError: see `turned_mask`.
    """
    stored, upright = picture_size(picture), upright_size(picture)
    size, own = picture_size(mask), orientation_of(mask)
    if size is None or stored is None or upright is None:
        raise UsageError(f"the mask of {image_id} cannot be opened", hint=INTACT)
    if own is None and size == stored:
        return orientation_of(picture) or 1
    if own is not None and upright_size(mask) == upright:
        return own
    if own is None and size == upright:
        return None
    seen = f", {_shown(upright)} upright" if upright != stored else ""
    what = f"the mask of {image_id} has {_shown(size)} pixels, and its picture {_shown(stored)}{seen}"
    raise UsageError(what, hint="A mask must be as large as its picture: as stored, or as seen.")


def turned_masks(cells: pa.Array, pictures: Mapping[int, bytes], ids: pa.Array) -> pa.Array:
    """Turn the masks in a column, of the rows whose pictures are turned.

    Args:
        cells: a mask for each row, or a list of them.
        pictures: by row, as they were before they were turned.

    Raises:
        UsageError: see `turned_mask`.
    """
    if not pictures:
        return cells
    rows = cells.to_pylist()
    for row, picture in pictures.items():
        image_id, cell = ids[row].as_py(), rows[row]
        if isinstance(cell, list):
            rows[row] = [_stored(one, picture, image_id) for one in cell]
        else:
            rows[row] = _stored(cell, picture, image_id)
    return pa.array(rows, cells.type)


def _stored(cell: object, picture: bytes, image_id: object) -> object:
    if not isinstance(cell, dict) or not isinstance(data := cell.get("bytes"), bytes):
        return cell
    new = turned_mask(data, picture, image_id)
    return cell if new is data else {"bytes": new, "path": None}


def _turned(mask: bytes, orientation: int, image_id: object) -> bytes:
    if orientation not in _TURNS:
        return mask
    try:
        with Image.open(io.BytesIO(mask)) as opened:
            new = opened.transpose(_TURNS[orientation])
    except (OSError, ValueError, SyntaxError) as error:
        raise UsageError(f"the mask of {image_id} cannot be opened: {error}", hint=INTACT) from error
    new.info.pop("exif", None)
    file = io.BytesIO()
    new.save(file, "PNG" if new.mode in _PNG else "TIFF")
    return file.getvalue()


def _shown(size: Size) -> str:
    return f"{size[0]} x {size[1]}"
