"""Where the object of each source picture is: boxes in any form, and masks in files, read and checked."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from synthgen.errors import UsageError
from synthgen.images import LeftOut, decode_as_stored
from synthgen.regions.boxes import BoxForm, Convention, Size, find_form, read_box
from synthgen.regions.carried import Corners
from synthgen.regions.error import RegionError
from synthgen.regions.masks import Mask, mask_of_picture
from synthgen.sets.image_set import BATCH, ImageSet, lacking
from synthgen.sets.own_boxes import form_in
from synthgen.spec import SourceSpec

MOST_PIXELS = 100_000_000
"""The largest picture: 300 MB of memory while one image is made from it."""
_RELATIVE = "relative-"
_KEYS = ("bbox", "boxes", "box")
"""Where a mapping of annotations has its boxes, as `objects` of `datasets` and the annotations of COCO have them."""

_Boxes = Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
class FoundObjects:
    """What a set says of the objects of its pictures, by row of the set.

    Attributes:
        boxes: in pixels of the upright picture.
        masks: the sha256 of each mask's file, in hex.
        faults: why a picture cannot be used.
        notes: for the user, in sentences.
    """

    boxes: Mapping[int, tuple[Corners, ...]]
    masks: Mapping[int, str]
    faults: Mapping[int, str]
    notes: tuple[str, ...]


def find_objects(found: ImageSet, source: SourceSpec, sizes: Mapping[int, Size], needs: str | None) -> FoundObjects:
    """Read boxes and masks of the pictures at some rows of a set.

    Args:
        sizes: of the upright pictures, by row.
        needs: "boxes", if a picture without one cannot be used.

    Raises:
        UsageError: a column does not exist, or it is unclear in which form boxes are written.
        StorageError: the set cannot be read.
    """
    faults, notes = dict[int, str](), list[str]()
    boxes: dict[int, tuple[Corners, ...]] = {}
    masks: dict[int, str] = {}

    if source.boxes is not None:
        cells = _cells(found, source.boxes, [*sizes], faults)
        of_set = form_in(found, source.boxes) if source.box_form is None else None
        form = _form(of_set or source.box_form, cells, sizes)
        if source.box_form is None and of_set is None:
            notes.append(f"boxes in the column {source.boxes!r} are read as {form}")
        for place, numbers in cells.items():
            try:
                boxes[place] = _corners(numbers, sizes[place], form, needs == "boxes")
            except RegionError as error:
                faults[place] = f"{error.message}. {error.hint}"
    if source.mask is not None:
        for place, mask in _masks(found, source.mask, sizes):
            if isinstance(mask, RegionError):
                faults.setdefault(place, mask.message)
            else:
                masks[place] = mask
    return FoundObjects(boxes, masks, faults, tuple(notes))


def mask_of_file(data: bytes | LeftOut, size: Size) -> Mask:
    """Decode the mask of a picture of this size.

    Raises:
        RegionError: it cannot be opened, or is no mask of that picture.
    """
    picture = data if isinstance(data, LeftOut) else decode_as_stored(data, MOST_PIXELS)
    if isinstance(picture, LeftOut):
        detail = f": {picture.detail}" if picture.detail else ""
        raise RegionError(f"its mask is among those {picture.reason}{detail}", hint=picture.hint)
    return mask_of_picture(picture, size)


def files_of(found: ImageSet, key: str, column: str, places: Sequence[int]) -> list[bytes | LeftOut]:
    """Read the pictures in a column that a key of the spec names.

    Raises:
        UsageError: there is no such column.
    """
    try:
        return found.pictures(column, places)
    except UsageError as error:
        raise _of_key(key, error) from error


def _of_key(key: str, error: UsageError) -> UsageError:
    return UsageError(f"source.{key}: {error.message}", hint=error.hint)


def _cells(found: ImageSet, column: str, places: Sequence[int], faults: dict[int, str]) -> dict[int, _Boxes]:
    """Read the column of boxes as it is written. What is not a list of boxes is a fault.

    Raises:
        UsageError: there is no such column.
    """
    if column not in found.columns:
        raise _of_key("boxes", lacking(found.source, column, found.columns))
    cells = found.table([column])[column]
    read: dict[int, _Boxes] = {}
    for place in places:
        try:
            read[place] = _lists(cells.iloc[place])
        except (ValueError, TypeError):
            faults[place] = f"{cells.iloc[place]!r:.60} is not a list of boxes"
    return read


def _lists(cell: object) -> _Boxes:
    """Return the boxes of a cell: one, a list, JSON of them, or annotations that have them.

    Raises:
        ValueError, TypeError: it holds something else.
    """
    if cell is None or (isinstance(cell, float) and np.isnan(cell)):
        return []
    if isinstance(cell, str):
        return _lists(json.loads(cell)) if cell.strip() else []
    if isinstance(cell, Mapping):
        return _lists(next((cell[key] for key in _KEYS if key in cell), _NO_BOXES))
    if not isinstance(cell, list | tuple | np.ndarray):
        raise TypeError
    entries = [*cell]
    if entries and all(isinstance(one, int | float | np.number) for one in entries):
        return [[float(one) for one in entries]]
    if entries and all(isinstance(one, Mapping) for one in entries):
        return [box for one in entries for box in _lists(one)]
    return [[float(number) for number in one] for one in entries]


_NO_BOXES = object()


def _form(named: str | None, cells: Mapping[int, _Boxes], sizes: Mapping[int, Size]) -> BoxForm:
    """Return the form of this name, or the one that fits.

    Raises:
        UsageError: none or several fit.
    """
    if named is not None:
        return BoxForm(Convention(named.removeprefix(_RELATIVE)), named.startswith(_RELATIVE))
    try:
        return find_form((box, sizes[place]) for place, boxes in cells.items() for box in boxes)
    except RegionError as error:
        say = "If you know it, name it in source.box_form, such as xywh or relative-cxcywh."
        raise _of_key("boxes", RegionError(error.message, hint=f"{error.hint} {say}")) from error


def _corners(boxes: _Boxes, size: Size, form: BoxForm, needed: bool) -> tuple[Corners, ...]:
    if needed and not boxes:
        raise RegionError("it has no box, and the region is made of boxes", hint="Leave it out with source.where.")
    read = [read_box(box, size, form) for box in boxes]
    return tuple((box.left, box.top, box.right, box.bottom) for box in read)


def _masks(found: ImageSet, column: str, sizes: Mapping[int, Size]) -> list[tuple[int, str | RegionError]]:
    """Decode the mask of each picture, and return the sha256 of its file, or what is wrong with it."""

    def digest(data: bytes | LeftOut, place: int) -> str | RegionError:
        try:
            mask_of_file(data, sizes[place])
        except RegionError as error:
            return error
        assert isinstance(data, bytes)
        return sha256(data).hexdigest()

    places, read = [*sizes], list[tuple[int, str | RegionError]]()
    with ThreadPoolExecutor() as threads:  # decoders let other threads work
        for first in range(0, len(places), BATCH):
            some = places[first : first + BATCH]
            read += zip(some, threads.map(digest, files_of(found, "mask", column, some), some), strict=True)
    return read
