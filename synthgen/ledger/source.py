"""Committed Parquet files, read in small batches: memory does not grow with their number or size."""

from collections.abc import Iterable, Iterator, Sequence
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
from synthgen.ledger.columns import EMBEDDING, PHASH, SOURCE_ID


class Source(Protocol):
    """A file that can be opened any number of times, such as a `Path`."""

    def open(self, mode: Literal["rb"]) -> BinaryIO: ...


BATCH_ROWS = 1024
BATCH_BYTES = 16 * 2**20
_HINT = "Run `synthgen verify` on the run folder."


@dataclass(frozen=True, slots=True)
class Scan:
    """What one pass over a file of accepted images finds.

    For each row: its id and label, the sha256 of the image, the picture that it was made from if there is one, and,
    where asked for, its perceptual hash and embedding.
    """

    source: Source
    ids: list[str]
    labels: list[int]
    digests: list[bytes]
    hashes: list[bytes]
    embeddings: list[NDArray[np.float16]]
    origins: list[str] = field(default_factory=list)


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


def scan(source: Source, classes: Sequence[str], *, hashes: bool = False, embeddings: bool = False) -> Scan:
    """Read what a dataset needs to know about a file of accepted images before it copies them.

    Raises:
        StorageError: a column, an image or an id is missing, or a label is not one of the classes.
    """
    has_sources = SOURCE_ID in schema_of(source).names
    columns = ["id", "image", "label", *[PHASH] * hashes, *[EMBEDDING] * embeddings, *[SOURCE_ID] * has_sources]
    result = Scan(source, [], [], [], [], [])
    with as_damage(source):
        _scan(result, columns, len(classes))
    return result


def _scan(result: Scan, columns: Sequence[str], classes: int) -> None:
    source = result.source
    for batch in batches(source, columns):
        ids, labels = batch["id"].to_pylist(), batch["label"].to_pylist()
        images = [image["bytes"] if image else b"" for image in batch["image"].to_pylist()]
        for image_id, label, image in zip(ids, labels, images, strict=True):
            if not image_id or not image or label is None or not 0 <= label < classes:
                raise StorageError(
                    f"{source} has a row that cannot be used: id {image_id}, label {label}, "
                    f"{len(image or b'')} bytes of image",
                    hint=_HINT,
                )
        result.ids.extend(ids)
        result.labels.extend(labels)
        result.digests.extend(sha256(image or b"").digest() for image in images)
        if PHASH in columns:
            result.hashes.extend(batch[PHASH].to_pylist())
        if SOURCE_ID in columns:
            result.origins.extend(batch[SOURCE_ID].to_pylist())
        if EMBEDDING in columns:
            result.embeddings.extend(np.stack(batch[EMBEDDING].to_numpy(zero_copy_only=False)))


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
