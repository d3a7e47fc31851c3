"""All images of a set, measured: decoded in threads, a batch at a time, and kept as a few hundred bytes each."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synthgen.auditing.inspection.pixels import HASH_BITS, TINY, PixelMeasures, look
from synthgen.events import OnProgress, StepProgress
from synthgen.images import Change, LeftOut

if TYPE_CHECKING:
    from synthgen.sets import ImageSet

_THREADS = 8
_MEASURES = np.dtype(
    [
        ("width", "i4"),
        ("height", "i4"),
        ("size", "i8"),
        ("kind", "i4"),
        ("content", "u8"),
        ("pixels", "u8"),
        ("phash", "u1", HASH_BITS // 8),
        ("tiny", "u1", TINY * TINY * 3),
        ("lumas", "f4", 3),
        ("entropy", "f4"),
        ("sharpness", "f4"),
        ("colour", "f4"),
        ("changes", "i4"),
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class Scanned:
    """The measures of a set's images.

    Attributes:
        rows: the rows of the set whose images could be opened.
        measures: a structured array with a row for each of them: the fields of `PixelMeasures`, and `kind`.
        kinds: format and mode, such as ('PNG', 'RGB'), by `kind`.
        left_out: by row, why an image could not be opened.
    """

    rows: NDArray[np.intp]
    measures: NDArray[np.void]
    kinds: tuple[tuple[str, str], ...]
    left_out: Mapping[int, LeftOut]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def changes(self) -> tuple[Change, ...]:
        """What the conversion to RGB changed, where it changed anything."""
        return tuple(Change(each) for each in self.measures["changes"].tolist() if each)


def scan(images: ImageSet, total: int, on_progress: OnProgress) -> Scanned:
    """Measure every image of a set."""
    kinds: dict[tuple[str, str], int] = {}
    left_out: dict[int, LeftOut] = {}
    rows: list[int] = []
    parts = [np.zeros(0, dtype=_MEASURES)]
    row = 0
    for batch in _looked(images):
        part = np.zeros(len(batch), dtype=_MEASURES)
        opened = []
        for place, found in enumerate(batch):
            if isinstance(found, LeftOut):
                left_out[row + place] = found
                continue
            part[place] = _measures(found, kinds.setdefault((found.format, found.mode), len(kinds)))
            opened.append(place)
        parts.append(part[opened])
        rows += [row + place for place in opened]
        row += len(batch)
        on_progress(StepProgress(f"looking at {images.name}", "images", row, total))
    return Scanned(np.array(rows, dtype=np.intp), np.concatenate(parts), tuple(kinds), left_out)


def _looked(images: ImageSet) -> Iterator[list[PixelMeasures | LeftOut]]:
    """Decode in threads; the next batch is read meanwhile."""
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _THREADS)) as pool:
        waiting = None
        for batch in images.images():
            begun = [pool.submit(look, data) for data in batch]
            if waiting is not None:
                yield [each.result() for each in waiting]
            waiting = begun
        if waiting is not None:
            yield [each.result() for each in waiting]


def _measures(found: PixelMeasures, kind: int) -> tuple[object, ...]:
    return (
        found.width,
        found.height,
        found.size,
        kind,
        found.content,
        found.pixels,
        found.phash,
        found.tiny,
        found.lumas,
        found.entropy,
        found.sharpness,
        found.colour,
        int(found.changes),
    )
