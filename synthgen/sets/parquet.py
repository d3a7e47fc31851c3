"""Images in Parquet files, in the format of the Hugging Face hub, which synthgen writes too."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.images import LeftOut
from synthgen.sets.features import columns_of_file, encoded
from synthgen.sets.image_set import BATCH
from synthgen.sets.joining import check_columns, join
from synthgen.sets.own_folder import OwnFolder
from synthgen.sets.reading import reading

_HINT = "Give files that belong together, or name one `split`."


class ParquetSet:
    """An `ImageSet` of Parquet files with the same columns, in the order given.

    Args:
        own: where images that are paths may be. Paths are relative to it, or to the folder of their Parquet file.

    Raises:
        StorageError: a file cannot be read.
        UsageError: the files have different columns.
    """

    def __init__(self, name: str, source: str, files: Sequence[Path], own: OwnFolder) -> None:
        self.name, self.source = name, source
        self._files = [_opened(file) for file in files]
        self._parts = [
            columns_of_file(str(file), opened.schema_arrow) for file, opened in zip(files, self._files, strict=True)
        ]
        check_columns(self._parts, _HINT)
        self._openers = {id(opened): own.below(file.parent) for file, opened in zip(files, self._files, strict=True)}
        self._image = next((part.image for part in self._parts if part.image), None)
        self.columns = tuple(name for name in self._parts[0].types if name != self._image)
        self.label_columns = tuple(name for name in self.columns if any(name in part.names for part in self._parts))
        self.has_images = self._image is not None

    def table(self, columns: Sequence[str]) -> pd.DataFrame:
        with reading(self.source):
            frames = [_frame(file, list(columns)) for file in self._files]
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
        found: list[bytes | LeftOut] = []
        with reading(self.source):
            for (file, group), start, end in self._groups:
                wanted = [row - start for row in rows if start <= row < end]
                if wanted and self._image is not None:
                    batches = file.iter_batches(BATCH, row_groups=[group], columns=[self._image])
                    found += [encoded(value, self._openers[id(file)]) for value in _picked(batches, wanted)]
        return found

    @cached_property
    def _groups(self) -> list[tuple[tuple[pq.ParquetFile, int], int, int]]:
        """The row groups of each file, with the rows where they begin and end."""
        groups = [(file, group) for file in self._files for group in range(file.metadata.num_row_groups)]
        ends = np.cumsum([file.metadata.row_group(group).num_rows for file, group in groups]).tolist()
        return list(zip(groups, [0, *ends[:-1]], ends, strict=True))


def find_files(folder: Path, split: str | None = None) -> list[Path]:
    """Find the Parquet files below `folder`. Those of a split begin with its name, or are in a folder of that name."""
    named = (path for path in folder.rglob("*.parquet") if not path.name.startswith("."))
    found = sorted(path for path in named if not path.is_dir())  # Spark gives such names to folders
    if split is None:
        return found
    return [path for path in found if path.parent.name == split or path.stem.partition("-")[0] == split]


def _picked(batches: Iterator[pa.RecordBatch], wanted: Sequence[int]) -> Iterator[object]:
    start = 0
    for batch in batches:
        here = [row - start for row in wanted if start <= row < start + batch.num_rows]
        yield from batch.column(0).take(pa.array(here, pa.int64())).to_pylist()
        start += batch.num_rows


def _frame(file: pq.ParquetFile, columns: list[str]) -> pd.DataFrame:
    frame: pd.DataFrame = file.read(columns=columns).select(columns).replace_schema_metadata(None).to_pandas()
    return frame


def _opened(file: Path) -> pq.ParquetFile:
    with reading(str(file)):
        return pq.ParquetFile(file)
