"""The images of a selection, streamed from the committed shards to whatever writes them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synthgen.dataset.columns import features_of, in_order
from synthgen.dataset.cores import ahead, chained_ahead
from synthgen.dataset.mixing import Finish, MixedRows, RowPlaces
from synthgen.dataset.order import LabelRuns, longest_possible, longest_run, mixed_order
from synthgen.dataset.select import Selection
from synthgen.errors import StorageError
from synthgen.files import as_damage
from synthgen.ledger.columns import FOR_DUPLICATES, INCLUDED_BY, SETTINGS, ImageRow, attribute
from synthgen.ledger.composition import BalanceRequest, Composition
from synthgen.ledger.review import BY_RUN, NO_REVIEW, Review
from synthgen.ledger.source import Scan, Source, batches, unusable_row

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
    """The selected images of a run, read from its shards: one split after the other, each in a mixed order.

    Attributes:
        composition: what the images of the last pass were measured to be.
        label_runs: how long images of one class follow each other, by split.
    """

    def __init__(
        self,
        scans: Sequence[Scan],
        selection: Selection,
        asked: BalanceRequest,
        review: Review = NO_REVIEW,
        *,
        scratch: Path,
        classes: Sequence[str],
        model: str,
        seed: int,
        finish: Finish = iter,
    ) -> None:
        """Check that the sources share one schema, and draw the order of their images.

        Args:
            scans: of the sources.
            review: says which of the images were taken in, and by whom; if any were, the rows have a column for it.
            scratch: an empty folder, for rows that do not fit into memory.
            classes: as the sources number them. The selection may have another order.
            model: what made the images.
            seed: of the order.
            finish: finishes the pictures of rows, once, as these are read.

        Raises:
            StorageError: they do not, or cannot be read.
        """
        sources = [one.source for one in scans]
        self._sources, self._selection, self._asked, self._model = sources, selection, asked, model
        self._taken = {name: word.reviewer or BY_RUN for name, word in review.included.items()}
        self._stored, self._has_settings = _stored_schema(scans)
        self._labels = pa.array([selection.classes.index(name) for name in classes])
        names = [*self._stored.names, "class", "model", "shard", "attempt", *[INCLUDED_BY] * bool(self._taken)]
        with as_damage(sources[0]):
            self.schema: pa.Schema = _schema(self._stored, names, selection.classes)
        self.composition = Composition(asked)
        self.count = 0
        self.label_runs: dict[str, LabelRuns] = {}
        self._places = self._draw(scans, seed)
        self._scratch, self._finish = scratch, finish
        self._mixed: MixedRows | None = None

    @property
    def features(self) -> "Features":
        """The types of the columns, as `datasets` knows them."""
        return features_of(self.schema, self._selection.classes)

    def batches(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield some rows at a time: see `SelectedImages`."""
        self.composition, self.count = Composition(self._asked), 0
        if self._mixed is None:
            self._mixed = MixedRows(self._read, self._places, self._scratch, self._finish)
        for split, rows in ahead(self._divided(self._mixed)):
            self.count += rows.num_rows
            yield split, rows

    def rows(self) -> Iterator[tuple[str, ImageRow]]:
        """Yield one row at a time: see `SelectedImages`."""
        for split, batch in self.batches():
            for row in batch.to_pylist():
                yield split, cast("ImageRow", row)

    def _divided(self, mixed: MixedRows) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield rows as the dataset has them, with their splits, and count what they are."""
        for split, stored in divided(mixed.batches(), self._selection):
            rows = self._shown(stored)
            _count(rows, self.composition)
            yield split, rows

    def _draw(self, scans: Sequence[Scan], seed: int) -> RowPlaces:
        """Say where each row of the sources comes in the order: -1 if it is left out."""
        ids = [image_id for one in scans for image_id in one.ids]
        numbers = {split: number for number, split in enumerate(self._selection.splits)}
        numbers_of = {image_id: numbers[split] for image_id, split in self._selection.split_of.items()}
        split_of, kinds = (
            np.array([numbers_of.get(one, -1) for one in ids]),
            np.concatenate([one.labels for one in scans]),
        )

        places, start = np.full(len(ids), -1), 0
        for split, number in numbers.items():
            there = np.flatnonzero(split_of == number)
            ordered = there[mixed_order([ids[row] for row in there], kinds[there], seed)]
            places[ordered] = np.arange(start, start + len(ordered))
            start += len(ordered)
            counts = np.unique_counts(kinds[there]).counts
            self.label_runs[split] = LabelRuns(longest_run(kinds[ordered]), longest_possible(counts.tolist()))
        return places

    def _read(self) -> Iterator[pa.RecordBatch]:
        """Read the rows as they are stored."""
        return chained_ahead(map(self._rows_of, self._sources, self._has_settings))

    def _rows_of(self, source: Source, has_settings: bool) -> Iterator[pa.RecordBatch]:
        there = self._stored.names if has_settings else _without(self._stored, SETTINGS).names
        for rows in batches(source, there):
            sizes = pc.fill_null(pc.binary_length(rows["image"].field("bytes")), 0).to_numpy()
            if not (sizes > 0).all():
                raise unusable_row(source, rows["id"][int(sizes.argmin())].as_py(), "0 bytes of image")
            columns = [
                rows[field.name] if field.name in there else pa.nulls(rows.num_rows, field.type)
                for field in self._stored
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=self._stored)

    def _shown(self, stored: pa.RecordBatch) -> pa.RecordBatch:
        """Give rows the columns of the dataset."""
        with as_damage("what the shards hold"):
            labels = self._labels.take(stored["label"])
            number = pc.split_pattern(stored["id"], "-")
            own = {
                "label": labels,
                "class": pa.array(self._selection.classes, pa.string()).take(labels),
                "model": pa.repeat(self._model, stored.num_rows),
                "shard": pc.list_element(number, 0),
                "attempt": pc.list_element(number, 1),
            }
            if self._taken:
                own[INCLUDED_BY] = pa.array(map(self._taken.get, stored["id"].to_pylist()), pa.string())
            columns = [
                (own[field.name] if field.name in own else stored[field.name]).cast(field.type) for field in self.schema
            ]
            return pa.RecordBatch.from_arrays(columns, schema=self.schema)


def divided(rows: Iterator[pa.RecordBatch], selection: Selection) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Say which split rows belong to that come split by split."""
    ends = np.cumsum([selection.images_in(split) for split in selection.splits])
    start = 0
    for batch in rows:
        for split, end in zip(selection.splits, ends - start, strict=True):
            first = max(0, end - selection.images_in(split))
            if first < min(end, batch.num_rows):
                yield split, batch.slice(first, end - first)
        start += batch.num_rows


