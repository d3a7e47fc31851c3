"""Trees that put similar rows into the same leaf: an index for pairs of near-duplicates."""

from collections.abc import Iterator

import numpy as np

from synthgen.stats.cosines import pieces
from synthgen.stats.search import Codes, Vectors

LEAF = 1024
"""At most this many rows are in a leaf, and are all compared with each other."""
_SAMPLE, _WINDOW = 256, 8
_PIECE = 65_536


def leaves(coordinates: Vectors, rng: np.random.Generator, most: int = LEAF) -> Iterator[Codes]:
    """Grow one random tree, and yield the rows of each leaf, ascending. `coordinates` are [n, few].

    Each inner node divides its rows along a direction in which they vary much: a random direction after two steps of
    power iteration. Where it divides them is drawn, too, with a preference for gaps between the rows, so that it parts
    few near-duplicates; each side gets a tenth of the rows or more.
    """
    waiting = [np.arange(len(coordinates))]
    while waiting:
        rows = waiting.pop()
        if len(rows) <= most:
            yield np.sort(rows)
        else:
            waiting += _divided(coordinates, rows, rng)


def _divided(coordinates: Vectors, rows: Codes, rng: np.random.Generator) -> tuple[Codes, Codes]:
    sample = coordinates[rows[rng.integers(0, len(rows), _SAMPLE)]]
    sample = sample - sample.mean(0)
    direction = rng.standard_normal(sample.shape[1]).astype(np.float32)
    for _ in range(2):
        turned = sample.T @ (sample @ direction)
        length = float(np.linalg.norm(turned))
        if length == 0:
            break
        direction = turned / length

    places = np.empty(len(rows), np.float32)
    for begin, end in pieces(len(rows), _PIECE):
        places[begin:end] = coordinates[rows[begin:end]] @ direction
    left = places <= _limit(places[rng.integers(0, len(rows), _SAMPLE)], rng)
    if not 0.1 <= left.mean() <= 0.9:
        left[:] = False
        left[np.argpartition(places, len(rows) // 2)[: len(rows) // 2]] = True
    return rows[left], rows[~left]


def _limit(sample: Vectors, rng: np.random.Generator) -> float:
    """Draw where to divide, between the quartiles: wide gaps have the best chance."""
    ordered = np.sort(sample)
    middle = np.arange(_SAMPLE // 4, 3 * _SAMPLE // 4)
    gaps = ordered[middle + _WINDOW] - ordered[middle - _WINDOW]
    best = middle[np.argmax(gaps * rng.uniform(0.5, 1, len(middle)))]
    widest = best - _WINDOW + np.argmax(np.diff(ordered[best - _WINDOW : best + _WINDOW + 1]))
    return float(ordered[widest] + ordered[widest + 1]) / 2
