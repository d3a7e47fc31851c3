"""Committed Parquet files, read in small batches: memory does not grow with their number or size."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO, Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from synthgen.errors import StorageError


class Source(Protocol):
    """A file that can be opened as often as it must be read. A `Path` is one."""

    def open(self, mode: Literal["rb"]) -> BinaryIO: ...


BATCH_ROWS = 64
_HINT = "Run `synthgen verify` on the run folder."


@dataclass(frozen=True, slots=True)
class Scan:
    """What one look at a file of accepted images tells: per row its id and label, the sha256 of the image, its
    perceptual hash and its embedding, where they are asked for."""

    source: Source
    ids: list[str]
    labels: list[int]
    digests: list[bytes]
    hashes: list[bytes]
    embeddings: list[NDArray[np.float16]]


def batches(source: Source, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows in order, `BATCH_ROWS` at a time.

    Raises:
        StorageError: it cannot be read or is no Parquet file.
    """
    with _opened(source) as opened, pq.ParquetFile(opened) as file:
        names = file.schema_arrow.names
        chosen = None if columns is None else [name for name in columns if name in names]
        yield from file.iter_batches(BATCH_ROWS, columns=chosen)


def schema_of(source: Source) -> pa.Schema:
    with _opened(source) as opened, pq.ParquetFile(opened) as file:
        return file.schema_arrow


def scan(source: Source, classes: Sequence[str], *, hashes: bool = False, embeddings: bool = False) -> Scan:
    """
    Raises:
        StorageError: a column is missing, an image or an id is, or a label is none of the classes.
    """
    schema = schema_of(source)
    columns = ["id", "image", "label", *["phash"] * hashes, *["embedding"] * embeddings]
    if missing := [name for name in columns if name not in schema.names]:
        raise StorageError(f"{source} has no column {', '.join(missing)}", hint=_HINT)
    result = Scan(source, [], [], [], [], [])
    for batch in batches(source, columns):
        ids, labels = batch["id"].to_pylist(), batch["label"].to_pylist()
        images = [image["bytes"] if image else b"" for image in batch["image"].to_pylist()]
        for image_id, label, image in zip(ids, labels, images, strict=True):
            if not image_id or not image or label is None or not 0 <= label < len(classes):
                raise StorageError(
                    f"{source} has a row that cannot be used: id {image_id}, label {label}, "
                    f"{len(image or b'')} bytes of image",
                    hint=_HINT,
                )
        result.ids.extend(ids)
        result.labels.extend(labels)
        result.digests.extend(sha256(image or b"").digest() for image in images)
        if hashes:
            result.hashes.extend(batch["phash"].to_pylist())
        if embeddings:
            result.embeddings.extend(np.stack(batch["embedding"].to_numpy(zero_copy_only=False)))
    return result


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
