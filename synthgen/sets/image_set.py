"""The protocol of every kind of image set."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import pandas as pd

from synthgen.images import LeftOut

BATCH = 64
"""The number of images in memory at once."""


class ImageSet(Protocol):
    """A table with a row for each image. Every method uses the same order of rows.

    Attributes:
        name: the name of the set.
        source: what it is and where it is, in words.
        columns: of the table, without the images.
        label_columns: those that are class labels by their type.
        has_images: whether there are images besides the table.
        notes: what a reader must know of how the set was read, such as what was skipped.
    """

    name: str
    source: str
    columns: tuple[str, ...]
    label_columns: tuple[str, ...]
    has_images: bool
    notes: tuple[str, ...]

    def table(self, columns: Sequence[str]) -> pd.DataFrame:
        """Read these columns of every row, with labels as names. No image is read."""

    def images(self) -> Iterator[list[bytes | LeftOut]]:
        """Read the encoded image of every row, or why there is none, at most `BATCH` at a time."""

    def some(self, rows: Sequence[int]) -> list[bytes | LeftOut]:
        """Read the encoded images of these rows, which are sorted."""


def in_batches(count: int, some: Callable[[Sequence[int]], list[bytes | LeftOut]]) -> Iterator[list[bytes | LeftOut]]:
    """Read the images of `count` rows as `some` does, at most `BATCH` at a time."""
    for first in range(0, count, BATCH):
        yield some(range(first, min(first + BATCH, count)))
