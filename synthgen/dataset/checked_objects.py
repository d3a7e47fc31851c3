"""Boxes and masks of a dataset, checked before they are written: all must fit their images."""

from collections.abc import Mapping
from typing import cast

from synthgen.dataset.encoding import Encoding
from synthgen.dataset.images import SelectedImages
from synthgen.dataset.turned_masks import INTACT, MASK_COLUMNS, orientation_of_mask
from synthgen.errors import UsageError
from synthgen.events import OnProgress, StepProgress
from synthgen.images import LeftOut, decode_as_stored, is_upright, upright_size
from synthgen.ledger.columns import BOXES, MASK, MASKS
from synthgen.regions.boxes import PixelBox, Size, pixel_box
from synthgen.regions.error import RegionError
from synthgen.sets.complaints import Complaints

UNUSABLE = "images cannot be used"
"""What complaints count."""


def boxes_within(image_id: str, cell: object, size: Size) -> list[PixelBox]:
    """Return the boxes of an image: left, top, right and bottom, in pixels.

    Args:
        cell: what the row has in its column of boxes.
        size: of the image, upright.

    Raises:
        UsageError: one has no area, or reaches over the image by more than a pixel.
    """
    if cell is None:
        return []
    try:
        return [pixel_box(box, size) for box in cast("list[object]", cell if isinstance(cell, list) else [cell])]
    except RegionError as error:
        raise UsageError(f"the image {image_id}: {error.message}", hint=error.hint) from error


def check_objects(
    images: SelectedImages, source: str, total: int, encoding: Encoding, *, upright: bool, on_progress: OnProgress
) -> None:
    """Check the boxes and masks of all images, before anything is written.

    Args:
        source: the set, for messages.
        total: how many images there are.
        encoding: how the pictures will be encoded. Of one that is turned by it, the masks are turned, too.
        upright: whether all pictures are turned upright, as formats of detectors have them, which draw the masks.

    Raises:
        UsageError: some do not fit their images, or cannot be opened.
    """
    there = [name for name in (BOXES, *MASK_COLUMNS) if name in images.schema.names]
    if not there:
        return

    complaints, done = Complaints(UNUSABLE, source), 0
    for _, rows in images.batches():
        pictures = rows["image"].field("bytes")
        for image_id, stored, cells in zip(
            rows["id"].to_pylist(), pictures, rows.select(there).to_pylist(), strict=True
        ):
            picture = stored.as_py()
            turned = not (encoding.keeps(picture) or is_upright(picture))
            try:
                boxes = _boxes(image_id, picture, cells)
                masks = _masks(image_id, picture, cells) if upright or turned else 0
                if upright:
                    check_pairs(image_id, boxes, masks)
            except UsageError as error:
                complaints.add(error.message, error.hint)
        done += rows.num_rows
        on_progress(StepProgress("checking boxes and masks", "images", done, total))
    complaints.refuse()


def _boxes(image_id: str, picture: bytes, cells: Mapping[str, object]) -> int:
    """Check the boxes of an image, and count them; none if it cannot be opened.

    Raises:
        UsageError: one does not fit.
    """
    cell = cells.get(BOXES)
    size = upright_size(picture) if cell else None
    return 0 if size is None else len(boxes_within(image_id, cell, size))


def _masks(image_id: str, picture: bytes, cells: Mapping[str, object]) -> int:
    """Check the masks of an image, and count those that are one for each box.

    Raises:
        UsageError: one does not fit, or cannot be opened.
    """
    several = cast("list[object]", cells.get(MASKS) or [])
    for cell in (cells.get(MASK), *several):
        if isinstance(cell, dict) and isinstance(mask := cell.get("bytes"), bytes):
            orientation_of_mask(mask, picture, image_id)
            if isinstance(found := decode_as_stored(mask), LeftOut):
                raise UsageError(f"the mask of {image_id} cannot be opened: {found.detail}", hint=INTACT)
    return len(several)


def check_pairs(image_id: str, boxes: int, masks: int) -> None:
    """Check that an image with boxes has no masks for them, or one for each.

    Raises:
        UsageError: it has not.
    """
    if boxes and masks and boxes != masks:
        what = f"the image {image_id} has {boxes} boxes and {masks} masks"
        raise UsageError(what, hint="Give each box its mask, or leave the column of masks out of the set.")
