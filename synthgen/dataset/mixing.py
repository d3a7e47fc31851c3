"""Rows in another order than the one they are stored in: in memory while they are few, else by way of the disk."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.dataset.cores import ahead

IN_MEMORY = 256 * 2**20
"""The most bytes of rows that are kept in memory."""
BUCKET = 16 * 2**20
"""About the bytes of rows that are put in order at a time. Meanwhile, there are three copies of them."""
_AT_ONCE, _AT_ONCE_BYTES = 512, 16 * 2**20
_PLACE = "__place"

RowPlaces = NDArray[np.int64]
Finish = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
"""Changes some columns of rows as they pass."""


class MixedRows:
    """Rows in a given order, read from where they are stored once, however often they are asked for.

    The order is cut into stretches, *buckets*. Rows are put apart by bucket as they are read; those that do not fit
    into memory are appended to a file for each bucket. Then one bucket after the other is read whole and put in order.
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
        self._folder, self._rows_in_bucket = folder, 1
        self._kept: list[tuple[pa.Table, NDArray[np.int64]]] = []
        size = 0
        for rows in ahead(_pieces(finish(_placed(read(), places)), bucket)):
            if not size:
                self._rows_in_bucket = max(1, rows.num_rows * bucket // max(1, rows.nbytes))
            size += rows.nbytes
            self._put_apart(rows, size <= in_memory)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in order, at most a few hundred and about 16 MiB at a time."""
        for rows in ahead(map(self._load, range(-(-self.count // self._rows_in_bucket)))):
            at_once = max(1, min(_AT_ONCE, _AT_ONCE_BYTES * rows.num_rows // max(rows.nbytes, 1)))
            yield from rows.to_batches(max_chunksize=at_once)

    def _put_apart(self, rows: pa.Table, is_kept: bool) -> None:
        """Sort rows by bucket, and keep them in memory or append them to the files of their buckets."""
        places = rows[_PLACE].to_numpy()
        order = np.argsort(places)
        ordered, ends = rows.take(pa.array(order)), self._ends(places[order])
        if is_kept:
            self._kept.append((ordered, ends))
            return
        for number in np.flatnonzero(np.diff(ends, prepend=0)).tolist():
            with (
                pa.OSFile(str(self._file(number)), "ab") as file,
                pa.ipc.new_stream(file, rows.schema) as stream,
            ):
                stream.write_table(_stretch(ordered, ends, number))

    def _ends(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many of these places, in ascending order, lie in each bucket or in one before it."""
        buckets = -(-self.count // self._rows_in_bucket)
        found: NDArray[np.int64] = np.searchsorted(places, self._rows_in_bucket * np.arange(1, buckets + 1))
        return found

    def _load(self, number: int) -> pa.Table:
        tables = [_stretch(rows, ends, number) for rows, ends in self._kept]
        if self._file(number).exists():
            with pa.memory_map(str(self._file(number)), "rb") as file:
                while file.tell() < file.size():
                    with pa.ipc.open_stream(file) as stream:
                        tables.append(stream.read_all())
        return _sorted(pa.concat_tables(tables))

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:06d}.arrows"


def _stretch(rows: pa.Table, ends: NDArray[np.int64], number: int) -> pa.Table:
    """Return the rows of one bucket."""
    start = int(ends[number - 1]) if number else 0
    return rows.slice(start, int(ends[number]) - start)


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


def _pieces(rows: Iterator[pa.RecordBatch], size: int) -> Iterator[pa.Table]:
    """Put batches together to tables of about so many bytes, or a little more."""
    waiting, waits = list[pa.RecordBatch](), 0
    for batch in rows:
        waiting.append(batch)
        waits += batch.nbytes
        if waits > size:
            yield pa.Table.from_batches(waiting)
            waiting, waits = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting)


def _sorted(rows: pa.Table) -> pa.Table:
    """Put rows in order, in memory of their own."""
    order = np.argsort(rows[_PLACE].to_numpy())
    return rows.drop_columns([_PLACE]).take(pa.array(order))