def _count(rows: pa.RecordBatch, composition: Composition) -> None:
    names = [name for name in composition.asked.answers if attribute(name) in rows.schema.names]
    values = (rows[column].to_pylist() for column in ("class", *map(attribute, names)))
    for (kind, *answers), images in Counter(zip(*values, strict=True)).items():
        composition.add(kind, dict(zip(names, answers, strict=True)), images)


def _stored_schema(scans: Sequence[Scan]) -> tuple[pa.Schema, list[bool]]:
    """Return the schema that the sources share, less what was only needed to find duplicates.

    A run may have gained choices of settings only after its first shards: say of each source whether it has them.
    """
    if not scans:
        raise StorageError("there is no committed shard to make a dataset of", hint="Run `synthgen run` first.")
    schemas = [_without(one.schema.remove_metadata(), *FOR_DUPLICATES) for one in scans]
    first = next((each for each in schemas if SETTINGS in each.names), schemas[0])
    for one, other in zip(scans, schemas, strict=True):
        if not other.equals(first) and not other.equals(_without(first, SETTINGS)):
            what = f"the shards have different columns: {scans[0].source} and {one.source}"
            raise StorageError(what, hint="Were they made by different versions?")
    if taken := {"class", "model", "shard", "attempt"} & {*first.names}:
        what = f"{scans[0].source} has a column {min(taken)!r} of the pictures that images began from"
        raise StorageError(
            what, hint="A dataset has a column of that name of its own. Rename it there, and start a new run."
        )
    return first, [each.equals(first) for each in schemas]


def _schema(stored: pa.Schema, names: Iterable[str], classes: Sequence[str]) -> pa.Schema:
    """Return the schema of the dataset, with the metadata that tells `datasets` about images and labels."""
    kinds = {"class": pa.string(), "model": pa.string(), "shard": pa.int32(), "attempt": pa.int32()}
    kinds |= {INCLUDED_BY: pa.string()} | {field.name: field.type for field in stored}
    schema: pa.Schema = features_of(pa.schema([(name, kinds[name]) for name in in_order(names)]), classes).arrow_schema
    return schema


def _without(schema: pa.Schema, *names: str) -> pa.Schema:
    return pa.schema([field for field in schema if field.name not in names])
