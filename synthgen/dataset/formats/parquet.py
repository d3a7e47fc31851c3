"""Parquet, written as the Hub's viewer and its storage like it: `data/SPLIT-NNNNN-of-NNNNN.parquet`."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.dataset.formats.format import Manifest, WrittenSplit
from synthgen.dataset.formats.hashed import HashedFile
from synthgen.dataset.images import SelectedImages
from synthgen.dataset.row_bytes import RowSizes, bytes_of_rows
from synthgen.dataset.select import Selection

PAGE_ROWS = 100
"""What the Hub's viewer shows on a page: it reads one group for it, if that is not small."""
SMALL_GROUP = 4 * 2**20
"""Groups of small pictures get more rows than a page, up to so many bytes: a million rows in groups of 100 would have a
footer of tens of megabytes, which every reader reads first."""
GROUP_ROWS = 1000
"""The most rows of a group, however small they are."""
GROUP_BYTES = 100 * 10**6
"""Of rows in memory: the viewer refuses groups of about three times as much."""
FILE_BYTES = 480 * 10**6
"""Of rows in memory. The Hub advises files of at most 500 MB."""
_FOLDER = "data"
_FILE = re.compile(rf"(parquet/)?{_FOLDER}/[^/]+-\d{{5}}-of-\d{{5}}\.parquet")
"""In a dataset of several formats, each is in a folder of its name."""


_UNLIKE = ("id", ".path")
"""Ends of the names of texts that differ in every row: a dictionary would hold them all."""


@dataclass(frozen=True, slots=True)
class ParquetFormat:
    """Parquet with the pictures in it, which `datasets.load_dataset` and the Hub's viewer open as it is.

    Attributes:
        file_bytes: the most bytes of rows in one file.
    """

    file_bytes: int = FILE_BYTES

    def write(self, selection: Selection, images: SelectedImages, folder: Path) -> Manifest:
        """Write the files of all splits: see `FormatWriter`."""
        data = folder / _FOLDER
        data.mkdir()
        writers = {split: SplitWriter(data, split, images.schema, self.file_bytes) for split in selection.splits}

        with ExitStack() as stack:
            for writer in writers.values():
                stack.callback(writer.abort)
            for split, rows in images.batches():
                writers[split].add(rows)
            digests = {split: writer.close() for split, writer in writers.items()}
        return Manifest(
            {
                split: WrittenSplit(
                    rows=writer.rows,
                    files=tuple(f"{_FOLDER}/{name}" for name in digests[split]),
                    size=writer.bytes,
                    pattern=f"{_FOLDER}/{split}-*.parquet",
                )
                for split, writer in writers.items()
            },
            digests={f"{_FOLDER}/{name}": digest for found in digests.values() for name, digest in found.items()},
        )


def is_parquet_of_dataset(name: str) -> bool:
    """Whether a file of the dataset has a name as this format gives it."""
    return _FILE.fullmatch(name) is not None


class SplitWriter:
    """Collects rows into row groups and row groups into files `SPLIT-NNNNN-of-NNNNN.parquet`.

    The number of files is known last, so they get their names when the split is closed.
    """

    def __init__(self, folder: Path, split: str, schema: pa.Schema, file_bytes: int = FILE_BYTES) -> None:
        self.rows = 0
        self.bytes = 0
        self._folder = folder
        self._split = split
        self._schema = schema
        self._file_bytes = file_bytes
        self._pending: list[pa.RecordBatch] = []
        self._rows_waiting = 0
        self._size = 0
        self._paths: list[Path] = []
        self._digests: list[str] = []
        self._file: HashedFile | None = None
        self._writer: pq.ParquetWriter | None = None
        self._in_file = 0

    def add(self, rows: pa.RecordBatch) -> None:
        """Take rows; the groups that they come to do not depend on how they came in batches."""
        ends = np.append(0, np.cumsum(bytes_of_rows(rows)))
        start = 0
        while start < rows.num_rows:
            end = min(self._end_of_group(ends, start), rows.num_rows)
            self._pending.append(rows.slice(start, end - start))
            self._rows_waiting += end - start
            self._size += int(ends[end] - ends[start])
            start = end
            if start < rows.num_rows:
                self._flush()

    def _end_of_group(self, ends: RowSizes, start: int) -> int:
        """Return the row before which the group ends that waits, if all rows from `start` on were to go into it.

        Args:
            ends: the bytes up to each row.
        """
        waiting, before = self._rows_waiting, ends[start] - self._size
        page = max(start + PAGE_ROWS - waiting, int(np.searchsorted(ends, before + SMALL_GROUP)))
        fitting = int(np.searchsorted(ends, before + min(GROUP_BYTES, self._file_bytes), "right")) - 1
        return max(start + (not waiting), min(page, fitting, start + GROUP_ROWS - waiting))

    def close(self) -> dict[str, str]:
        """Write what waits, and return the names of the files with their sha256: none without rows."""
        self._flush()
        self._close_file()
        names = [f"{self._split}-{i:05d}-of-{len(self._paths):05d}.parquet" for i in range(len(self._paths))]
        for path, name in zip(self._paths, names, strict=True):
            path.rename(self._folder / name)
        return dict(zip(names, self._digests, strict=True))

    def abort(self) -> None:
        if self._writer is not None and self._file is not None:
            with self._file:
                self._writer.close()

    def _flush(self) -> None:
        if not self._rows_waiting:
            return
        group, size = pa.Table.from_batches(self._pending, self._schema), self._size
        self.rows += self._rows_waiting
        self.bytes += size
        self._pending, self._rows_waiting, self._size = [], 0, 0
        writer = self._writer
        if writer is None or self._in_file + size > self._file_bytes:
            writer = self._next_file()
        writer.write_table(group, row_group_size=group.num_rows)
        self._in_file += size

    def _next_file(self) -> pq.ParquetWriter:
        self._close_file()
        path = self._folder / f"{self._split}-{len(self._paths):05d}.parquet"
        self._paths.append(path)
        self._file = HashedFile(path)
        self._writer = parquet_writer(self._file, self._schema)
        self._in_file = 0
        return self._writer

    def _close_file(self) -> None:
        if self._writer is not None and self._file is not None:
            self._writer.close()
            self._file.close()
            self._digests.append(self._file.hexdigest)
            self._writer = self._file = None


def parquet_writer(file: Path | HashedFile, schema: pa.Schema) -> pq.ParquetWriter:
    """Open a file to write rows of `schema` into, with the options of a dataset."""
    from datasets.config import DEFAULT_CDC_OPTIONS

    leaves = [leaf for field in schema for leaf in _leaves(field.name, field.type)]
    return pq.ParquetWriter(
        file,
        schema,
        # Pictures are compressed already, and few are alike: their bytes are left alone, in lists of masks, too.
        compression={leaf: "none" if pa.types.is_binary(kind) else "zstd" for leaf, kind in leaves},
        use_dictionary=[leaf for leaf, kind in leaves if pa.types.is_string(kind) and not leaf.endswith(_UNLIKE)],
        write_page_index=True,
        use_content_defined_chunking=DEFAULT_CDC_OPTIONS,
    )


def _leaves(path: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    """Yield the columns that Parquet stores a column as, with their types."""
    if pa.types.is_struct(kind):
        for field in kind:
            yield from _leaves(f"{path}.{field.name}", field.type)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from _leaves(f"{path}.list.element", kind.value_type)
    else:
        yield path, kind
