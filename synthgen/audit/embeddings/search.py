"""Images that are nearly one, and nearest neighbours: exact, and in blocks, so that memory stays bounded."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]

_ROWS = 512
"""Rows of one block. A block of them and 100,000 others takes 200 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class Alike:
    """Rows whose cosine reaches a threshold.

    Attributes:
        found: how many pairs there are.
        pairs: places of the first rows and of the second, with their cosines: the most alike of them, in that order.
        anywhere: by first row: it has a partner.
        in_class: it has one in its own class.
    """

    found: int
    first: Codes
    second: Codes
    cosines: Vectors
    anywhere: Flags
    in_class: Flags


def alike_within(vectors: Vectors, classes: Codes, threshold: float, keep: int = 200) -> Alike:
    """Pairs within one set, each once. `vectors` float32 [n, d] of length 1, `classes` [n]."""
    return _alike(vectors, classes, vectors, classes, threshold, keep, one_set=True)


def alike_between(
    vectors: Vectors, classes: Codes, others: Vectors, other_classes: Codes, threshold: float, keep: int = 200
) -> Alike:
    """Pairs of a row of one set and one of another."""
    return _alike(vectors, classes, others, other_classes, threshold, keep, one_set=False)


def nearest(vectors: Vectors, others: Vectors) -> tuple[Codes, Vectors]:
    """Of each row, the place of the most alike among `others`, and its cosine."""
    places, cosines = np.empty(len(vectors), np.int64), np.empty(len(vectors), np.float32)
    for start, block in _blocks(vectors):
        similar = block @ others.T
        rows = slice(start, start + len(block))
        places[rows] = similar.argmax(1)
        cosines[rows] = similar.max(1)
    return places, np.clip(cosines, -1, 1)


def _blocks(vectors: Vectors) -> Iterator[tuple[int, Vectors]]:
    for start in range(0, len(vectors), _ROWS):
        yield start, vectors[start : start + _ROWS]


def _alike(
    vectors: Vectors,
    classes: Codes,
    others: Vectors,
    other_classes: Codes,
    threshold: float,
    keep: int,
    *,
    one_set: bool,
) -> Alike:
    anywhere, in_class = np.zeros(len(vectors), bool), np.zeros(len(vectors), bool)
    found, first, second, cosines = 0, np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    for start, block in _blocks(vectors):
        begin = start if one_set else 0  # each pair of one set once: with itself and what comes after it
        similar = block @ others[begin:].T
        hits = similar >= threshold
        if one_set:
            hits = np.triu(hits, 1)
        if not hits.any():
            continue
        own = hits & (classes[start : start + len(block), None] == other_classes[None, begin:])
        for flags, of in ((anywhere, hits), (in_class, own)):
            flags[start : start + len(block)] |= of.any(1)
            if one_set:
                flags[begin:] |= of.any(0)
        places = np.flatnonzero(hits)
        found += len(places)
        values = similar.ravel()[places]
        rows, columns = np.divmod(_largest(places, values, keep), hits.shape[1])
        first, second = np.append(first, rows + start), np.append(second, columns + begin)
        cosines = np.append(cosines, similar[rows, columns])
        order = np.lexsort((second, first, -cosines))[:keep]
        first, second, cosines = first[order], second[order], cosines[order]
    return Alike(found, first, second, np.clip(cosines, -1, 1), anywhere, in_class)


def _largest(places: Codes, values: Vectors, keep: int) -> Codes:
    if len(places) <= keep:
        return places
    return places[np.argpartition(-values, keep)[:keep]]
