"""Images in Parquet files, as the Hugging Face hub keeps them, and synthgen."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.audit.sets.features import encoded, image_column, names_of
from synthgen.audit.sets.image_set import BATCH
from synthgen.audit.sets.reading import reading
from synthgen.errors import UsageError


class ParquetSet:
    """An `ImageSet` of Parquet files of one schema, in the order of their names.

    Raises:
        StorageError: a file cannot be read.
        UsageError: the files have different columns.
    """

    def __init__(self, name: str, source: str, files: Sequence[Path]) -> None:
        self.name, self.source = name, source
        self._files = [_opened(file) for file in files]
        self._schema: pa.Schema = self._files[0].schema_arrow
        for file, opened in zip(files, self._files, strict=True):
            if opened.schema_arrow.names != self._schema.names:
                raise UsageError(
                    f"{file} has other columns than {files[0]}", hint="Give files that belong together, or --split."
                )
        self._features = _features(self._schema)
        self._image = image_column(self._features)
        self.columns = tuple(name for name in self._schema.names if name != self._image)
        self.label_columns = tuple(name for name in self.columns if names_of(self._features, name))
        self.has_images = self._image is not None

    def table(self, columns: Sequence[str]) -> pd.DataFrame:
        with reading(self.source):
            found = pa.concat_tables(file.read(columns=list(columns)).select(list(columns)) for file in self._files)
        frame: pd.DataFrame = found.replace_schema_metadata(None).to_pandas()
        for name in columns:
            if names := names_of(self._features, name):
                frame[name] = named(frame[name], names)
        return frame

    def images(self) -> Iterator[list[bytes | None]]:
        if self._image is None:
            return
        with reading(self.source):
            for file in self._files:
                for batch in file.iter_batches(BATCH, columns=[self._image]):
                    yield [encoded(value) for value in batch[self._image].to_pylist()]

    def some(self, rows: Sequence[int]) -> list[bytes | None]:
        found: list[bytes | None] = []
        with reading(self.source):
            for (file, group), start, end in self._groups:
                wanted = [row - start for row in rows if start <= row < end]
                if wanted and self._image is not None:
                    found += _picked(file.iter_batches(BATCH, row_groups=[group], columns=[self._image]), wanted)
        return found

    @cached_property
    def _groups(self) -> list[tuple[tuple[pq.ParquetFile, int], int, int]]:
        """Each file's row groups, with the rows where they begin and end."""
        groups = [(file, group) for file in self._files for group in range(file.metadata.num_row_groups)]
        ends = np.cumsum([file.metadata.row_group(group).num_rows for file, group in groups]).tolist()
        return list(zip(groups, [0, *ends[:-1]], ends, strict=True))


def named(column: "pd.Series[Any]", names: Sequence[str]) -> "pd.Series[Any]":
    """Numbers of classes -> their names; what is none, such as -1 for "not labelled", becomes missing."""
    return column.map(dict(enumerate(names))).astype("object")


def find_files(folder: Path, split: str | None = None) -> list[Path]:
    """The Parquet files below `folder`; those of a split begin with its name, or lie in a folder of it."""
    found = sorted(path for path in folder.rglob("*.parquet") if not path.name.startswith("."))
    if split is None:
        return found
    return [path for path in found if path.parent.name == split or path.stem.partition("-")[0] == split]


def _picked(batches: Iterator[pa.RecordBatch], wanted: Sequence[int]) -> Iterator[bytes | None]:
    start = 0
    for batch in batches:
        here = [row - start for row in wanted if start <= row < start + batch.num_rows]
        yield from (encoded(value) for value in batch.column(0).take(pa.array(here, pa.int64())).to_pylist())
        start += batch.num_rows


def _features(schema: pa.Schema) -> Any:
    from datasets import Features

    return Features.from_arrow_schema(schema)


def _opened(file: Path) -> pq.ParquetFile:
    with reading(str(file)):
        return pq.ParquetFile(file)
