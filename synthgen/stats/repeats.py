"""Repeats in a sequence of vectors, found exactly and in bounded memory. Most pairs are never multiplied."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthgen.stats.cosines import SLACK, bounding, main_axes, pieces
from synthgen.stats.search import ROUNDING, Codes, Vectors

BLOCK = 512
"""How many rows are looked up at a time."""
_CELLS = 16_000_000
"""At most this many cosines, of a block and earlier rows, are in memory at a time: 64 MB."""
_SAMPLE = 4096
_OFTEN = 0.002
"""If the bounds leave more than this share of the pairs, one product of all rows is cheaper than one for each pair."""
_MANY = 2_000_000
"""If the bounds do not help with this many pairs, they are not tried again."""


class EarlierRows:
    """The rows that were kept so far, searched for the first one whose cosine with a row reaches a threshold.

    A vector is the sum of its projection on a few axes, its head, and of the rest, its tail. By the inequality of
    Cauchy and Schwarz, x · y is at most head(x) · head(y) + |tail(x)| |tail(y)|. Only where this bound reaches the
    threshold is the whole product computed, so the result is exact. A row with NaN or infinity is similar to no other.

    Attributes:
        broken: the number of rows that contain NaN or infinity.
    """

    def __init__(self, vectors: NDArray[np.floating], threshold: float) -> None:
        """Take all rows, float [n, d] of length 1. None of them is kept yet."""
        finite = np.isfinite(vectors).all(1)
        self.broken = len(vectors) - int(np.count_nonzero(finite))
        self._finite = finite
        self._vectors = np.where(finite[:, None], vectors, 0) if self.broken else vectors
        self._limit = threshold - ROUNDING
        self._bounding = _bounding(self._vectors, self._vectors[finite] if self.broken else self._vectors)
        self._kept, self._kept_bounding = np.empty(len(vectors), np.int64), np.empty_like(self._bounding)
        self._count, self._use_bounds = 0, True

    def keep(self, rows: Sequence[int]) -> None:
        """Let later rows be compared with these. Rows are kept in ascending order."""
        usable = [row for row in rows if self._finite[row]]
        places = slice(self._count, self._count + len(usable))
        self._kept[places] = usable
        self._kept_bounding[places] = self._bounding[usable]
        self._count += len(usable)

    def first_alike(self, rows: slice) -> Codes:
        """Return the first kept row that each of these is alike to; -1 where there is none."""
        first = np.full(rows.stop - rows.start, -1, np.int64)
        block = self._vectors[rows].astype(np.float32)
        for begin, end in pieces(self._count, _CELLS // BLOCK):
            place = self._first_place(block, rows, begin, end)
            new = (first < 0) & (place >= 0) & self._finite[rows]
            first[new] = self._kept[place[new]]
        return first

    def alike_among(self, rows: slice) -> NDArray[np.bool_]:
        """Tell which of these rows, some of which may be kept later, are alike: [rows, rows]."""
        block, finite = self._vectors[rows].astype(np.float32), self._finite[rows]
        return np.asarray((block @ block.T >= self._limit) & finite & finite[:, None])

    def _first_place(self, block: Vectors, rows: slice, begin: int, end: int) -> Codes:
        """Find for each row of the block its first place from `begin` to `end` among the kept ones; -1 without one."""
        possible = self._possible(rows, begin, end)
        if possible is None:
            alike = block @ self._vectors[self._kept[begin:end]].astype(np.float32).T >= self._limit
            place = alike.argmax(1)  # the first True
            return np.where(alike[np.arange(len(place)), place], place + begin, -1)

        found = np.full(len(block), -1, np.int64)
        row, place = np.divmod(possible, end - begin)
        is_alike = np.zeros(len(row), bool)
        for one, other in pieces(len(row), _CELLS // max(block.shape[1], 1)):
            others = self._vectors[self._kept[begin + place[one:other]]].astype(np.float32)
            is_alike[one:other] = np.einsum("ij,ij->i", block[row[one:other]], others) >= self._limit
        # Of several places of one row the first comes first.
        whose, at = np.unique(row[is_alike], return_index=True)
        found[whose] = begin + place[is_alike][at]
        return found

    def _possible(self, rows: slice, begin: int, end: int) -> Codes | None:
        """Number the pairs, row by row, whose bound reaches the threshold; None if these are too many to help."""
        if not self._use_bounds:
            return None
        possible = self._bounding[rows] @ self._kept_bounding[begin:end].T >= self._limit - SLACK
        if np.count_nonzero(possible) <= _OFTEN * possible.size:
            return np.flatnonzero(possible)
        self._use_bounds = possible.size < _MANY  # few pairs say little about the rows to come
        return None


def _bounding(vectors: NDArray[np.floating], sampled: NDArray[np.floating]) -> Vectors:
    """Return the bounding row of each vector, see `cosines.bounding`. The axes are those of `sampled`."""
    axes = main_axes(sampled[:: max(1, len(sampled) // _SAMPLE)].astype(np.float32))
    found = np.empty((len(vectors), axes.shape[1] + 1), np.float32)
    for begin, end in pieces(len(vectors), _CELLS // max(vectors.shape[1], 1)):
        found[begin:end] = bounding(vectors[begin:end].astype(np.float32), axes)
    return found
