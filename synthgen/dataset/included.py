"""Images that a reviewer took in: their rows in the ledger, read as if they were accepted ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.files import as_damage
from synthgen.ledger.review import Review
from synthgen.ledger.source import Source, batches, schema_of


@dataclass(frozen=True)
class IncludedImages:
    """Some images of a ledger as a file of accepted images, made when it is opened: only these are in memory.

    Attributes:
        ledger: a committed ledger that keeps the pixels of `ids`.
        like: the file of its shard's accepted images, whose columns these get.
        classes: of the spec, in its order.
        spared: whether a person took them in: then no rule for duplicates applies to them.
    """

    ledger: Source
    like: Source
    ids: frozenset[str]
    classes: tuple[str, ...]
    spared: bool

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """Return the Parquet file."""
        schema, file = schema_of(self.like), BytesIO()
        with as_damage(self), pq.ParquetWriter(file, schema, compression="none") as writer:
            for batch in batches(self.ledger):
                rows = [place for place, image_id in enumerate(batch["id"].to_pylist()) if image_id in self.ids]
                if rows:
                    writer.write_batch(_as_accepted(batch.take(pa.array(rows)), schema, self.classes))
        file.seek(0)
        return file

    def __str__(self) -> str:
        return str(self.ledger)


def _as_accepted(rows: pa.RecordBatch, schema: pa.Schema, classes: Sequence[str]) -> pa.RecordBatch:
    """Give the rows the columns of accepted images. A ledger without hashes and embeddings has null in their place."""
    labels = pa.array([classes.index(name) for name in rows["class"].to_pylist()])
    columns = [
        labels.cast(field.type)
        if field.name == "label"
        else rows[field.name].cast(field.type)
        if field.name in rows.schema.names
        else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def included_images(
    ledgers: Sequence[Source], images: Sequence[Source], review: Review, classes: Sequence[str]
) -> list[IncludedImages]:
    """Return the images that were taken in, those of one ledger together: those that a person took in, and others.

    Args:
        images: the accepted images of the shard of each ledger, in the same order.

    Raises:
        StorageError: a ledger cannot be read.
    """
    if not review.included:
        return []
    found = []
    for ledger, like in zip(ledgers, images, strict=True):
        there = {image_id for batch in batches(ledger, ["id"]) for image_id in batch["id"].to_pylist()}
        there &= review.included.keys()
        for ids, spared in ((there & review.spared, True), (there - review.spared, False)):
            if ids:
                found.append(IncludedImages(ledger, like, frozenset(ids), tuple(classes), spared))
    return found
