"""Parquet, written as the Hub's viewer and its storage like it: `data/SPLIT-NNNNN-of-NNNNN.parquet`."""

import re
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.dataset.formats.format import Manifest, WrittenSplit
from synthgen.dataset.images import SelectedImages
from synthgen.dataset.select import Selection
from synthgen.files import as_damage, sync
from synthgen.ledger.columns import MASK

GROUP_ROWS = 100
GROUP_BYTES = 64 * 2**20
FILE_BYTES = 480 * 10**6
_FOLDER = "data"
_FILE = re.compile(rf"(parquet/)?{_FOLDER}/[^/]+-\d{{5}}-of-\d{{5}}\.parquet")
"""In a dataset of several formats, each is in a folder of its name."""


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
            paths = {split: writer.close() for split, writer in writers.items()}
        return Manifest(
            {
                split: WrittenSplit(
                    rows=writer.rows,
                    files=tuple(path.relative_to(folder).as_posix() for path in paths[split]),
                    size=writer.bytes,
                    pattern=f"{_FOLDER}/{split}-*.parquet",
                )
                for split, writer in writers.items()
            }
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
        self._paths: list[Path] = []
        self._writer: pq.ParquetWriter | None = None
        self._in_file = 0

    def add(self, rows: pa.RecordBatch) -> None:
        self._pending.append(rows)
        if (
            sum(batch.num_rows for batch in self._pending) >= GROUP_ROWS
            or sum(batch.nbytes for batch in self._pending) >= GROUP_BYTES
        ):
            self._flush()

    def close(self) -> tuple[Path, ...]:
        """Flush everything to disk and return the files: none without rows (`datasets` needs some)."""
        self._flush()
        self._close_file()
        names = [f"{self._split}-{i:05d}-of-{len(self._paths):05d}.parquet" for i in range(len(self._paths))]
        return tuple(path.rename(self._folder / name) for path, name in zip(self._paths, names, strict=True))

    def abort(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def _flush(self) -> None:
        if not self._pending:
            return
        with as_damage(f"what the shards hold for {self._split}"):
            group = pa.Table.from_batches(self._pending).select(self._schema.names).cast(self._schema)
        self._pending.clear()
        writer = self._writer
        if writer is None or self._in_file + group.nbytes > self._file_bytes:
            writer = self._next_file()
        writer.write_table(group, row_group_size=GROUP_ROWS)
        self._in_file += group.nbytes
        self.rows += group.num_rows
        self.bytes += group.nbytes

    def _next_file(self) -> pq.ParquetWriter:
        self._close_file()
        path = self._folder / f"{self._split}-{len(self._paths):05d}.parquet"
        self._paths.append(path)
        self._writer = _parquet_writer(path, self._schema)
        self._in_file = 0
        return self._writer

    def _close_file(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            sync(self._paths[-1])


def _parquet_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    from datasets.config import DEFAULT_CDC_OPTIONS

    pictures = [name for name in ("image", MASK) if name in schema.names]
    names = [name for name in schema.names if name not in pictures]
    return pq.ParquetWriter(
        path,
        schema,
        # PNGs are compressed already, and few are alike: the leaf of a picture's bytes is left alone.
        compression={
            **dict.fromkeys([*names, *(f"{name}.path" for name in pictures)], "zstd"),
            **dict.fromkeys([f"{name}.bytes" for name in pictures], "none"),
        },
        use_dictionary=[name for name in names if name not in {"id", "seed"}],
        write_page_index=True,
        use_content_defined_chunking=DEFAULT_CDC_OPTIONS,
    )
