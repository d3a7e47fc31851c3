"""The boxes of a set in the one form of all datasets: left, top, right and bottom, in pixels of the upright picture."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import TypeVar, cast

import pyarrow as pa

from synthgen.dataset.checked_objects import UNUSABLE
from synthgen.dataset.joining.rows import complain, rows_of
from synthgen.dataset.joining.side import BOXES_TYPE, JoinedSide
from synthgen.events import OnProgress, StepProgress
from synthgen.images import upright_size
from synthgen.ledger.columns import BOXES
from synthgen.regions.boxes import BoxForm, Convention, Size, find_form, read_box
from synthgen.regions.error import RegionError
from synthgen.sets.complaints import Complaints
from synthgen.spec import BoxFormName

OF_DATASETS: BoxFormName = "xyxy"
"""How all datasets that synthgen writes have their boxes."""
_RELATIVE = "relative-"
_Cell = TypeVar("_Cell")


def form_named(name: BoxFormName) -> BoxForm:
    """Return the form that has this name."""
    return BoxForm(Convention(name.removeprefix(_RELATIVE)), name.startswith(_RELATIVE))


def form_of(cells: Iterable[tuple[object, Size]]) -> BoxForm | None:
    """Tell how boxes are written; None if there are none.

    Args:
        cells: the boxes of each image, with its size.

    Raises:
        RegionError: that is unclear, or they are no boxes.
    """
    boxes = ((box, size) for cell, size in cells for box in _listed(cell))
    first = next(boxes, None)
    return None if first is None else find_form(chain([first], boxes))


def corners(cell: object, size: Size, form: BoxForm) -> list[list[float]]:
    """Convert the boxes of an image.

    Raises:
        RegionError: one does not fit into the image.
    """
    read = [read_box(box, size, form) for box in _listed(cell)]
    return [[box.left, box.top, box.right, box.bottom] for box in read]


def check_size(side: JoinedSide, place: int, size: Size) -> None:
    """Compare the size of an image as it is seen with the one that its boxes are in.

    Raises:
        RegionError: the set says that they are in an image of another size.
    """
    if (said := side.box_sizes.get(place, size)) != size:
        what = (
            f"its boxes are in an image of {said[0]} x {said[1]} pixels, and as it is seen it has {size[0]} x {size[1]}"
        )
        hint = "Write the boxes for the image as it is, turned as its EXIF says, and its width and height."
        raise RegionError(what, hint=hint)


def corners_in(
    side: JoinedSide, first: int, pictures: Sequence[bytes], cells: pa.Array, complaints: Complaints
) -> pa.Array:
    """Convert the boxes of some rows of a set that `with_form` returned.

    Args:
        first: the place of the first of these rows.
        complaints: hear of boxes that do not fit into their images. Of pictures that cannot be opened, whoever reads
            them complains.
    """
    form = form_named(side.boxes or OF_DATASETS)
    found: list[list[list[float]] | None] = []
    for place, (picture, cell) in enumerate(zip(pictures, cells.to_pylist(), strict=True), start=first):
        size = upright_size(picture) if cell else None
        try:
            if size is not None:
                check_size(side, place, size)
            found.append(corners(cell, size, form) if size is not None else None)
        except RegionError as error:
            hint = f'Or leave the boxes out: `leave_out="{BOXES}"`.'
            complain(side, complaints, f"{side.ids[place]}: {error.message}", error.hint, hint)
            found.append(None)
    return pa.array(found, BOXES_TYPE)


def with_form(side: JoinedSide, on_progress: OnProgress) -> JoinedSide:
    """Return a set of which it is known how its boxes are written. If that is unclear, it does not bring them along.

    Where neither its format nor its maker says it, the whole set is read: the form is the one that fits its images.

    Raises:
        StorageError: the set cannot be read.
    """
    if BOXES not in side.columns.names:
        return side
    try:
        if BOXES in {*side.as_names, *side.as_pictures, *side.as_lists}:
            raise _no_lists()
        return replace(side, boxes=side.boxes or _name(form_of(_sized(side, on_progress))))
    except RegionError as error:
        return replace(
            side,
            columns=pa.schema([field for field in side.columns if field.name != BOXES]),
            as_names=_without(side.as_names),
            as_pictures=_without(side.as_pictures),
            as_lists=_without(side.as_lists),
            boxes=None,
            unread={**side.unread, BOXES: error.message},
        )


def _without(columns: Mapping[str, _Cell]) -> dict[str, _Cell]:
    return {name: cell for name, cell in columns.items() if name != BOXES}


def _listed(cell: object) -> Sequence[Sequence[float]]:
    """Return the boxes of an image.

    Raises:
        RegionError: it holds something else.
    """
    found = [] if cell is None else cell
    if not isinstance(found, list) or not all(isinstance(box, list) for box in found):
        raise _no_lists()
    return found


def _no_lists() -> RegionError:
    return RegionError("it holds no lists of numbers", hint="An image has a list of boxes, each of four numbers.")


def _name(form: BoxForm | None) -> BoxFormName:
    if form is None:
        return OF_DATASETS
    return cast("BoxFormName", f"{_RELATIVE if form.relative else ''}{form.convention}")


def _sized(side: JoinedSide, on_progress: OnProgress) -> Iterator[tuple[object, Size]]:
    """Read the boxes of each image that has some, with the size of the image; none of those that cannot be opened."""
    alone = replace(side, columns=pa.schema([side.columns.field(BOXES)]), as_names={}, as_pictures={}, as_lists={})
    for first, pictures, others in rows_of(alone, Complaints(UNUSABLE)):
        for picture, cell in zip(pictures, others[BOXES].to_pylist(), strict=True):
            if cell and (size := upright_size(picture)) is not None:
                yield cell, size
        done = first + len(pictures)
        on_progress(StepProgress(f"reading the boxes of {side.title}", "images", done, len(side.ids)))
