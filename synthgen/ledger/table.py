"""A Parquet file that grows row by row, and how those of a run are read."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, cast

from synthgen.errors import StorageError
from synthgen.files import as_damage
from synthgen.ledger.columns import ImageRow, LedgerRow
from synthgen.store import faults
from synthgen.store.store import RunStore

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_PER_GROUP = 100
"""Small enough for the Hub's viewer to read a page of images without reading hundreds of megabytes."""
BYTES_PER_GROUP = 64 * 2**20
"""Of pictures: a group ends with the one that comes to as much."""


_READ_AT_ONCE = 64


def read_ledger(store: RunStore, name: str, columns: Sequence[str] | None = None) -> Iterator[LedgerRow]:
    """Yield the attempts in a shard's ledger in order, reading a few at a time: memory does not grow with the table.

    Raises:
        StorageError: it cannot be read, is not a Parquet file, or lacks one of `columns`.
    """
    return cast("Iterator[LedgerRow]", _rows(store, name, columns))


def read_images(store: RunStore, name: str, columns: Sequence[str] | None = None) -> Iterator[ImageRow]:
    """Yield the accepted images in a shard's table in order, a few at a time.

    Raises:
        StorageError: as `read_ledger`.
    """
    return cast("Iterator[ImageRow]", _rows(store, name, columns))


def _rows(store: RunStore, name: str, columns: Sequence[str] | None) -> Iterator[Mapping[str, object]]:
    import pyarrow.parquet as pq

    place = f"{store.location}/{name}"
    with store.open(name) as file, as_damage(place):
        table = pq.ParquetFile(file)
        there = table.schema_arrow.names
        if missing := [column for column in columns or () if column.partition(".")[0] not in there]:
            raise StorageError(f"{place} is damaged, or of another version: it has no column {missing[0]!r}")
        for batch in table.iter_batches(_READ_AT_ONCE, columns=columns):
            yield from batch.to_pylist()


def read_schema(store: RunStore, name: str) -> "pa.Schema":
    import pyarrow.parquet as pq

    with store.open(name) as file, as_damage(f"{store.location}/{name}"):
        return pq.ParquetFile(file).schema_arrow


class TableFile:
    """A Parquet file that takes one row at a time.

    Rows go to disk in groups, so memory does not grow with the shard. The bytes depend on the rows alone, never on
    how they came in batches.
    """

    def __init__(self, file: BinaryIO, schema: "pa.Schema") -> None:
        import pyarrow.parquet as pq

        self._schema = schema
        self._rows: list[Mapping[str, object]] = []
        self._bytes = 0
        self._writer = pq.ParquetWriter(
            file,
            schema,
            compression="zstd",
            use_dictionary=_repetitive(schema),
            write_page_index=True,
        )

    def add(self, row: Mapping[str, object]) -> None:
        self._rows.append(row)
        self._bytes += sum(map(_picture_bytes, row.values()))
        if len(self._rows) == ROWS_PER_GROUP or self._bytes >= BYTES_PER_GROUP:
            self._write_group()

    def finish(self) -> None:
        if self._rows:
            self._write_group()
        self._writer.close()

    def abandon(self) -> None:
        """Close a file that will be deleted."""
        import pyarrow as pa

        with suppress(StorageError, OSError, ValueError, pa.ArrowException):
            self._writer.close()

    def _write_group(self) -> None:
        import pyarrow as pa

        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows.clear()
        self._bytes = 0
        faults.reach("rows-written")


def _picture_bytes(value: object) -> int:
    """Return the bytes of a picture, or of the pictures in a list."""
    if isinstance(value, Mapping):
        return len(value["bytes"]) if isinstance(value.get("bytes"), bytes) else 0
    return sum(map(_picture_bytes, value)) if isinstance(value, list) else 0


def _repetitive(schema: "pa.Schema") -> list[str]:
    """The columns that a dictionary makes smaller. For pictures it would only slow the writer down."""
    return [field.name for field in schema if str(field.type) == "string" and field.name not in {"id", "message"}]
