"""What every kind of set can do, whatever it is made of."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import pandas as pd

from synthgen.images import LeftOut

BATCH = 64
"""Images that are in memory at once."""


class ImageSet(Protocol):
    """A table with a row for each image. Rows stand in one order, in every answer.

    Attributes:
        name: what the set is called.
        source: what it is and where it lies, in words.
        columns: of the table, without the images.
        label_columns: those that are class labels by their type.
        has_images: whether there is more than the table.
    """

    name: str
    source: str
    columns: tuple[str, ...]
    label_columns: tuple[str, ...]
    has_images: bool

    def table(self, columns: Sequence[str]) -> pd.DataFrame:
        """These columns of every row; labels by their names. No image is read."""
        ...

    def images(self) -> Iterator[list[bytes | LeftOut]]:
        """The encoded images of every row, at most `BATCH` at a time; or why there is none."""
        ...

    def some(self, rows: Sequence[int]) -> list[bytes | LeftOut]:
        """The encoded images of these rows, which are sorted."""
        ...
