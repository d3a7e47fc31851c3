"""Near-duplicates by perceptual hash: all pairs within a few bits, without comparing all pairs."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Positions = NDArray[np.int64]
HASH_SIDE = 16
"""A hash has the square of this many bits."""
_AT_ONCE = 2**20
_WIDEST = 56
"""So many bits of a hash, which may begin within a byte, fit a number."""


def perceptual_hash(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Hash an image [height, width, 3] to 256 bits in 32 bytes."""
    import imagehash
    from PIL import Image

    return np.packbits(imagehash.phash(Image.fromarray(image), hash_size=HASH_SIDE).hash)


def near_hashes(hashes: NDArray[np.uint8], most: int) -> Iterator[tuple[Positions, Positions, Positions]]:
    """Yield all pairs of hashes that are near, some of them more than once: two places and the bits between them.

    Two hashes that differ in at most `most` bits agree wholly in one of `most + 1` parts, so only hashes that share a
    part are compared: multi-index hashing (Norouzi, Punjani and Fleet 2012), which misses no pair.

    Args:
        hashes: uint8 [n, bytes]; a multiple of 8 bytes. Equal ones cost a comparison for each pair: give each once.
        most: the most bits in which near ones differ.
    """
    bits = 8 * hashes.shape[1]
    parts = max(most + 1, -(-bits // _WIDEST))
    words = np.ascontiguousarray(hashes).view(np.uint64)
    ends = np.linspace(0, bits, parts + 1).astype(int)
    for start, end in pairwise(ends.tolist()):
        for first, second in _sharing(_part(hashes, start, end)):
            apart = np.bitwise_count(words[first] ^ words[second]).sum(1, dtype=np.int64)
            near = apart <= most
            if near.any():
                yield first[near], second[near], apart[near]


class NearHashes:
    """Which of n different hashes are near each other.

    Args:
        hashes: uint8 [n, bytes], all different; a multiple of 8 bytes.
        most: the most bits in which near ones differ.
        marks: bits of each hash, such as the splits that it occurs in.

    Attributes:
        around: the marks of all near hashes together.
        bits: to the nearest other hash; more than `most` where none is near. int [n]
        nearest: the place of that hash; -1 where none is near.
        groups: the number of the group of each hash: those connected by near pairs.
    """

    def __init__(self, hashes: NDArray[np.uint8], most: int, marks: NDArray[np.uint64]) -> None:
        self._marks = marks
        self.around: NDArray[np.uint64] = np.zeros(len(hashes), dtype=np.uint64)
        self.bits: Positions = np.full(len(hashes), 8 * hashes.shape[1] + 1, dtype=np.int64)
        self.nearest: Positions = np.full(len(hashes), -1, dtype=np.int64)
        self.groups: Positions = np.arange(len(hashes), dtype=np.int64)
        edges: list[tuple[Positions, Positions]] = []
        for first, second, apart in near_hashes(hashes, most):
            self._hear(first, second, apart)
            self._hear(second, first, apart)
            apart_still = self.groups[first] != self.groups[second]
            edges.append((first[apart_still], second[apart_still]))
            if sum(len(each) for each, _ in edges) >= max(len(hashes), _AT_ONCE // 16):
                edges = self._join(edges)
        self._join(edges)

    def _hear(self, first: Positions, second: Positions, apart: Positions) -> None:
        marks = self._marks[second]
        new = (marks & ~self.around[first]) != 0
        np.bitwise_or.at(self.around, first[new], marks[new])
        nearer = apart < self.bits[first]
        first, second, apart = first[nearer], second[nearer], apart[nearer]
        order = np.argsort(-apart, kind="stable")  # of several for one hash, the nearest is assigned last
        self.bits[first[order]], self.nearest[first[order]] = apart[order], second[order]

    def _join(self, edges: list[tuple[Positions, Positions]]) -> list[tuple[Positions, Positions]]:
        """Join the groups of these pairs, and forget the pairs."""
        if edges:
            many = len(self.groups)
            ends = tuple(self.groups[np.concatenate(several)] for several in zip(*edges, strict=True))
            graph = coo_array((np.ones(len(ends[0]), dtype=bool), ends), (many, many))
            self.groups = connected_components(graph, directed=False)[1].astype(np.int64)[self.groups]
        return []


def _part(hashes: NDArray[np.uint8], start: int, end: int) -> NDArray[np.uint64]:
    """Return the bits `start..end` of each hash, 56 at most, as a number."""
    first, last = start // 8, (end + 7) // 8
    bits = np.unpackbits(hashes[:, first:last], axis=1)[:, start - 8 * first : end - 8 * first]
    packed = np.packbits(bits, axis=1)
    wide = np.zeros((len(hashes), 8), dtype=np.uint8)
    wide[:, : packed.shape[1]] = packed[:, :8]
    return wide.view(np.uint64)[:, 0]


def _sharing(keys: NDArray[np.uint64]) -> Iterator[tuple[Positions, Positions]]:
    """Yield all pairs of places with the same key, a bounded number at once."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts, lag = np.arange(len(keys) - 1), 1
    while len(starts := starts[starts + lag < len(keys)]):
        starts = starts[ordered[starts] == ordered[starts + lag]]
        for begin in range(0, len(starts), _AT_ONCE):
            some = starts[begin : begin + _AT_ONCE]
            yield order[some], order[some + lag]
        lag += 1
