"""Rows in another order than the one they are stored in: in memory while they are few, else by way of the disk."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.dataset.cores import ahead

IN_MEMORY = 128 * 2**20
"""The most bytes of rows that are kept in memory. While they are put in order, there are three copies of them."""
BUCKET = 64 * 2**20
"""About the bytes of rows in one file, if they are more."""
_AT_ONCE, _AT_ONCE_BYTES = 512, 16 * 2**20
_PLACE = "__place"

RowPlaces = NDArray[np.int64]
Finish = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
"""Changes some columns of rows as they pass."""


class MixedRows:
    """Rows in a given order, read from where they are stored once, however often they are asked for.

    The order is cut into stretches. Each gets a file, a *bucket*, and every row is appended to the bucket of its place;
    then one bucket after the other is read whole and put in order.
    """

    def __init__(
        self,
        read: Callable[[], Iterator[pa.RecordBatch]],
        places: RowPlaces,
        folder: Path,
        finish: Finish = iter,
        in_memory: int = IN_MEMORY,
        bucket: int = BUCKET,
    ) -> None:
        """Read the rows.

        Args:
            read: gives the rows as they are stored; all batches have one schema.
            places: where each of them comes in the order, from 0 on; -1 leaves it out.
            folder: an empty one, for buckets.
            finish: changes rows that are not left out, before they are kept. It leaves their order and other columns.
            in_memory: see `IN_MEMORY`.
            bucket: see `BUCKET`.
        """
        self.count = int((places >= 0).sum())
        self._folder, self._in_memory, self._bucket = folder, in_memory, bucket
        self._whole: pa.Table | None = None
        self._rows_in_bucket = 0
        self._sort(finish(ahead(_placed(read(), places))))

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in order, at most a few hundred and about 16 MiB at a time."""
        for rows in [self._whole] if self._whole is not None else ahead(map(self._load, range(self._buckets))):
            at_once = max(1, min(_AT_ONCE, _AT_ONCE_BYTES * rows.num_rows // max(rows.nbytes, 1)))
            yield from rows.to_batches(max_chunksize=at_once)

    @property
    def _buckets(self) -> int:
        return -(-self.count // self._rows_in_bucket) if self._rows_in_bucket else 0

    def _sort(self, rows: Iterator[pa.RecordBatch]) -> None:
        waiting: list[pa.RecordBatch] = []
        size = 0
        for batch in rows:
            waiting.append(batch)
            size += batch.nbytes
            if not self._rows_in_bucket and size > self._in_memory:
                seen = sum(one.num_rows for one in waiting)
                self._rows_in_bucket = max(1, seen * self._bucket // size)
            if self._rows_in_bucket and size > self._bucket:
                self._append(waiting)
                waiting, size = [], 0
        if self._rows_in_bucket:
            self._append(waiting)
        elif waiting:
            self._whole = _sorted(pa.Table.from_batches(waiting))

    def _append(self, rows: list[pa.RecordBatch]) -> None:
        """Append rows to the files of their buckets."""
        parts: dict[int, list[pa.RecordBatch]] = defaultdict(list)
        for batch in rows:
            places = batch[_PLACE].to_numpy()
            order = np.argsort(places)
            ordered, numbers = batch.take(pa.array(order)), places[order] // self._rows_in_bucket
            starts = np.flatnonzero(np.diff(numbers, prepend=-1))
            for start, end in zip(starts, [*starts[1:], len(numbers)], strict=True):
                parts[int(numbers[start])].append(ordered.slice(start, end - start))
        for number, part in parts.items():
            with (
                pa.OSFile(str(self._file(number)), "ab") as file,
                pa.ipc.new_stream(file, part[0].schema) as stream,
            ):
                for one in part:
                    stream.write_batch(one)

    def _load(self, number: int) -> pa.Table:
        tables = []
        with pa.OSFile(str(self._file(number)), "rb") as file:
            while file.tell() < file.size():
                with pa.ipc.open_stream(file) as stream:
                    tables.append(stream.read_all())
        return _sorted(pa.concat_tables(tables))

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:06d}.arrows"


def _placed(rows: Iterator[pa.RecordBatch], places: RowPlaces) -> Iterator[pa.RecordBatch]:
    """Leave rows out, and add to the others where they come."""
    start = 0
    for batch in rows:
        here = places[start : start + batch.num_rows]
        start += batch.num_rows
        kept = batch.append_column(_PLACE, pa.array(here))
        if (here < 0).any():
            kept = kept.filter(pa.array(here >= 0))
        if kept.num_rows:
            yield kept
    assert start == len(places), "every row has its place"


def _sorted(rows: pa.Table) -> pa.Table:
    """Put rows in order, in memory of their own."""
    order = np.argsort(rows[_PLACE].to_numpy())
    return rows.drop_columns([_PLACE]).take(pa.array(order))
