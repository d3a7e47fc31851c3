"""Images in Parquet files, in the format of the Hugging Face hub, which synthgen writes too."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.errors import UsageError
from synthgen.images import LeftOut
from synthgen.sets.features import Columns, columns_of_file, encoded, is_text
from synthgen.sets.image_set import BATCH, lacking
from synthgen.sets.joining import join, shared_columns
from synthgen.sets.own_folder import OwnFolder
from synthgen.sets.parquet_files import partition
from synthgen.sets.reading import reading

_HINT = "Give files that belong together, or name one `split`."


class ParquetSet:
    """An `ImageSet` of Parquet files with the same columns, in the order given.

    Args:
        own: where images that are paths may be. Paths are relative to it, or to the folder of their Parquet file.
        folder: if the files are a table in this folder, the names of folders below it, such as `label=doctor`, give
            columns.

    Attributes:
        paths: of the files, relative to `folder` if there is one.

    Raises:
        StorageError: a file cannot be read.
        UsageError: the files have different columns.
    """

    def __init__(
        self, name: str, source: str, files: Sequence[Path], own: OwnFolder, folder: Path | None = None
    ) -> None:
        self.name, self.source = name, source
        self.paths = [file.relative_to(folder) if folder is not None else Path(file.name) for file in files]
        self._files = [_opened(file) for file in files]
        given = [partition(file, folder) for file in files]
        self._parts = [
            columns_of_file(str(file), opened.schema_arrow, each)
            for file, opened, each in zip(files, self._files, given, strict=True)
        ]
        shared, notes = shared_columns(self._parts, _HINT)
        self._openers = {id(opened): own.below(file.parent) for file, opened in zip(files, self._files, strict=True)}
        self._image = next((part.image for part in self._parts if part.image), None)
        self.columns = tuple(name for name in shared if name != self._image or is_text(self.types[name]))
        self.label_columns = tuple(name for name in self.columns if any(name in part.names for part in self._parts))
        self.has_images = self._image is not None
        self.notes: tuple[str, ...] = tuple(notes)

    def numbered(self, column: str) -> list[tuple[str, tuple[str, ...]]]:
        """Return where each part is that numbers the classes of a column, and these in the order of their numbers."""
        return [(part.place, part.names[column]) for part in self._parts if column in part.names]

    def table(self, columns: Sequence[str]) -> pd.DataFrame:
        with reading(self.source):
            frames = [_frame(file, part, columns) for file, part in zip(self._files, self._parts, strict=True)]
        return join(zip(self._parts, frames, strict=True), columns, _HINT)

    def images(self) -> Iterator[list[bytes | LeftOut]]:
        if self._image is None:
            return
        with reading(self.source):
            for file in self._files:
                opener = self._openers[id(file)]
                for batch in file.iter_batches(BATCH, columns=[self._image]):
                    yield [encoded(value, opener) for value in batch[self._image].to_pylist()]

    def some(self, rows: Sequence[int]) -> list[bytes | LeftOut]:
        return [] if self._image is None else self.pictures(self._image, rows)

    def pictures(self, column: str, rows: Sequence[int]) -> list[bytes | LeftOut]:
        if column not in self.types:
            raise lacking(self.source, column, [*self.types])
        found: list[bytes | LeftOut] = []
        with reading(self.source):
            for (file, group), start, end in self._groups:
                wanted = [row - start for row in rows if start <= row < end]
                if wanted:
                    batches = file.iter_batches(BATCH, row_groups=[group], columns=[column])
                    found += [encoded(value, self._openers[id(file)]) for value in _picked(batches, wanted)]
        return found

    def arrow(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Read columns as they are stored, at most `BATCH` rows at a time."""
        with reading(self.source):
            for file, part in zip(self._files, self._parts, strict=True):
                own = [name for name in columns if name not in part.given]
                for batch in file.iter_batches(BATCH, columns=own):
                    rows = {name: pa.chunked_array([batch[name]]) for name in own}
                    given = {
                        name: pa.chunked_array([pa.array([part.given[name]] * batch.num_rows, pa.string())])
                        for name in columns
                        if name in part.given
                    }
                    yield pa.table(rows | given).select(list(columns))

    def arrow_types(self, column: str) -> list[pa.DataType]:
        """Return the types that a column has in the files."""
        return [part.types[column] for part in self._parts]

    @property
    def types(self) -> Mapping[str, pa.DataType]:
        """The Arrow type of every column in the first file."""
        return self._parts[0].types

    @property
    def lengths(self) -> list[int]:
        """The number of rows of each file."""
        return [file.metadata.num_rows for file in self._files]

    @cached_property
    def _groups(self) -> list[tuple[tuple[pq.ParquetFile, int], int, int]]:
        """The row groups of each file, with the rows where they begin and end."""
        groups = [(file, group) for file in self._files for group in range(file.metadata.num_row_groups)]
        ends = np.cumsum([file.metadata.row_group(group).num_rows for file, group in groups]).tolist()
        return list(zip(groups, [0, *ends[:-1]], ends, strict=True))


def _picked(batches: Iterator[pa.RecordBatch], wanted: Sequence[int]) -> Iterator[object]:
    start = 0
    for batch in batches:
        here = [row - start for row in wanted if start <= row < start + batch.num_rows]
        yield from (batch.column(0)[row].as_py() for row in here)  # Arrow cannot take rows of its view types
        start += batch.num_rows


def _frame(file: pq.ParquetFile, part: Columns, columns: Sequence[str]) -> pd.DataFrame:
    """Read columns of a file, and add those that the names of its folders give.

    Raises:
        UsageError: a column is in the file too, with another value.
    """
    own = [name for name in columns if name in file.schema_arrow.names]
    try:
        frame: pd.DataFrame = file.read(columns=own).select(own).replace_schema_metadata(None).to_pandas()
    except (ValueError, OverflowError) as error:  # such as a time in a list that is beyond Python's years
        what = f"{part.place}: a column of {', '.join(map(repr, own))} cannot be read: {error}"
        raise UsageError(what, hint="Leave that column out, or write it as text.") from error
    for name in columns:
        if name not in part.given:
            continue
        value = part.given[name]
        if name in frame and (differing := sorted({str(each) for each in frame[name].dropna()} - {str(value)})):
            what = f"{part.place}: {name!r} is {value!r} by the name of its folder, and {differing[0]!r} in the file"
            raise UsageError(what, hint="Move the file, or remove the column from it.")
        frame[name] = pd.Series([value] * file.metadata.num_rows, dtype="object")
    return frame[list(columns)]


def _opened(file: Path) -> pq.ParquetFile:
    with reading(str(file)):
        return pq.ParquetFile(file)
