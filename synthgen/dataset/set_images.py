"""The images of any labelled set, as a selection of all of them: read once to know them, and again to write them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa

from synthgen.dataset.checked_objects import UNUSABLE
from synthgen.dataset.cores import on_all_cores
from synthgen.dataset.encoding import whole_ending
from synthgen.dataset.images import SelectedImages
from synthgen.dataset.joining.boxes import check_size, corners, form_named, form_of
from synthgen.dataset.joining.images import features_by_type
from synthgen.dataset.joining.rows import MEND, are_beside, complain, rows_of
from synthgen.dataset.joining.side import BOXES_TYPE, PICTURE, JoinedSide
from synthgen.dataset.order import LabelRuns
from synthgen.dataset.select import Selection
from synthgen.errors import UsageError
from synthgen.events import OnProgress, StepProgress, ignore
from synthgen.images import LeftOut, upright_size
from synthgen.ledger.columns import BOXES, ImageRow
from synthgen.regions.boxes import BoxForm, Size
from synthgen.regions.error import RegionError
from synthgen.sets.complaints import Complaints

if TYPE_CHECKING:
    from datasets import Features

_OF_FORMATS = ("file_name", "file_names")
"""Columns that formats make themselves: what a set says there must not decide where a file is written."""
_USUAL = {name: place for place, name in enumerate(("train", "training", "validation", "valid", "val", "dev", "test"))}
"""Splits in the order in which people name them. Others come after them, by name."""


class SetImages(SelectedImages):
    """The images of a labelled set, in its order.

    Attributes:
        features: the types of the columns, as `datasets` knows them.
        selection: all images, each in its split.
        runs: nothing: the order is the set's own.
        size: of all pictures, in bytes.
        digest: of all that was read, in hex.
    """

    def __init__(self, side: JoinedSide, on_progress: OnProgress = ignore) -> None:
        """Read the set once.

        Raises:
            UsageError: an image cannot be opened.
            StorageError: the set cannot be read.
        """
        self._side = side
        self._dropped = dict(_unfit(side))
        self.size, self.count = 0, 0
        self.runs: Mapping[str, LabelRuns] = {}
        self._endings: list[str] = []
        self._sizes: list[Size | None] = []
        self._boxes: list[object] = []
        self._complaints = Complaints(UNUSABLE, side.title)
        self.digest = self._look(on_progress)
        form = self._form_of_boxes()
        if form is not None:
            self._boxes = [self._corners(place, form) for place in range(len(side.ids))]
        self._complaints.refuse()

        carried = [field for field in side.columns if field.name not in self._dropped]
        own = {"id": pa.string(), "image": PICTURE, "label": pa.int64(), "class": pa.string()}
        self._stored = pa.schema(
            [
                *map(pa.field, own, own.values()),
                *(field.with_type(BOXES_TYPE) if field.name == BOXES else field for field in carried),
            ]
        )
        self.features: Features = features_by_type(self._stored, side.classes)
        self.schema: pa.Schema = self.features.arrow_schema
        counts = Counter(zip(side.splits, side.labels, strict=True))
        splits = tuple(sorted({*side.splits}, key=lambda name: (_USUAL.get(name, len(_USUAL)), name)))
        self.selection = Selection(side.classes, splits, dict(zip(side.ids, side.splits, strict=True)), counts)

    @property
    def left_out(self) -> dict[str, str]:
        """What the set has and is not carried over, each with the reason."""
        return {**self._side.unread, **self._dropped}

    def batches(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield some rows at a time: see `SelectedImages`."""
        self.count = 0
        numbers = {name: number for number, name in enumerate(self._side.classes)}
        for first, pictures, others in rows_of(self._side):
            here = slice(first, first + len(pictures))
            rows = self._shown(here, pictures, others, numbers)
            splits = np.array(self._side.splits[here])
            for split in dict.fromkeys(self._side.splits[here]):
                part = rows.filter(pa.array(splits == split))
                self.count += part.num_rows
                yield split, part

    def rows(self) -> Iterator[tuple[str, ImageRow]]:
        """Yield one row at a time: see `SelectedImages`."""
        for split, batch in self.batches():
            for row in batch.to_pylist():
                yield split, cast("ImageRow", row)

    def _look(self, on_progress: OnProgress) -> str:
        """Read all rows: check that each has a picture, and remember what is needed of it."""
        side, digest = self._side, sha256()
        columns = [name for name in side.columns.names if name not in self._dropped]
        names = [side.as_names[name] for name in columns if name in side.as_names]
        facts = [side.classes, columns, side.ids, side.labels, side.splits, *names]
        digest.update(str([*map(list, facts)]).encode())
        done = 0
        for first, pictures, others in rows_of(side, self._complaints):
            endings = on_all_cores(whole_ending, pictures)
            for place, (picture, ending) in enumerate(zip(pictures, endings, strict=True), start=first):
                self._add(side.ids[place], picture, ending)
                digest.update(sha256(picture).digest())
            self._see(others, columns)
            known = others.select([name for name in others.column_names if name in columns])
            digest.update(str(known.to_pylist()).encode())
            done += len(pictures)
            on_progress(StepProgress("reading the set", "images", done, len(side.ids)))
        if done != len(side.ids):
            what = f"{side.found.source} gave {done:,} images for {len(side.ids):,} rows"
            raise UsageError(what, hint="Was it changed just now? Try again.")
        return digest.hexdigest()

    def _add(self, image_id: str, picture: bytes, ending: str | LeftOut) -> None:
        if isinstance(ending, LeftOut):
            complain(self._side, self._complaints, f"the image {image_id} cannot be opened: {ending.detail}", MEND)
            ending = ""
        self._endings.append(ending)
        self.size += len(picture)
        if BOXES in self._side.columns.names:
            self._sizes.append(upright_size(picture) if ending else None)

    def _see(self, others: pa.Table, columns: Sequence[str]) -> None:
        """Remember the boxes, and which pictures in other columns are not in the table itself."""
        if BOXES in others.column_names and BOXES in columns:
            self._boxes += others[BOXES].to_pylist()
        for name in others.column_names:
            holds_pictures = others[name].type in (PICTURE, pa.list_(PICTURE))
            if holds_pictures and are_beside(others[name].combine_chunks()):
                self._dropped.setdefault(name, "its pictures are files beside the table")

    def _form_of_boxes(self) -> BoxForm | None:
        """Tell how the boxes of the set are written; if that is unclear, they are not carried over."""
        if not any(self._boxes):
            return None
        if (named := self._side.boxes) is not None:
            return form_named(named)
        try:
            sized = zip(self._boxes, self._sizes, strict=True)
            return form_of((cell, size) for cell, size in sized if size is not None)
        except RegionError as error:
            self._dropped[BOXES] = error.message
            return None

    def _shown(
        self, here: slice, pictures: Sequence[bytes], others: pa.Table, numbers: Mapping[str, int]
    ) -> pa.RecordBatch:
        side = self._side
        paths = [f"{place:08d}{self._endings[place]}" for place in range(here.start, here.stop)]
        columns: dict[str, object] = {
            "id": side.ids[here],
            "image": [{"bytes": data, "path": path} for data, path in zip(pictures, paths, strict=True)],
            "label": [numbers[name] for name in side.labels[here]],
            "class": side.labels[here],
        }
        columns |= {name: cells[here] for name, cells in side.as_names.items()}
        if BOXES in self._stored.names:
            columns[BOXES] = self._boxes[here]
        arrays = [
            pa.array(columns[field.name], field.type)
            if field.name in columns
            else others[field.name].combine_chunks().cast(field.type)
            for field in self._stored
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _corners(self, place: int, form: BoxForm) -> list[list[float]]:
        """Return the boxes of an image in the form that all datasets here have, or complain of them."""
        size = self._sizes[place]
        try:
            if size is None or not self._boxes[place]:
                return []
            check_size(self._side, place, size)
            return corners(self._boxes[place], size, form)
        except RegionError as error:
            complain(self._side, self._complaints, f"{self._side.ids[place]}: {error.message}", error.hint)
            return []


def _unfit(side: JoinedSide) -> Iterator[tuple[str, str]]:
    """Name the columns that no format with files can have, each with the reason."""
    for name in _OF_FORMATS:
        if name in side.columns.names:
            yield name, "formats with files have a column of this name"
