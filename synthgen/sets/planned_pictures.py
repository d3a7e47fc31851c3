"""Opening the pictures that a run was planned with, each checked against the plan."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NoReturn

import numpy as np
from PIL import Image

from synthgen.errors import UsageError
from synthgen.images import LeftOut, decode
from synthgen.records import Candidate, SourcePicture, SourceRow
from synthgen.regions.boxes import PixelBox, Size
from synthgen.sets.frame import read_frame
from synthgen.sets.image_set import ImageSet
from synthgen.sets.leading import LeadingColumn, joined
from synthgen.sets.source_objects import MOST_PIXELS, files_of, mask_of_file
from synthgen.sets.source_pictures import picture_files, why_left_out
from synthgen.spec import SourceSpec


class SourcePictures:
    """Opens the picture that a candidate begins from, and checks that it is the one that was planned with.

    Args:
        rows: the planned pictures, by id.

    Raises:
        UsageError: a planned picture is no longer in the set.
        StorageError: the set cannot be read.
    """

    def __init__(
        self, found: ImageSet, source: SourceSpec, rows: Mapping[str, SourceRow], leading: Sequence[LeadingColumn] = ()
    ) -> None:
        self._found, self._source, self._rows, self._leading = found, source, rows, leading
        frame = read_frame(found, source.label)
        self._places = {name: place for place, name in enumerate(frame["id"]) if name in rows}
        if missing := [name for name in rows if name not in self._places]:
            more = f", and {len(missing) - 1:,} more are not" if len(missing) > 1 else ""
            self._refuse(f"the picture {missing[0]!r} is no longer in {found.source}{more}")

    def __call__(self, candidate: Candidate) -> SourcePicture:
        """Return the picture.

        Raises:
            UsageError: it is missing, or has changed since the run was planned.
            StorageError: the set cannot be read.
        """
        assert candidate.source is not None
        row = self._rows[candidate.source]
        place = self._places[row.id]
        data = picture_files(self._found, self._source, [place])[0]
        if isinstance(data, LeftOut):
            self._refuse(f"the picture {row.id!r} of {self._found.source} is among those {why_left_out(data)}")

        others = {column.name: column.read(self._found, place) for column in self._leading}
        if joined([sha256(data).hexdigest(), *(digest for digest, _ in others.values())]) != row.digest:
            self._refuse(f"the picture {row.id!r} of {self._found.source} has changed since the run was planned")
        picture = decode(data, most_pixels=MOST_PIXELS)
        if isinstance(picture, LeftOut):
            self._refuse(f"the picture {row.id!r} of {self._found.source} cannot be opened here: {picture.detail}")
        mask = self._mask(row, place, picture.image.size) if row.mask else None
        if lost := [name for name, (_, other) in others.items() if other is None]:
            what = f"the picture {row.id!r} of {self._found.source} has one in the column {lost[0]!r}"
            self._refuse(f"{what} that cannot be opened here")
        boxes = tuple(PixelBox(*box) for box in row.boxes)
        known = {name: other for name, (_, other) in others.items() if other is not None}
        leading = {column.name: known[column.name] for column in self._leading if column.leads}
        references = {column.name: known[column.name] for column in self._leading if column.is_reference}
        return SourcePicture(picture.image, mask, boxes, leading, references)

    def _mask(self, row: SourceRow, place: int, size: Size) -> Image.Image:
        assert self._source.mask is not None
        what = f"the mask of the picture {row.id!r} of {self._found.source}"
        data = files_of(self._found, "mask", self._source.mask, [place])[0]
        if isinstance(data, LeftOut):
            self._refuse(
                f"the mask of the picture {row.id!r} of {self._found.source} is among those {why_left_out(data)}"
            )
        if sha256(data).hexdigest() != row.mask:
            what = f"the mask of the picture {row.id!r} of {self._found.source} has changed since the run was planned"
            self._refuse(what)
        return Image.fromarray(np.where(mask_of_file(data, size), np.uint8(255), np.uint8(0)))

    def _refuse(self, what: str) -> NoReturn:
        hint = "Put the same pictures there, or start a new run in another `location`."
        raise UsageError(what, hint=hint)
