"""Committed Parquet files, read in small batches: memory does not grow with their number or size."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from synthgen.errors import StorageError
from synthgen.files import as_damage
from synthgen.images import RgbPicture, decode
from synthgen.ledger.columns import EMBEDDING, MASK, MASKS, PHASH


class Source(Protocol):
    """A file that can be opened any number of times, such as a `Path`."""

    def open(self, mode: Literal["rb"]) -> BinaryIO: ...


BATCH_ROWS = 1024
BATCH_BYTES = 16 * 2**20
_HINT = "Run `synthgen verify` on the run folder."


@dataclass(frozen=True, slots=True)
class Scan:
    """What one pass over a file of accepted images finds. No picture is read.

    For each row: its id and label, its perceptual hash where there is one, and what further columns say that were asked
    for; None where the file has no such column.

    Attributes:
        embeddings: [rows, d] for some rows at a time, where they are asked for; NaN where there is none.
    """

    source: Source
    schema: pa.Schema
    ids: list[str] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    looks: list[bytes | None] = field(default_factory=list)
    columns: Mapping[str, list[object]] = field(default_factory=dict)
    embeddings: list[NDArray[np.float16]] = field(default_factory=list)


def batches(source: Source, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the rows in order, some at a time: at most `BATCH_ROWS`, and about `BATCH_BYTES`.

    Raises:
        StorageError: it cannot be read, is not a Parquet file, or lacks one of `columns`.
    """
    with _opened_natively(source) as opened, pq.ParquetFile(opened) as file:
        _need(columns or (), file.schema_arrow.names, source)
        yield from _batches(file, columns)


def _batches(file: pq.ParquetFile, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
    # Many files are read side by side, or one beside other work: threads of its own would only be in the way.
    yield from file.iter_batches(_at_once(file.metadata, columns), columns=columns, use_threads=False)


def _at_once(file: pq.FileMetaData, columns: Sequence[str] | None) -> int:
    if columns is not None and not {"image", MASK, MASKS, "thumbnail"}.intersection(columns):
        return BATCH_ROWS
    size = int(sum(file.row_group(number).total_byte_size for number in range(file.num_row_groups)))
    return max(1, min(BATCH_ROWS, BATCH_BYTES * int(file.num_rows) // max(size, 1)))


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
            total += sum(column.total_compressed_size for column in columns if _has_images(column))
    return total


def _has_images(column: pq.ColumnChunkMetaData) -> bool:
    """Whether a part of a file has full images. Where all are null, it takes a few bytes all the same."""
    found = column.statistics
    nulls = found.null_count if found is not None and found.has_null_count else 0
    return bool(column.path_in_schema == "image.bytes" and nulls < column.num_values)


def scan(source: Source, classes: Sequence[str], columns: Sequence[str] = (), *, embeddings: bool = False) -> Scan:
    """Read what a dataset needs to know about a file of accepted images before it copies them.

    Args:
        columns: what to read besides.

    Raises:
        StorageError: a column or an id is missing, or a label is not one of the classes.
    """
    with _opened(source) as opened, pq.ParquetFile(opened) as file, as_damage(source):
        there = file.schema_arrow.names
        _need(["id", "image", "label"], there, source)
        asked = dict.fromkeys((PHASH, *columns, *[EMBEDDING] * embeddings))
        result = Scan(source, file.schema_arrow, columns={name: [] for name in columns})
        for batch in _batches(file, ["id", "label", *(name for name in asked if name in there)]):
            _add(result, batch, len(classes))
            if embeddings:
                result.embeddings.append(_vectors(batch))
    return result


def _add(result: Scan, batch: pa.RecordBatch, classes: int) -> None:
    ids, labels = batch["id"].to_pylist(), batch["label"].to_pylist()
    for image_id, label in zip(ids, labels, strict=True):
        if not image_id or label is None or not 0 <= label < classes:
            raise unusable_row(result.source, image_id, f"label {label}")
    there = batch.schema.names
    result.ids.extend(ids)
    result.labels.extend(labels)
    result.looks.extend((each or None for each in batch[PHASH].to_pylist()) if PHASH in there else [None] * len(ids))
    for name, values in result.columns.items():
        values.extend(batch[name].to_pylist() if name in there else [None] * len(ids))


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


def hashes_of(one: Scan) -> list[bytes | None]:
    """Return the perceptual hashes of a file's images; None for one that cannot be opened.

    An image without a hash, such as one that a reviewer took in, is hashed now.
    """
    if None not in one.looks:
        return one.looks
    from synthgen.stats.near_hashes import perceptual_hash  # with SciPy, which few readers of a ledger need

    found, known = list[bytes | None](), iter(one.looks)
    for batch in batches(one.source, ["image"]):
        for image in batch["image"]:
            look = next(known)
            picture = decode(image["bytes"].as_py() or b"") if look is None else None
            if isinstance(picture, RgbPicture):
                look = perceptual_hash(np.asarray(picture.image)).tobytes()
            found.append(look)
    return found


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
    with _refusing(source), source.open("rb") as file:
        yield file


@contextmanager
def _opened_natively(source: Source) -> Iterator[BinaryIO | pa.NativeFile]:
    """Open a file for Arrow, which would get new memory for each part that it reads of one that Python opened."""
    if not isinstance(source, Path):
        with _opened(source) as file:
            yield file
        return
    with _refusing(source), pa.OSFile(os.fspath(source)) as native:
        yield native


@contextmanager
def _refusing(source: Source) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"cannot read {source}: {error}", hint=_HINT) from error
