"""Images that are files, and a CSV that lists paths and labels."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TypeGuard

import numpy as np
import pandas as pd

from synthgen.errors import UsageError
from synthgen.images import LeftOut
from synthgen.sets.aside import Aside
from synthgen.sets.csv_file import read_csv
from synthgen.sets.features import encoded
from synthgen.sets.image_set import in_batches, lacking
from synthgen.sets.own_folder import OwnFolder, has_backslashes, own_folder
from synthgen.sets.set_name import set_name
from synthgen.spec import BoxFormName

_LOOKED_AT = 100_000
"""So many images of a list are looked for when it is opened."""
DO_NOT_EXIST = "image files do not exist"
"""What the note of a set says whose images were looked for, but not opened."""
PATHS = ("path", "file", "file_name", "filename", "filepath", "image", "image_path")
"""The columns of a CSV that may contain the paths of images, the likeliest first."""


class FileSet:
    """An `ImageSet` of image files.

    Args:
        paths: of each row's image; None if the table has no images.
        own: where images may be.
        notes: see `ImageSet`.
        unusable: by row, why an image is left out although it may be there.

    Attributes:
        aside: images of the set that are no row, if there may be some.
        numbered: its classes in the order of their numbers; empty if it does not number them.
        box_form: how the boxes are written that the format itself has; None if it has none.
        box_sizes: by row, the width and height of the image that its boxes are in, where the format says it.
        own_lists: the lists of pictures that its format has, by column: see `picture_lists`.
        unread: what its format has and nothing reads, by a name for it, each with the reason.
    """

    def __init__(
        self,
        name: str,
        source: str,
        frame: pd.DataFrame,
        paths: Sequence[str | Path] | None,
        own: OwnFolder,
        notes: Sequence[str] = (),
        unusable: Mapping[int, LeftOut] = MappingProxyType({}),
    ) -> None:
        self.name, self.source, self.columns, self.notes = name, source, tuple(frame.columns), tuple(notes)
        self.label_columns: tuple[str, ...] = ()
        self.has_images = paths is not None
        self.numbered: tuple[str, ...] = ()
        self.aside: Aside | None = None
        self.box_form: BoxFormName | None = None
        self.box_sizes: Mapping[int, tuple[int, int]] = {}
        self.own_lists: Mapping[str, Callable[[Sequence[int]], list[list[bytes | LeftOut]]]] = {}
        self.unread: Mapping[str, str] = {}
        self._frame, self._paths, self._own, self._unusable = frame, paths, own, unusable

    def table(self, columns: Sequence[str]) -> pd.DataFrame:
        return self._frame[list(columns)]

    def images(self) -> Iterator[list[bytes | LeftOut]]:
        return in_batches(len(self._paths or ()), self.some)

    def some(self, rows: Sequence[int]) -> list[bytes | LeftOut]:
        paths = self._paths or ()
        return [self._unusable.get(row) or self._own.read(paths[row]) for row in rows]

    def pictures(self, column: str, rows: Sequence[int]) -> list[bytes | LeftOut]:
        if column not in self.columns:
            raise lacking(self.source, column, self.columns)
        return [encoded(value, self._own) for value in self._frame[column].iloc[list(rows)]]

    def several(self, column: str, rows: Sequence[int]) -> list[list[bytes | LeftOut]]:
        """Read the pictures that a column of lists of paths names in these rows."""
        cells = self._frame[column].iloc[list(rows)]
        return [[encoded(value, self._own) for value in cell] if is_list(cell) else [] for cell in cells]


def is_list(cell: object) -> TypeGuard[Sequence[object]]:
    """Whether a cell holds several values: of Parquet, they are an array."""
    return isinstance(cell, list | tuple | np.ndarray)


def read_listing(file: Path, images_from: Path | None = None) -> FileSet:
    """Read a CSV or TSV, whose paths are relative to its own folder.

    Args:
        images_from: another folder that the paths may point into.

    Raises:
        UsageError: the file cannot be read as `read_csv` does, or a row has no path.
    """
    frame, lines = read_csv(file)
    column = next((name for name in PATHS if name in frame.columns), None)
    paths = None
    if column is not None:
        if frame[column].isna().any():
            line = lines[int(frame[column].isna().to_numpy().argmax())]
            raise UsageError(f"{file}:{line}: no {column}", hint="Every row needs an image.")
        paths = frame[column].tolist()
    own = own_folder(file.parent, images_from)
    return FileSet(set_name(file), f"the list {file}", frame, paths, own, list(_missing(paths or (), own)))


def _missing(paths: Sequence[str], own: OwnFolder) -> Iterator[str]:
    """Note how many of the images are not there: an audit of known columns opens only those that it shows."""
    looked_at = paths[:_LOOKED_AT]
    missing = [path for path in looked_at if own.lacks(path)]
    if missing:
        of = f"{len(paths):,}" if len(looked_at) == len(paths) else f"the first {len(looked_at):,}"
        why = "; its path has the backslashes of Windows: write / instead" if has_backslashes(missing[0]) else ""
        yield f"{len(missing):,} of {of} {DO_NOT_EXIST}, the first is {missing[0]}{why}"
