"""Cosines that reach a threshold, of many rows with many: most pairs are never multiplied whole."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthgen.stats.copies import Distinct
from synthgen.stats.search import ROUNDING, Codes, Vectors

CELLS = 8_000_000
"""At most this many cosines are in memory at a time: 32 MB."""
SLACK = 1e-5
"""More than the rounding error of a bound in float32."""
_SAMPLE = 4096
_SHARE, _SMALLEST = 8, 16
"""The head has one in eight coordinates, and at least sixteen."""
_ROUNDS = 2
_OFTEN = 0.002
"""If the bounds leave more than this share of the pairs, one product of all rows is cheaper than one for each pair."""
_PAUSE = 8
"""After bounds did not help, so many times twice as many comparisons go without them, at most."""


class Reaching(NamedTuple):
    """Pairs whose cosine reaches the threshold: positions within the compared rows and columns, and cosines."""

    first: Codes
    second: Codes
    cosines: Vectors


class Cosines:
    """The rows of two sets, or of one, ready to be compared.

    A vector is the sum of its projection on a few main axes, its head, and of the rest, its tail. By the inequality of
    Cauchy and Schwarz, x · y is at most head(x) · head(y) + |tail(x)| |tail(y)|. Only where this bound reaches the
    threshold is the whole product computed, so the result is exact. Where the bound leaves many pairs, all are.

    Attributes:
        heads: the coordinates of the first set's rows along the axes, and the lengths of their tails last.
        other_heads: those of the second set.
    """

    def __init__(self, mine: Distinct, theirs: Distinct, threshold: float) -> None:
        self.mine, self.theirs, self.limit = mine, theirs, threshold - ROUNDING
        sampled = [each.rows(_spread(len(each), _SAMPLE)) for each in dict.fromkeys((mine, theirs))]
        axes = main_axes(np.concatenate(sampled))
        self.heads = _heads(mine, axes)
        self.other_heads = self.heads if theirs is mine else _heads(theirs, axes)
        self._pause, self._wait = 1, 0

    def reaching(self, rows: Codes | slice, columns: Codes | slice) -> Reaching:
        """Compare these rows of the first set with these of the second."""
        if self._wait > 0:
            self._wait -= 1
        else:
            possible = self.heads[rows] @ self.other_heads[columns].T >= self.limit - SLACK
            if np.count_nonzero(possible) <= _OFTEN * possible.size:
                self._pause = 1
                return self._of_possible(rows, columns, possible)
            self._pause = min(2 * self._pause, _PAUSE)
            self._wait = self._pause
        return self.among(self.mine.rows(rows) @ self.theirs.rows(columns).T)

    def among(self, cosines: Vectors) -> Reaching:
        """Pick the pairs of a whole block of cosines, [rows, columns]."""
        places = np.flatnonzero(cosines >= self.limit)
        first, second = np.divmod(places, max(cosines.shape[1], 1))
        return Reaching(first, second, cosines.ravel()[places])

    def _of_possible(self, rows: Codes | slice, columns: Codes | slice, possible: NDArray[np.bool_]) -> Reaching:
        first, second = np.nonzero(possible)
        if not len(first):
            return Reaching(first, second, np.empty(0, np.float32))
        cosines = np.empty(len(first), np.float32)
        mine, theirs = _numbers(rows)[first], _numbers(columns)[second]
        for begin, end in pieces(len(first), CELLS // max(self.mine.vectors.shape[1], 1)):
            one, other = self.mine.rows(mine[begin:end]), self.theirs.rows(theirs[begin:end])
            cosines[begin:end] = np.einsum("ij,ij->i", one, other)
        alike = cosines >= self.limit
        return Reaching(first[alike], second[alike], cosines[alike])


def main_axes(sample: Vectors) -> Vectors:
    """Return the main axes of a sample, [d, head], by subspace iteration.

    See Halko, Martinsson and Tropp (2011), section 4.5.
    """
    size = sample.shape[1]
    head = min(size, max(_SMALLEST, size // _SHARE))
    start = np.random.default_rng(0).standard_normal((size, head), np.float32)
    for _ in range(_ROUNDS):
        start, _ = np.linalg.qr(sample.T @ (sample @ start))
    axes: Vectors = start
    return axes


def bounding(whole: Vectors, axes: Vectors) -> Vectors:
    """Return the coordinates of each vector along the axes and, last, the length of its tail.

    The product of two of these rows is at least that of the two vectors, whatever the axes are.
    """
    heads = whole @ axes
    found: Vectors = np.column_stack([heads, np.linalg.norm(whole - heads @ axes.T, axis=1)])
    return found


def pieces(count: int, size: int) -> Iterator[tuple[int, int]]:
    """Cut 0..count into pieces of at most `size`."""
    size = max(size, 1)
    return ((begin, min(begin + size, count)) for begin in range(0, count, size))


def _heads(rows: Distinct, axes: Vectors) -> Vectors:
    found = np.empty((len(rows), axes.shape[1] + 1), np.float32)
    for begin, end in pieces(len(rows), CELLS // max(axes.shape[0], 1)):
        found[begin:end] = bounding(rows.rows(slice(begin, end)), axes)
    return found


def _numbers(which: Codes | slice) -> Codes:
    return np.arange(which.start, which.stop) if isinstance(which, slice) else which


def _spread(count: int, most: int) -> Codes:
    return np.arange(0, count, max(1, count // most))
