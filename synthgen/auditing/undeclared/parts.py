"""Parts of images, each a quarter as wide and high: a small thing fills much of a part, and little of the whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.auditing.undeclared.findings import ImagePart
from synthgen.stats.search import Vectors

_WIDTH = 192
"""Maps of more numbers a place are reduced to these by random axes (Johnson and Lindenstrauss 1984)."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageParts:
    """What a judge sees in each place of n images.

    Attributes:
        maps: float16 [n, width, rows, columns]; None if the judge cannot tell.
    """

    maps: NDArray[np.float16] | None

    @classmethod
    def of(cls, batches: Iterable[Vectors | None]) -> ImageParts:
        """Collect the maps of all images, made small."""
        found = []
        for seen in batches:
            batch = seen
            if batch is None:
                return cls(None)
            if batch.shape[1] > _WIDTH:
                axes = np.random.default_rng(0).normal(size=(batch.shape[1], _WIDTH)) / np.sqrt(_WIDTH)
                batch = np.einsum("nwrc,wk->nkrc", batch, axes.astype(np.float32))
            found.append(np.clip(batch, -6e4, 6e4).astype(np.float16))
        return cls(np.concatenate(found) if found else None)

    @property
    def boxes(self) -> list[ImagePart]:
        """The parts, row by row: left, top, right and bottom, from 0 to 1. They overlap."""
        if self.maps is None:
            return []
        rows, columns = self.maps.shape[2:]
        high, wide = _side(rows), _side(columns)
        return [
            (left / columns, top / rows, (left + wide) / columns, (top + high) / rows)
            for top in range(rows - high + 1)
            for left in range(columns - wide + 1)
        ]

    def views(self, vectors: Vectors) -> Iterator[NDArray[np.float64]]:
        """Yield the embeddings of the whole images, then the mean of each part: [n, width]."""
        yield vectors.astype(np.float64)
        if self.maps is None:
            return
        rows, columns = self.maps.shape[2:]
        for left, top, right, bottom in self.boxes:
            across = slice(round(left * columns), round(right * columns))
            yield self.maps[:, :, round(top * rows) : round(bottom * rows), across].mean((2, 3), dtype=np.float64)


def _side(places: int) -> int:
    return max(1, round(places / 4))
