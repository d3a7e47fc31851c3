"""Committed Parquet files, read in small batches: memory does not grow with their number or size."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import BinaryIO, Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from synthgen.errors import StorageError
from synthgen.files import as_damage
from synthgen.images import LeftOut, decode
from synthgen.ledger.columns import EMBEDDING, PHASH


class Source(Protocol):
    """A file that can be opened any number of times, such as a `Path`."""

    def open(self, mode: Literal["rb"]) -> BinaryIO: ...


BATCH_ROWS = 1024
BATCH_BYTES = 16 * 2**20
_HINT = "Run `synthgen verify` on the run folder."


@dataclass(frozen=True, slots=True)
class Scan:
    """What one pass over a file of accepted images finds.

    For each row: its id and label, the sha256 of the image, and what further columns say that were asked for; None
    where the file has no such column.
    """

    source: Source
    ids: list[str] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    columns: Mapping[str, list[object]] = field(default_factory=dict)
    hashes: list[bytes | None] = field(default_factory=list)
    embeddings: list[NDArray[np.float16]] = field(default_factory=list)


def batches(source: Source, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the rows in order, some at a time: at most `BATCH_ROWS`, and about `BATCH_BYTES`.

    Raises:
        StorageError: it cannot be read, is not a Parquet file, or lacks one of `columns`.
    """
    with _opened(source) as opened, pq.ParquetFile(opened) as file:
        _need(columns or (), file.schema_arrow, source)
        yield from file.iter_batches(_at_once(file.metadata, columns), columns=columns)


def _at_once(file: pq.FileMetaData, columns: Sequence[str] | None) -> int:
    groups = [file.row_group(number) for number in range(file.num_row_groups)]
    parts = [group.column(number) for group in groups for number in range(group.num_columns)]
    size = sum(
        part.total_uncompressed_size
        for part in parts
        if columns is None or part.path_in_schema in columns or part.path_in_schema.partition(".")[0] in columns
    )
    return max(1, min(BATCH_ROWS, BATCH_BYTES * file.num_rows // max(size, 1)))


def schema_of(source: Source) -> pa.Schema:
    with _opened(source) as opened, pq.ParquetFile(opened) as file:
        return file.schema_arrow


def pixel_bytes(ledgers: Iterable[Source]) -> int:
    """Add up the disk space of the full images that ledgers keep, from the files' footers.

    Raises:
        StorageError: one cannot be read.
    """
    total = 0
    for ledger in ledgers:
        with _opened(ledger) as opened, pq.ParquetFile(opened) as file:
            groups = [file.metadata.row_group(index) for index in range(file.metadata.num_row_groups)]
            columns = [group.column(index) for group in groups for index in range(group.num_columns)]
            total += sum(column.total_compressed_size for column in columns if column.path_in_schema == "image.bytes")
    return total


def scan(
    source: Source,
    classes: Sequence[str],
    columns: Sequence[str] = (),
    *,
    hashes: bool = False,
    embeddings: bool = False,
) -> Scan:
    """Read what a dataset needs to know about a file of accepted images before it copies them.

    Args:
        columns: what to read besides.
        hashes: read the perceptual hashes. An image without one is hashed now; None if it cannot be opened.
        embeddings: read the embeddings, [rows, d] for some rows at a time; NaN where there is none.

    Raises:
        StorageError: a column, an image or an id is missing, or a label is not one of the classes.
    """
    there = schema_of(source).names
    result = Scan(source, columns={name: [] for name in columns})
    asked = [*columns, *[PHASH] * hashes, *[EMBEDDING] * embeddings]
    read = ["id", "image", "label", *dict.fromkeys(name for name in asked if name in there)]
    with as_damage(source):
        for batch in batches(source, read):
            images = _scan(result, batch, len(classes))
            if hashes:
                known = batch[PHASH].to_pylist() if PHASH in there else [None] * batch.num_rows
                result.hashes.extend(one or _hashed(image) for one, image in zip(known, images, strict=True))
            if embeddings:
                result.embeddings.append(_vectors(batch))
    return result


def _scan(result: Scan, batch: pa.RecordBatch, classes: int) -> list[bytes]:
    ids, labels = batch["id"].to_pylist(), batch["label"].to_pylist()
    images = [(image["bytes"] if image else None) or b"" for image in batch["image"].to_pylist()]
    for image_id, label, image in zip(ids, labels, images, strict=True):
        if not image_id or not image or label is None or not 0 <= label < classes:
            raise StorageError(
                f"{result.source} has a row that cannot be used: id {image_id}, label {label}, "
                f"{len(image)} bytes of image",
                hint=_HINT,
            )
    result.ids.extend(ids)
    result.labels.extend(labels)
    result.digests.extend(sha256(image).digest() for image in images)
    for name, values in result.columns.items():
        values.extend(batch[name].to_pylist() if name in batch.schema.names else [None] * batch.num_rows)
    return images


def _hashed(image: bytes) -> bytes | None:
    """Hash an image of a file that has no hashes, such as one that a reviewer took in."""
    from synthgen.stats.near_hashes import perceptual_hash  # with SciPy, which few readers of a ledger need

    found = decode(image)
    return None if isinstance(found, LeftOut) else perceptual_hash(np.asarray(found.image)).tobytes()


def _vectors(batch: pa.RecordBatch) -> NDArray[np.float16]:
    """Return the embeddings of a batch; one column of NaN if it has none."""
    none = np.full((batch.num_rows, 1), np.nan, np.float16)
    if EMBEDDING not in batch.schema.names:
        return none
    rows = [
        None if row is None or not len(row) else np.asarray(row, np.float16)
        for row in batch[EMBEDDING].to_numpy(zero_copy_only=False)
    ]
    width = next((len(row) for row in rows if row is not None), 0)
    missing = np.full(width, np.nan, np.float16)
    return np.stack([missing if row is None else row for row in rows]) if width else none


def _need(columns: Sequence[str], schema: pa.Schema, source: Source) -> None:
    if missing := [name for name in columns if name.partition(".")[0] not in schema.names]:
        raise StorageError(f"{source} has no column {', '.join(missing)}", hint=_HINT)


def digest_of(source: Source) -> str:
    """sha256 of the whole file, in hex."""
    digest = sha256()
    with _opened(source) as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


@contextmanager
def _opened(source: Source) -> Iterator[BinaryIO]:
    try:
        with source.open("rb") as file:
            yield file
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"cannot read {source}: {error}", hint=_HINT) from error
