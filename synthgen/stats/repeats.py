"""Repeats in a sequence of vectors: exact, in bounded memory, and without most of the products of all pairs."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from synthgen.stats.search import ROUNDING, Codes, Vectors

BLOCK = 512
"""How many rows are looked up at a time."""
_CELLS = 16_000_000
"""At most this many cosines, of a block and earlier rows, are in memory at a time: 64 MB."""
_SAMPLE = 4096
_SHARE = 8
"""The head has one in this many coordinates."""
_ROUNDS = 2
_SMALLEST = 16
_SLACK = 1e-5
"""More than the rounding error of a bound in float32."""
_OFTEN = 0.02
"""If the bounds leave more than this share of the pairs, all products of the block are cheaper than these."""


class EarlierRows:
    """The rows that were kept so far, searched for the first one whose cosine with a row reaches a threshold.

    A vector is the sum of its projection on a few axes, its head, and of the rest, its tail. By the inequality of
    Cauchy and Schwarz, x · y is at most head(x) · head(y) + |tail(x)| |tail(y)|. Only where this bound reaches the
    threshold is the whole product computed: the result is exact.
    """

    def __init__(self, vectors: NDArray[np.floating], threshold: float) -> None:
        """Take all rows, float [n, d] of length 1. None is kept yet."""
        self._vectors, self._limit = vectors, threshold - ROUNDING
        self._bounding = _bounding(vectors)
        self._kept, self._kept_bounding = np.empty(len(vectors), np.int64), np.empty_like(self._bounding)
        self._count = 0

    def keep(self, rows: Sequence[int]) -> None:
        """Let later rows be compared with these. Rows are kept in ascending order."""
        places = slice(self._count, self._count + len(rows))
        self._kept[places] = rows
        self._kept_bounding[places] = self._bounding[rows]
        self._count += len(rows)

    def first_alike(self, rows: slice) -> Codes:
        """Return the first kept row that each of these is alike to; -1 where there is none."""
        first = np.full(rows.stop - rows.start, -1, np.int64)
        block = self._vectors[rows].astype(np.float32)
        for begin, end in _pieces(self._count, _CELLS // BLOCK):
            row, place = self._alike(block, rows, begin, end)
            # Of several places of one row the first comes first.
            new, at = np.unique(row, return_index=True)
            unseen = first[new] < 0
            first[new[unseen]] = self._kept[place[at[unseen]]]
        return first

    def alike_among(self, rows: slice) -> NDArray[np.bool_]:
        """Tell which of these rows, some of which may be kept later, are alike: [rows, rows]."""
        block = self._vectors[rows].astype(np.float32)
        return np.asarray(block @ block.T >= self._limit)

    def _alike(self, block: Vectors, rows: slice, begin: int, end: int) -> tuple[Codes, Codes]:
        """Find pairs of a row of the block and a place among the kept ones, ascending."""
        bounds = self._bounding[rows] @ self._kept_bounding[begin:end].T
        row, place = np.nonzero(bounds >= self._limit - _SLACK)
        if len(row) > _OFTEN * bounds.size:
            others = self._vectors[self._kept[begin:end]].astype(np.float32)
            row, place = np.nonzero(block @ others.T >= self._limit)
            return row, place + begin

        place += begin
        is_alike = np.zeros(len(row), bool)
        for one, other in _pieces(len(row), _CELLS // max(block.shape[1], 1)):
            others = self._vectors[self._kept[place[one:other]]].astype(np.float32)
            is_alike[one:other] = np.einsum("ij,ij->i", block[row[one:other]], others) >= self._limit
        return row[is_alike], place[is_alike]


def _bounding(vectors: NDArray[np.floating]) -> Vectors:
    """The coordinates of each vector along the main axes of a sample and, last, the length of what they leave out.

    The product of two of these rows is at least that of the two vectors.
    """
    count, size = vectors.shape
    head = min(size, max(_SMALLEST, size // _SHARE))
    sample = vectors[:: max(1, count // _SAMPLE)].astype(np.float32)
    start = np.random.default_rng(0).standard_normal((size, head), np.float32)
    for _ in range(_ROUNDS):  # subspace iteration: see Halko, Martinsson and Tropp (2011), section 4.5
        start, _ = np.linalg.qr(sample.T @ (sample @ start))

    bounding = np.empty((count, head + 1), np.float32)
    for begin, end in _pieces(count, _CELLS // max(size, 1)):
        whole = vectors[begin:end].astype(np.float32)
        heads = whole @ start
        bounding[begin:end, :head] = heads
        bounding[begin:end, head] = np.linalg.norm(whole - heads @ start.T, axis=1)
    return bounding


def _pieces(count: int, size: int) -> Iterator[tuple[int, int]]:
    """Cut 0..count into pieces of at most `size`."""
    size = max(size, 1)
    return ((begin, min(begin + size, count)) for begin in range(0, count, size))
