"""Near-duplicates and nearest neighbours: exact, and in blocks, so that memory stays bounded."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]

ROUNDING = 1e-6
"""The rounding error of a cosine in float32. A cosine that misses a limit by less counts as reaching it."""
_ROWS, _CELLS = 512, 256 * 100_000
"""A block has at most this many rows, and this many cosines: 100 MB, with two blocks in memory at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Alike:
    """Rows whose cosine reaches a threshold.

    Attributes:
        found: the number of pairs.
        first, second, cosines: the positions of the two rows of a pair, and their cosine; the most similar pairs, in
            that order.
        anywhere: by first row, or by drawn row: whether it has a partner.
        in_class: whether it has a partner in its own class.
        nearest, nearest_cosines: by first row: the most similar other row. Empty within one set.
    """

    found: int
    first: Codes
    second: Codes
    cosines: Vectors
    anywhere: Flags
    in_class: Flags
    nearest: Codes
    nearest_cosines: Vectors


def alike_within(vectors: Vectors, classes: Codes, threshold: float, keep: int = 200) -> Alike:
    """Find pairs within one set, each once. `vectors` are float32 [n, d] of length 1, `classes` are [n]."""
    return _alike(vectors, classes, vectors, classes, threshold, keep, one_set=True)


def alike_to_drawn(vectors: Vectors, classes: Codes, drawn: Codes, threshold: float, keep: int = 200) -> Alike:
    """Find pairs of a drawn row and any other row of one set, each once. `drawn` are sorted positions."""
    found = _alike(vectors[drawn], classes[drawn], vectors, classes, threshold, keep, one_set=False, drawn=drawn)
    return replace(found, first=drawn[found.first])


def alike_between(
    vectors: Vectors, classes: Codes, others: Vectors, other_classes: Codes, threshold: float, keep: int = 200
) -> Alike:
    """Find pairs of a row of one set and a row of another."""
    return _alike(vectors, classes, others, other_classes, threshold, keep, one_set=False)


def nearest(vectors: Vectors, others: Vectors) -> Vectors:
    """Return the cosine of each row and the most similar row of `others`."""
    found = [(block @ others.T).max(1) for _, block in _blocks(vectors, others)]
    cosines: Vectors = np.concatenate(found).clip(-1, 1)
    return cosines


def _blocks(vectors: Vectors, others: Vectors) -> Iterator[tuple[int, Vectors]]:
    rows = min(_ROWS, max(1, _CELLS // max(len(others), 1)))
    for start in range(0, len(vectors), rows):
        yield start, vectors[start : start + rows]


def _alike(
    vectors: Vectors,
    classes: Codes,
    others: Vectors,
    other_classes: Codes,
    threshold: float,
    keep: int,
    *,
    one_set: bool,
    drawn: Codes | None = None,
) -> Alike:
    """Find pairs block by block. If `drawn`, the first rows are these of the others, and no row is its own partner."""
    anywhere, in_class = np.zeros(len(vectors), bool), np.zeros(len(vectors), bool)
    outside = not one_set and drawn is None
    closest, near = np.zeros(len(vectors) * outside, np.int64), np.zeros(len(vectors) * outside, np.float32)

    found, first, second, cosines = 0, np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    for start, block in _blocks(vectors, others):
        begin = start if one_set else 0  # within one set, compare only with later rows: each pair once
        similar = block @ others[begin:].T
        if outside and len(others):
            closest[start : start + len(block)] = similar.argmax(1)
            near[start : start + len(block)] = similar.max(1)
        hits = similar >= threshold - ROUNDING
        if one_set:
            hits = np.triu(hits, 1)
        if drawn is not None:
            np.put_along_axis(hits, drawn[start : start + len(block), None], False, axis=1)
        if not hits.any():
            continue

        own = hits & (classes[start : start + len(block), None] == other_classes[None, begin:])
        for flags, of in ((anywhere, hits), (in_class, own)):
            flags[start : start + len(block)] |= of.any(1)
            if one_set:
                flags[begin:] |= of.any(0)
        if drawn is not None:  # a pair of two drawn rows belongs to the first one
            hits[:, drawn] &= drawn > drawn[start : start + len(block), None]

        places = np.flatnonzero(hits)
        found += len(places)
        values = similar.ravel()[places]
        rows, columns = np.divmod(_largest(places, values, keep), hits.shape[1])
        first, second = np.append(first, rows + start), np.append(second, columns + begin)
        cosines = np.append(cosines, similar[rows, columns])
        order = np.lexsort((second, first, -cosines))[:keep]
        first, second, cosines = first[order], second[order], cosines[order]
    return Alike(found, first, second, np.clip(cosines, -1, 1), anywhere, in_class, closest, np.clip(near, -1, 1))


def _largest(places: Codes, values: Vectors, keep: int) -> Codes:
    if len(places) <= keep:
        return places
    return places[np.argpartition(-values, keep)[:keep]]
