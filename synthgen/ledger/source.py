"""Committed Parquet files, read in small batches: memory does not grow with their number or size."""

from collections import Counter
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
from synthgen.ledger.columns import EMBEDDING, MASK, MASKS, PHASH, SOURCE_ID


class Source(Protocol):
    """A file that can be opened any number of times, such as a `Path`."""

    def open(self, mode: Literal["rb"]) -> BinaryIO: ...


BATCH_ROWS = 1024
BATCH_BYTES = 16 * 2**20
_HINT = "Run `synthgen verify` on the run folder."


@dataclass(frozen=True, slots=True)
class Scan:
    """What one pass over a file of accepted images finds. No picture is read.

    For each row: its id and label, its perceptual hash where there is one, the picture that it was made from if there
    is one, and, where asked for, its hash once more, and its embedding.
    """

    source: Source
    schema: pa.Schema
    ids: list[str]
    labels: list[int]
    looks: list[bytes | None]
    hashes: list[bytes]
    embeddings: list[NDArray[np.float16]]
    origins: list[str] = field(default_factory=list)


def batches(source: Source, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the rows in order, some at a time: at most `BATCH_ROWS`, and about `BATCH_BYTES`.

    Raises:
        StorageError: it cannot be read, is not a Parquet file, or lacks one of `columns`.
    """
    with _opened(source) as opened, pq.ParquetFile(opened) as file:
        _need(columns or (), file.schema_arrow.names, source)
        yield from _batches(file, columns)


def _batches(file: pq.ParquetFile, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
    yield from file.iter_batches(_at_once(file.metadata, columns), columns=columns)


def _at_once(file: pq.FileMetaData, columns: Sequence[str] | None) -> int:
    if columns is not None and not {"image", MASK, MASKS, "thumbnail"}.intersection(columns):
        return BATCH_ROWS
    size = sum(file.row_group(number).total_byte_size for number in range(file.num_row_groups))
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
        StorageError: a column or an id is missing, or a label is not one of the classes.
    """
    with _opened(source) as opened, pq.ParquetFile(opened) as file, as_damage(source):
        there = file.schema_arrow.names
        _need(["id", "image", "label", *[PHASH] * hashes, *[EMBEDDING] * embeddings], there, source)
        optional = [name for name in (PHASH, SOURCE_ID) if name in there]
        result = Scan(source, file.schema_arrow, [], [], [], [], [])
        for batch in _batches(file, ["id", "label", *optional, *[EMBEDDING] * embeddings]):
            _add(result, batch, len(classes), hashes)
    return result


def _add(result: Scan, batch: pa.RecordBatch, classes: int, hashes: bool) -> None:
    ids, labels = batch["id"].to_pylist(), batch["label"].to_pylist()
    for image_id, label in zip(ids, labels, strict=True):
        if not image_id or label is None or not 0 <= label < classes:
            raise unusable_row(result.source, image_id, f"label {label}")
    there = batch.schema.names
    looks = batch[PHASH].to_pylist() if PHASH in there else [None] * len(ids)
    result.ids.extend(ids)
    result.labels.extend(labels)
    result.looks.extend(looks)
    if hashes:
        result.hashes.extend(looks)
    if SOURCE_ID in there:
        result.origins.extend(batch[SOURCE_ID].to_pylist())
    if EMBEDDING in there:
        result.embeddings.extend(np.stack(batch[EMBEDDING].to_numpy(zero_copy_only=False)))


def digests_of_pictures(scans: Sequence[Scan]) -> Iterator[list[bytes]]:
    """Yield, for each file, bytes for each row that are equal for two images if their pictures are, byte for byte.

    They are the picture's sha256, if another image has the same perceptual hash; else no picture can be equal, and none
    is read.
    """
    often = Counter(look for one in scans for look in one.looks)
    for one in scans:
        alike = [look is None or often[look] > 1 for look in one.looks]
        if not any(alike):
            yield [image_id.encode() for image_id in one.ids]
            continue
        pictures = (image for batch in batches(one.source, ["image"]) for image in batch["image"])
        with as_damage(one.source):
            yield [
                sha256(image["bytes"].as_buffer() or b"").digest() if is_alike else image_id.encode()
                for image_id, image, is_alike in zip(one.ids, pictures, alike, strict=True)
            ]


def unusable_row(source: Source, image_id: str | None, why: str) -> StorageError:
    """Return the error for a row that no dataset can take."""
    return StorageError(f"{source} has a row that cannot be used: id {image_id}, {why}", hint=_HINT)


def _need(columns: Sequence[str], there: Sequence[str], source: Source) -> None:
    if missing := [name for name in columns if name.partition(".")[0] not in there]:
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
