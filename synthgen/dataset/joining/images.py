"""The images of two sets as those of one, streamed to whatever writes them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa

from synthgen.dataset.checked_objects import UNUSABLE
from synthgen.dataset.cores import on_all_cores
from synthgen.dataset.encoding import whole_ending
from synthgen.dataset.images import SelectedImages, divided
from synthgen.dataset.joining.boxes import corners_in
from synthgen.dataset.joining.rows import (
    MEND,
    PICTURE_FIELDS,
    are_beside,
    as_pictures,
    complain,
    read_pictures,
    rows_of,
)
from synthgen.dataset.joining.same_pictures import JoinedRows, conflicts_of, copies_of, leaks_of, repeats_of
from synthgen.dataset.joining.side import PICTURE, SYNTHETIC, JoinedSide
from synthgen.dataset.mixing import MixedRows, RowPlaces
from synthgen.dataset.order import LabelRuns, longest_possible, longest_run, mixed_order
from synthgen.dataset.select import Selection
from synthgen.errors import UsageError
from synthgen.events import OnProgress, StepProgress
from synthgen.images import LeftOut
from synthgen.ledger.columns import BOXES, ImageRow
from synthgen.sets.complaints import Complaints

if TYPE_CHECKING:
    from datasets import Features

_SEED = 0
"""Of the order of the rows: the same sets give the same dataset."""


class JoinedImages(SelectedImages):
    """The images of a real and a synthetic set: one split after the other, each in a mixed order.

    Attributes:
        features: the types of the columns, as `datasets` knows them.
        selection: which image is in which split.
        origins: how many images each split has of each class and origin; the origin is whether they are synthetic.
        runs: how long images of one class follow each other, by split.
        leaks: what shows in one split what is in another.
        copies: how many synthetic images are, byte for byte, in the real set in the same split.
        conflicts: pictures that are there under several classes.
        repeats: what each of the two sets has more than once.
        digest: of all that was read, in hex.
    """

    def __init__(
        self,
        sides: Sequence[JoinedSide],
        classes: Sequence[str],
        splits: Sequence[str],
        split_of: Sequence[str],
        columns: pa.Schema,
        *,
        scratch: Path,
        on_progress: OnProgress,
    ) -> None:
        """Read both sets once.

        Args:
            sides: the real set, and the synthetic one.
            splits: the names of all splits.
            split_of: that of every row, those of the real set first.
            columns: what the sets bring along: see `joined_columns`.
            scratch: an empty folder, for rows that do not fit into memory.

        Raises:
            UsageError: an image cannot be opened, or a box does not fit into its image.
            StorageError: a set cannot be read, or `scratch` not written.
        """
        self._sides, self._columns, self._on_progress = sides, columns, on_progress
        numbers = {name: number for number, name in enumerate(classes)}
        self._ids = [f"{_origin(side)}/{one}" for side in sides for one in side.ids]
        self._labels = np.array([numbers[name] for side in sides for name in side.labels], np.int64)
        self._splits = split_of
        self._classes = pa.array(classes, pa.string())

        own = {"id": pa.string(), "image": PICTURE, "label": pa.int64(), "class": pa.string(), SYNTHETIC: pa.bool_()}
        self._stored = pa.schema([*map(pa.field, own, own.values()), *columns])
        self.features = features_by_type(self._stored, classes)
        self.schema: pa.Schema = self.features.arrow_schema

        self.count = 0
        self.runs: dict[str, LabelRuns] = {}
        self.origins: Counter[tuple[str, str, bool]] = Counter()
        self._digests: list[bytes] = []
        self._hash = sha256(f"{self.schema.remove_metadata()}{[*classes]}{[*splits]}{[*split_of]}".encode())

        places = self._draw(splits)
        self._complaints = Complaints(UNUSABLE)
        self._mixed = MixedRows(self._read, places, scratch)
        self._complaints.refuse()
        self.selection = self._selected(classes, splits)
        named = [classes[label] for label in self._labels.tolist()]
        real, synthetic = sides
        rows = JoinedRows(self._ids, named, split_of, self._digests, real.ids, synthetic.sources)
        self.leaks, self.copies = tuple(leaks_of(rows)), copies_of(rows)
        self.conflicts, self.repeats = tuple(conflicts_of(rows)), repeats_of(rows)
        self.digest = self._hash.hexdigest()

    def batches(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield some rows at a time: see `SelectedImages`."""
        self.count = 0
        for split, stored in divided(self._mixed.batches(), self.selection):
            self.count += stored.num_rows
            yield split, stored.cast(self.schema)

    def rows(self) -> Iterator[tuple[str, ImageRow]]:
        """Yield one row at a time: see `SelectedImages`."""
        for split, batch in self.batches():
            for row in batch.to_pylist():
                yield split, cast("ImageRow", row)

    def _draw(self, splits: Sequence[str]) -> RowPlaces:
        """Say where each row comes in the order."""
        named, places, start = np.array(self._splits), np.full(len(self._ids), -1), 0
        for split in splits:
            there = np.flatnonzero(named == split)
            ordered = there[mixed_order([self._ids[row] for row in there], self._labels[there], _SEED)]
            places[ordered] = np.arange(start, start + len(ordered))
            start += len(ordered)
            counts = np.unique_counts(self._labels[there]).counts
            longest = longest_run(self._labels[ordered]) if len(ordered) else 0
            self.runs[split] = LabelRuns(longest, longest_possible(counts.tolist()))
        return places

    def _read(self) -> Iterator[pa.RecordBatch]:
        """Read the rows of one set after the other, and remember the digest of each image."""
        start = 0
        for side in self._sides:
            for first, pictures, others in rows_of(side, self._complaints):
                here = slice(start + first, start + first + len(pictures))
                yield self._as_stored(side, first, here, pictures, others)
                self._on_progress(StepProgress(f"reading {side.title}", "images", here.stop - start, len(side.ids)))
            start += len(side.ids)

    def _as_stored(
        self, side: JoinedSide, first: int, here: slice, pictures: Sequence[bytes], others: pa.Table
    ) -> pa.RecordBatch:
        count, labels = len(pictures), pa.array(self._labels[here])
        self._digests += (digests := [sha256(picture).digest() for picture in pictures])
        brought = {name: pa.array(cells[first : first + count], pa.string()) for name, cells in side.as_names.items()}
        brought |= {name: _whole(others[name]) for name in others.column_names}
        if BOXES in brought:
            brought[BOXES] = corners_in(side, first, pictures, brought[BOXES], self._complaints)

        synthetic = brought.pop(SYNTHETIC, pa.nulls(count, pa.bool_())).fill_null(side.is_synthetic)
        names = [
            f"{_origin(side)}-{place:08d}{self._ending(side, place, ending)}"
            for place, ending in enumerate(on_all_cores(whole_ending, pictures), start=first)
        ]
        own = {
            "id": pa.array(self._ids[here]),
            "image": pa.StructArray.from_arrays([pa.array(pictures, pa.binary()), pa.array(names)], [*PICTURE_FIELDS]),
            "label": labels,
            "class": self._classes.take(labels),
            SYNTHETIC: synthetic,
        }
        for split, label, origin in zip(
            self._splits[here], own["class"].to_pylist(), synthetic.to_pylist(), strict=True
        ):
            self.origins[split, label, origin] += 1

        for name in self._columns.names:
            given = brought.get(name)
            kind = self._columns.field(name).type
            own[name] = pa.nulls(count, kind) if given is None else self._cast(side, name, given, first, kind)

        stored = pa.RecordBatch.from_arrays([own[name] for name in self._stored.names], schema=self._stored)
        self._hash.update(b"".join(digests) + str(stored.drop_columns(["image"]).to_pylist()).encode())
        return stored

    def _cast(self, side: JoinedSide, name: str, given: pa.Array, first: int, kind: pa.DataType) -> pa.Array:
        """Give a column the type that it has in the joined set; pictures in it are read, and have no paths."""
        if kind != PICTURE:
            if kind == pa.list_(PICTURE) and are_beside(given.cast(kind)):
                what = f"{side.title}: the pictures in the column {name!r} are files beside the table"
                raise UsageError(what, hint=f"`leave_out={[name]!r}` leaves it out.")
            return given.cast(kind)
        data = given.field("bytes")
        if are_beside(given):
            places = range(first, first + len(given))
            return read_pictures(side, name, places, given.is_valid().to_pylist(), self._complaints)
        return as_pictures(data)

    def _ending(self, side: JoinedSide, row: int, ending: str | LeftOut) -> str:
        if isinstance(ending, LeftOut):
            complain(side, self._complaints, f"{side.ids[row]} is among images {ending.reason}: {ending.detail}", MEND)
            return ""
        return ending

    def _selected(self, classes: Sequence[str], splits: Sequence[str]) -> Selection:
        counts = Counter(zip(self._splits, (classes[label] for label in self._labels.tolist()), strict=True))
        return Selection(tuple(classes), tuple(splits), dict(zip(self._ids, self._splits, strict=True)), counts)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _origin(side: JoinedSide) -> str:
    return "synthetic" if side.is_synthetic else "real"


def features_by_type(schema: pa.Schema, classes: Sequence[str]) -> "Features":
    """Return the types of the columns, as `datasets` knows them: what holds pictures is known by its type."""
    from datasets import ClassLabel, Features, Image, List

    kinds: Mapping[str, object] = {
        field.name: Image() if field.type == PICTURE else List(Image())
        for field in schema
        if field.type in (PICTURE, pa.list_(PICTURE))
    }
    return Features(Features.from_arrow_schema(schema) | kinds | {"label": ClassLabel(names=list(classes))})
