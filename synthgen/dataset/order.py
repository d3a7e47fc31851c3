"""In which order the rows of a dataset come: random, the same for the same seed, and mixed by class. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

_BITS = 20
"""Of the random part of a place: with numbers of images below 2 ** 32, sums of both are exact as floats."""


@dataclass(frozen=True, slots=True)
class LabelRuns:
    """How long images of one class follow each other in a split.

    Attributes:
        longest: the longest run in the order that was written.
        bound: what no order of so many images of each class can exceed, whatever the seed: see `longest_possible`.
    """

    longest: int
    bound: int


def mixed_order(ids: Sequence[str], labels: Sequence[int] | NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return the places of `ids` in the order that their rows come in. The order of `ids` changes nothing.

    Each class is shuffled, and spread over the whole: its image number i of n lies at (i + u) / n, where u is random in
    0..1. So every stretch of the rows has each class in nearly its share, and runs of one class are short.

    Args:
        labels: the class of each id.
    """
    salt = seed.to_bytes(16, "little", signed=True)
    digests = b"".join(blake2b(one.encode(), digest_size=16, salt=salt).digest() for one in ids)
    first, second = np.frombuffer(digests, "<u8").reshape(-1, 2).T
    classes = np.asarray(labels, np.int64)

    shuffled = np.lexsort((second, first, classes))
    ordered = classes[shuffled]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    counts = np.diff(np.append(starts, len(ordered)))
    number = np.arange(len(ordered)) - np.repeat(starts, counts)
    jitter = (second[shuffled] >> np.uint64(64 - _BITS)) / 2.0**_BITS
    place = (number + jitter) / np.repeat(counts, counts)
    result: NDArray[np.int64] = shuffled[np.lexsort((first[shuffled], place))]
    return result


def longest_run(labels: NDArray[np.int64]) -> int:
    """Return how many equal labels follow each other at most."""
    ends = np.flatnonzero(np.diff(labels)) + 1
    return int(np.diff(ends, prepend=0, append=len(labels)).max())


def longest_possible(counts: Iterable[int]) -> int:
    """Return what no run of `mixed_order` exceeds, for so many images of each class.

    k images of a class with n lie further apart than (k - 2) / n, and between two neighbours of a class with m lies
    less than 2 / m. So k < 2 + 2 n / m, for the two classes with most images.
    """
    sizes = sorted(filter(None, counts), reverse=True)
    if len(sizes) < 2:
        return sum(sizes)
    return min(sizes[0], 1 + -(-2 * sizes[0] // sizes[1]))
