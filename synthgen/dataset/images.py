"""The images of a selection, streamed from the committed shards to whatever writes them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, cast

import pyarrow as pa

from synthgen.dataset.select import Selection
from synthgen.errors import StorageError
from synthgen.files import as_damage
from synthgen.ledger.columns import FOR_DUPLICATES, INCLUDED_BY, MASK, MASKS, SETTINGS, ImageRow, attribute
from synthgen.ledger.composition import BalanceRequest, Composition
from synthgen.ledger.review import BY_RUN, NO_REVIEW, Review
from synthgen.ledger.source import Source, batches, schema_of

if TYPE_CHECKING:
    from datasets import Features


class SelectedImages(Protocol):
    """The selected images, read as they are asked for: memory does not grow with their number.

    Every pass gives them in the same order.

    Attributes:
        schema: that of the rows. Its metadata tells `datasets` which column is an image, and which a class label.
        count: how many images the last pass gave.
    """

    schema: pa.Schema
    count: int

    def batches(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield some rows at a time, with the split that they belong to.

        Raises:
            StorageError: they cannot be read.
        """

    def rows(self) -> Iterator[tuple[str, ImageRow]]:
        """Yield one row at a time, with its split.

        Besides the columns of `ImageRow`, a row has a column for each score and measured attribute: see
        `synthgen.ledger.columns`.

        Raises:
            StorageError: they cannot be read.
        """


class CommittedImages(SelectedImages):
    """The selected images of a run, read from its shards.

    Attributes:
        composition: what the images of the last pass were measured to be.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        selection: Selection,
        asked: BalanceRequest,
        review: Review = NO_REVIEW,
    ) -> None:
        """Check that the sources, in their order, share one schema.

        Args:
            review: says which of the images were taken in, and by whom; if any were, the rows have a column for it.

        Raises:
            StorageError: they do not.
        """
        self._sources, self._selection, self._asked = sources, selection, asked
        self._taken = {name: word.reviewer or BY_RUN for name, word in review.included.items()}
        self.schema: pa.Schema = _schema(sources, selection.classes)
        if self._taken:
            features = features_of(self.schema.append(pa.field(INCLUDED_BY, pa.string())), selection.classes)
            self.schema = features.arrow_schema
        self.composition = Composition(asked)
        self.count = 0

    @property
    def features(self) -> "Features":
        """The types of the columns, as `datasets` knows them."""
        return features_of(self.schema, self._selection.classes)

    def batches(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield some rows at a time: see `SelectedImages`."""
        self.composition, self.count = Composition(self._asked), 0
        for source in self._sources:
            for split, rows in _divided(batches(source), self._selection):
                self.count += rows.num_rows
                _count(rows, self.composition, self._selection.classes)
                yield split, self._shown(rows)

    def _shown(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        rows = _with_class(rows, self._selection.classes)
        if SETTINGS in self.schema.names and SETTINGS not in rows.schema.names:
            rows = rows.append_column(SETTINGS, pa.nulls(rows.num_rows, pa.string()))
        if self._taken:
            taken = pa.array(map(self._taken.get, rows["id"].to_pylist()), pa.string())
            rows = rows.append_column(INCLUDED_BY, taken)
        return rows.select(self.schema.names)

    def rows(self) -> Iterator[tuple[str, ImageRow]]:
        """Yield one row at a time: see `SelectedImages`."""
        for split, batch in self.batches():
            for row in batch.to_pylist():
                yield split, cast("ImageRow", row)


def features_of(schema: pa.Schema, classes: Sequence[str]) -> "Features":
    """The types of a schema's columns, as `datasets` knows them."""
    from datasets import ClassLabel, Features, Image, List

    pictures: dict[str, object] = {name: Image() for name in ("image", MASK) if name in schema.names}
    if MASKS in schema.names:
        pictures[MASKS] = List(Image())
    return Features(
        Features.from_arrow_schema(schema.remove_metadata()) | pictures | {"label": ClassLabel(names=list(classes))}
    )


def _divided(rows: Iterable[pa.RecordBatch], selection: Selection) -> Iterator[tuple[str, pa.RecordBatch]]:
    for batch in rows:
        places: dict[str, list[int]] = {}
        for position, image_id in enumerate(batch["id"].to_pylist()):
            if (split := selection.split_of.get(image_id)) is not None:
                places.setdefault(split, []).append(position)
        for split, positions in places.items():
            yield split, batch.take(pa.array(positions))


def _with_class(rows: pa.RecordBatch, classes: Sequence[str]) -> pa.RecordBatch:
    """Add the name of each row's label: readers other than `datasets` see only its number."""
    return rows.append_column("class", pa.array(classes, pa.string()).take(rows["label"]))


def _count(rows: pa.RecordBatch, composition: Composition, classes: Sequence[str]) -> None:
    names = [name for name in composition.asked.answers if attribute(name) in rows.schema.names]
    columns = [rows[attribute(name)].to_pylist() for name in names]
    for label, *values in zip(rows["label"].to_pylist(), *columns, strict=True):
        composition.add(classes[label], dict(zip(names, values, strict=True)))


def _schema(sources: Sequence[Source], classes: Sequence[str]) -> pa.Schema:
    """The schema that the sources share, with the metadata that tells `datasets` about images and labels."""
    if not sources:
        raise StorageError("there is no committed shard to make a dataset of", hint="Run `synthgen run` first.")
    schemas = [_shown(schema_of(source).remove_metadata()) for source in sources]
    first = next((each for each in schemas if SETTINGS in each.names), schemas[0])
    for source, other in zip(sources, schemas, strict=True):
        if not other.equals(first) and not other.equals(_without(first, SETTINGS)):
            what = f"the shards have different columns: {sources[0]} and {source}"
            raise StorageError(what, hint="Were they made by different versions?")
    with as_damage(sources[0]):
        schema: pa.Schema = features_of(first, classes).arrow_schema
    return schema


def _without(schema: pa.Schema, name: str) -> pa.Schema:
    """Drop a column: a run may have gained choices of settings only after its first shards."""
    return pa.schema([field for field in schema if field.name != name])


def _shown(schema: pa.Schema) -> pa.Schema:
    """Drop what was only needed to find duplicates, and add the label's name beside its number."""
    fields: list[pa.Field] = []
    for field in schema:
        if field.name not in FOR_DUPLICATES:
            fields.append(field)
        if field.name == "label":
            fields.append(pa.field("class", pa.string()))
    return pa.schema(fields)
