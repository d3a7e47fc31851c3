"""The card's picture: a few images of each class, on one sheet."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from math import ceil, sqrt
from pathlib import Path
from typing import cast

import pyarrow as pa
from PIL import Image

from synthgen.dataset.images import SelectedImages
from synthgen.images import LeftOut, decode_small
from synthgen.ledger.columns import ImageRow
from synthgen.store.layout import CONTACT

_SIDE, _GAP, _QUALITY = 112, 4, 85
CONTACT_CLASSES = 8
"""At most so many classes are shown."""
_EACH, _ALL = 8, 48
"""At most so many images of a class, and of all."""


class SampledImages(SelectedImages):
    """The images of another selection as they come, of which the first of each class are kept, small.

    Rows come in a random order, so that the first are a random sample.
    """

    def __init__(self, images: SelectedImages, classes: Sequence[str]) -> None:
        """Prepare to keep some images of the first classes."""
        self._images = images
        self.schema, self.count = images.schema, 0
        shown = range(min(len(classes), CONTACT_CLASSES))
        self._kept: dict[int, list[Image.Image]] = {label: [] for label in shown}
        self._each = min(_EACH, ceil(_ALL / max(1, len(shown))))

    def batches(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield what the other selection yields."""
        self.count = 0
        with ThreadPoolExecutor(1, "contact") as pool:  # the format writes the same rows meanwhile
            looking: Future[None] | None = None
            for split, rows in self._images.batches():
                self.count += rows.num_rows
                if looking is not None:
                    looking.result()
                more = any(len(several) < self._each for several in self._kept.values())
                looking = pool.submit(self._look, rows) if more else None
                yield split, rows
            if looking is not None:
                looking.result()

    def rows(self) -> Iterator[tuple[str, ImageRow]]:
        """Yield one row at a time, with its split."""
        for split, batch in self.batches():
            for row in batch.to_pylist():
                yield split, cast("ImageRow", row)

    def _look(self, rows: pa.RecordBatch) -> None:
        pictures = rows["image"]
        for place, label in enumerate(rows["label"].to_pylist()):
            kept = self._kept.get(label)
            if kept is not None and len(kept) < self._each:
                kept += _tiles(pictures[place].as_py()["bytes"])

    def write(self, folder: Path) -> tuple[int, int] | None:
        """Write the sheet, a row for each class; None if no image can be shown.

        Returns:
            How many rows and columns it has.
        """
        rows = [several for several in self._kept.values() if several]
        if not rows:
            return None
        if len(rows) == 1:  # as a square
            across = ceil(sqrt(len(rows[0])))
            rows = [rows[0][place : place + across] for place in range(0, len(rows[0]), across)]
        wide = max(map(len, rows))
        step = _SIDE + _GAP
        sheet = Image.new("RGB", (wide * step + _GAP, len(rows) * step + _GAP), "white")
        for down, row in enumerate(rows):
            for across, tile in enumerate(row):
                left, top = (_SIDE - tile.width) // 2, (_SIDE - tile.height) // 2
                sheet.paste(tile, (_GAP + across * step + left, _GAP + down * step + top))
        file = BytesIO()
        sheet.save(file, "JPEG", quality=_QUALITY)
        (folder / CONTACT).write_bytes(file.getvalue())
        return len(rows), wide


def _tiles(data: bytes) -> Iterator[Image.Image]:
    """Yield a picture made small, if it can be decoded."""
    found = decode_small(data, 2 * _SIDE)
    if isinstance(found, LeftOut):
        return
    picture = found.image
    scale = min(_SIDE / picture.width, _SIDE / picture.height)
    yield picture.resize(
        (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))),
        Image.Resampling.LANCZOS,
        reducing_gap=2.0,
    )
