"""The folder that `datasets` writes with `save_to_disk`, and opens with `load_from_disk` without a conversion."""

import io
import json
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import pyarrow as pa

from synthgen.dataset.formats.format import Manifest, WrittenSplit
from synthgen.dataset.images import SelectedImages
from synthgen.dataset.select import Selection
from synthgen.files import as_damage

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

FILE_BYTES = 480 * 10**6
_SPLITS = "dataset_dict.json"


@dataclass(frozen=True, slots=True)
class SavedFormat:
    """Arrow files with the pictures in them, which `load_from_disk` maps into memory.

    Splits without images are not there: `datasets` cannot load them.

    Attributes:
        file_bytes: the most bytes of rows in one file.
    """

    file_bytes: int = FILE_BYTES

    def write(self, selection: Selection, images: SelectedImages, folder: Path) -> Manifest:
        """Write the files of all splits: see `FormatWriter`."""
        with ExitStack() as stack:
            writers = {
                split: stack.enter_context(_SavedSplit(folder / split, images.schema, self.file_bytes))
                for split in selection.splits
                if selection.images_in(split)
            }
            for split, rows in images.batches():
                writers[split].add(rows)
        written = {split: writer.finish(split) for split, writer in writers.items()}

        (folder / _SPLITS).write_text(json.dumps({"splits": [*writers]}), "utf-8")
        return Manifest({split: written.get(split, WrittenSplit(0, ())) for split in selection.splits}, (_SPLITS,))


class _SavedSplit:
    """Collects rows into `data-NNNNN-of-NNNNN.arrow`. The number of files is known last."""

    def __init__(self, folder: Path, schema: pa.Schema, file_bytes: int) -> None:
        folder.mkdir()
        self._folder, self._schema, self._file_bytes = folder, schema, file_bytes
        self._rows = self._bytes = self._in_file = 0
        self._paths: list[Path] = []
        self._sink: _Hashed | None = None
        self._stream: pa.RecordBatchStreamWriter | None = None
        self._digest = blake2b(digest_size=8)

    def __enter__(self) -> "_SavedSplit":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close()

    def add(self, rows: pa.RecordBatch) -> None:
        """Write some rows: in one file, if they fit into one."""
        if rows.nbytes > self._file_bytes and rows.num_rows > 1:
            half = rows.num_rows // 2
            self.add(rows.slice(0, half))
            self.add(rows.slice(half))
            return
        with as_damage("what is to be written"):
            table = pa.Table.from_batches([rows]).select(self._schema.names).cast(self._schema)
        if self._stream is None or self._in_file + table.nbytes > self._file_bytes:
            self._close()
            self._paths.append(self._folder / f"{len(self._paths):05d}.arrow")
            self._sink = _Hashed(self._paths[-1], self._digest)
            self._stream = pa.ipc.new_stream(self._sink, self._schema)
            self._in_file = 0
        self._stream.write_table(table)
        self._in_file += table.nbytes
        self._bytes += table.nbytes
        self._rows += table.num_rows

    def finish(self, split: str) -> WrittenSplit:
        """Name the files, and say what they are."""
        from datasets import DatasetInfo, Features

        names = [f"data-{place:05d}-of-{len(self._paths):05d}.arrow" for place in range(len(self._paths))]
        for path, name in zip(self._paths, names, strict=True):
            path.rename(self._folder / name)
        DatasetInfo(features=Features.from_arrow_schema(self._schema)).write_to_directory(str(self._folder))
        state: dict[str, object] = {
            "_data_files": [{"filename": name} for name in names],
            "_fingerprint": self._digest.hexdigest(),  # `datasets` keeps results of `map` by it
            "_format_columns": None,
            "_format_kwargs": {},
            "_format_type": None,
            "_output_all_columns": False,
            "_split": split,
        }
        (self._folder / "state.json").write_text(json.dumps(state, indent=2), "utf-8")
        files = (*names, "dataset_info.json", "state.json")
        return WrittenSplit(self._rows, tuple(f"{split}/{name}" for name in files), self._bytes)

    def _close(self) -> None:
        if self._stream is not None and self._sink is not None:
            self._stream.close()
            self._sink.close()
            self._stream = None


class _Hashed(io.FileIO):
    """A new file that also digests what is written to it."""

    def __init__(self, path: Path, digest: blake2b) -> None:
        super().__init__(path, "x")
        self._digest = digest

    def write(self, data: "ReadableBuffer") -> int:
        self._digest.update(data)
        written = super().write(data)
        assert written == len(memoryview(data).cast("B"))
        return written
