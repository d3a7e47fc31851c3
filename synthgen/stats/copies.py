"""Rows that are equal, number by number: found once, so that a picture that occurs 50,000 times costs what one does."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthgen.stats.search import Codes, Vectors

_PIECE = 16_384


@dataclass(frozen=True, slots=True, eq=False)
class Distinct:
    """The different rows of a set. Rows with other codes, such as another class, are different.

    Attributes:
        vectors: all rows, [n, d].
        places: the first row of each different one, ascending, [k].
        number: which of these each row is, [n].
        counts: how often each occurs, [k].
    """

    vectors: Vectors
    places: Codes
    number: Codes
    counts: Codes

    def __len__(self) -> int:
        return len(self.places)

    def rows(self, which: Codes | slice) -> Vectors:
        """Return the vectors of these different rows; without copies in the set, a slice of them is no copy."""
        if len(self.places) == len(self.vectors):
            found: Vectors = self.vectors[which]
        else:
            found = self.vectors[self.places[which]]
        return found


def distinct(vectors: Vectors, codes: Sequence[Codes] = ()) -> Distinct:
    """Find the different rows. `vectors` are float32 [n, d]; each of `codes` is [n]."""
    keys = _hashes(vectors, codes)
    _, first, number, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    places, number, counts = first[order], rank[number.ravel()], counts[order]

    different = _mistaken(vectors, codes, places, number, counts)
    if len(different):  # two rows of one hash, which hardly ever happens: count them as different
        np.subtract.at(counts, number[different], 1)
        number[different] = len(places) + np.arange(len(different))
        places = np.append(places, different)
        counts = np.append(counts, np.ones(len(different), counts.dtype))
    return Distinct(vectors, places.astype(np.int64), number.astype(np.int64), counts.astype(np.int64))


def _hashes(vectors: Vectors, codes: Sequence[Codes]) -> np.ndarray:
    rng = np.random.default_rng(0)
    odd = rng.integers(0, 2**63, vectors.shape[1] + len(codes), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    found = np.zeros(len(vectors), np.uint64)
    for start in range(0, len(vectors), _PIECE):
        piece = np.ascontiguousarray(vectors[start : start + _PIECE]).view(np.uint32)
        found[start : start + _PIECE] = piece.astype(np.uint64) @ odd[: vectors.shape[1]]
    for of, factor in zip(codes, odd[vectors.shape[1] :], strict=True):
        found += of.astype(np.uint64) * factor
    return found


def _mistaken(vectors: Vectors, codes: Sequence[Codes], places: Codes, number: Codes, counts: Codes) -> Codes:
    """Return the rows that are not equal to the one they were taken for."""
    several = np.flatnonzero(counts[number] > 1)
    wrong = []
    for start in range(0, len(several), _PIECE):
        rows = several[start : start + _PIECE]
        first = places[number[rows]]
        equal = (vectors[rows] == vectors[first]).all(1)
        for of in codes:
            equal &= of[rows] == of[first]
        wrong.append(rows[~equal])
    return np.concatenate(wrong) if wrong else several
