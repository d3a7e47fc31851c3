"""Sets in memory: a DataFrame, or a dataset of the library `datasets`."""

import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image, ImageOps

from synthgen.errors import UsageError
from synthgen.images import LeftOut
from synthgen.sets.features import IMAGES, encoded
from synthgen.sets.files import PATHS
from synthgen.sets.image_set import ImageSet, in_batches, lacking
from synthgen.sets.own_folder import Opener, named_folder

_PNG = {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"}
"""The modes of pictures that PNG keeps as they are; TIFF keeps the others."""


class FrameSet:
    """An `ImageSet` of a DataFrame.

    Args:
        image: the column of images: pictures of PIL, bytes, mappings of bytes and path, or paths; None if there is
            none.
        opener: opens images that are paths.
    """

    def __init__(self, frame: pd.DataFrame, image: str | None, opener: Opener) -> None:
        self.name, self.source = "table", "the DataFrame"
        self.columns = tuple(name for name in frame.columns if name != image or _are_paths(frame[name]))
        self.label_columns: tuple[str, ...] = ()
        self.has_images = image is not None
        self.notes: tuple[str, ...] = ()
        self._frame, self._opener = frame, opener
        self._images: list[object] = frame[image].tolist() if image is not None else []

    def table(self, columns: Sequence[str]) -> pd.DataFrame:
        """Read these columns of every row."""
        return self._frame[list(columns)]

    def images(self) -> Iterator[list[bytes | LeftOut]]:
        """Read the encoded image of every row, at most `BATCH` at a time."""
        return in_batches(len(self._images), self.some)

    def some(self, rows: Sequence[int]) -> list[bytes | LeftOut]:
        """Read the encoded images of these rows."""
        return [self._read(self._images[row]) for row in rows]

    def pictures(self, column: str, rows: Sequence[int]) -> list[bytes | LeftOut]:
        """Read the encoded pictures that another column has in these rows."""
        if column not in self._frame.columns:
            raise lacking(self.source, column, self.columns)
        return [self._read(value) for value in self._frame[column].iloc[list(rows)]]

    def _read(self, value: object) -> bytes | LeftOut:
        if isinstance(value, Image.Image):
            return _encode(value)
        return encoded(os.fspath(value) if isinstance(value, os.PathLike) else value, self._opener)


def read_table(frame: pd.DataFrame, split: str | None = None, images_from: Path | None = None) -> FrameSet:
    """Open a DataFrame with a row for each image.

    Args:
        images_from: the folder of images that are paths. No other file is opened.

    Raises:
        UsageError: two columns have the same name, or a split is named.
    """
    if split is not None:
        raise UsageError("a DataFrame has no splits", argument="split", hint="Leave it out.")
    names = [str(name) for name in frame.columns]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UsageError(f"the DataFrame has two columns {twice[0]!r}", hint="Give each column a name of its own.")

    frame = frame.reset_index(drop=True).set_axis(names, axis=1)
    image = next((name for name in IMAGES if name in names and _are_pictures(frame[name])), None)
    image = image or next((name for name in PATHS if name in names and _are_paths(frame[name])), None)
    if image is not None and _are_paths(frame[image]):
        frame[image] = frame[image].map(lambda value: os.fspath(value) if isinstance(value, os.PathLike) else value)
    return FrameSet(frame, image, named_folder(images_from))


def read_dataset(dataset: object, split: str | None = None, images_from: Path | None = None) -> ImageSet:
    """Open a `Dataset` or an `IterableDataset`, or the splits of a `DatasetDict` one after the other.

    Args:
        images_from: the folder of images that are paths. No other file is opened.

    Raises:
        UsageError: it is something else, or has no such split.
    """
    from datasets import Dataset, DatasetDict, IterableDataset, IterableDatasetDict

    from synthgen.sets.hub import HubSet, choose_splits

    if not isinstance(dataset, Dataset | DatasetDict | IterableDataset | IterableDatasetDict):
        hint = "Expected a path, an id on the hub, a DataFrame, or a dataset of the library `datasets`."
        raise UsageError(f"{type(dataset).__name__}: not a set of images that can be read", hint=hint)
    splits = choose_splits(dataset, split, "the dataset")
    return HubSet("dataset", f"the {type(dataset).__name__}", splits, named_folder(images_from))


def _are_pictures(column: "pd.Series[Any]") -> bool:
    first = _first(column)
    return isinstance(first, Image.Image | bytes) or (isinstance(first, dict) and bool({"bytes", "path"} & {*first}))


def _are_paths(column: "pd.Series[Any]") -> bool:
    return isinstance(_first(column), str | os.PathLike)


def _first(column: "pd.Series[Any]") -> object:
    """Return the first cell that is not missing."""
    filled = column.dropna()
    return filled.iloc[0] if len(filled) else None


def _encode(picture: Image.Image) -> bytes | LeftOut:
    """Encode a picture without loss, upright."""
    file = io.BytesIO()
    try:
        upright = ImageOps.exif_transpose(picture)
        upright.save(file, "PNG" if upright.mode in _PNG else "TIFF")
    # Pillow loads a picture only now, by decoders that may raise anything; it concerns this one image.
    except Exception as error:
        return LeftOut("that cannot be opened", str(error) or type(error).__name__)
    return file.getvalue()
