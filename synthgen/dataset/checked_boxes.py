"""Boxes of a dataset, checked before they are written: none without an area, and none outside its image."""

from collections.abc import Iterator
from typing import cast

import pyarrow as pa

from synthgen.dataset.images import SelectedImages
from synthgen.errors import UsageError
from synthgen.images import upright_size
from synthgen.ledger.columns import BOXES, ImageRow
from synthgen.regions.boxes import PixelBox, Size, pixel_box
from synthgen.regions.error import RegionError


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


class CheckedImages(SelectedImages):
    """The images of a selection. A box that does not fit into its image ends the reading."""

    def __init__(self, images: SelectedImages) -> None:
        self._images = images
        self.schema, self.count = images.schema, 0

    def batches(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield some rows at a time: see `SelectedImages`.

        Raises:
            UsageError: a box does not fit into its image.
        """
        self.count = 0
        for split, rows in self._images.batches():
            columns = (rows["id"].to_pylist(), rows["image"].field("bytes"), rows[BOXES].to_pylist())
            for image_id, picture, cell in zip(*columns, strict=True):
                if cell and (size := upright_size(picture.as_py())) is not None:
                    boxes_within(image_id, cell, size)
            self.count += rows.num_rows
            yield split, rows

    def rows(self) -> Iterator[tuple[str, ImageRow]]:
        """Yield one row at a time: see `SelectedImages`."""
        for split, batch in self.batches():
            for row in batch.to_pylist():
                yield split, cast("ImageRow", row)
