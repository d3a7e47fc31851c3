"""The protocol of every kind of image set."""

from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from typing import Protocol

import pandas as pd

from synthgen.errors import UsageError
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

    def pictures(self, column: str, rows: Sequence[int]) -> list[bytes | LeftOut]:
        """Read the encoded pictures that another column has in these rows, which are sorted, such as masks.

        Raises:
            UsageError: there is no such column.
        """


def lacking(source: str, column: str, columns: Sequence[str]) -> UsageError:
    """Return the error for a column that a set does not have."""
    close = get_close_matches(column, [*columns], n=1)
    hint = f"{f'Did you mean {close[0]!r}? ' if close else ''}Its columns are {', '.join(columns) or 'none'}."
    return UsageError(f"{source} has no column {column!r}", hint=hint)


def in_batches(count: int, some: Callable[[Sequence[int]], list[bytes | LeftOut]]) -> Iterator[list[bytes | LeftOut]]:
    """Read the images of `count` rows as `some` does, at most `BATCH` at a time."""
    for first in range(0, count, BATCH):
        yield some(range(first, min(first + BATCH, count)))
