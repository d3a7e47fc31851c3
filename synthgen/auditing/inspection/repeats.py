"""Images that repeat others: equal pixels, near-duplicates, leaks between splits, and one picture with two classes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.stats.near_hashes import NearHashes, Positions
from synthgen.stats.search import Codes, Flags

NEAR_BITS = 8
"""Perceptual hashes of near-duplicates differ in at most this many of 256 bits, as in the filter of near-duplicates."""
MOST_SPLITS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Repeats:
    """Which of n images repeat others.

    Attributes:
        exact: those whose pixels another image has.
        near: those with a near-duplicate of other pixels.
        conflicting: those whose pixels have two classes.
        exact_twin, near_twin: the place of an image that this one repeats; -1 if there is none.
        bits: between the hashes of this image and its nearest one of other pixels; above `NEAR_BITS` if none is near.
        exact_group, near_group: numbers of the groups of images that repeat each other.
        exact_in, near_in: by image a bit for each split that its pixels, or a near-duplicate, occur in.
    """

    exact: Flags
    near: Flags
    conflicting: Flags
    exact_twin: Positions
    near_twin: Positions
    bits: Positions
    exact_group: Positions
    near_group: Positions
    exact_in: NDArray[np.uint64]
    near_in: NDArray[np.uint64]

    def leaked(self, splits: Codes, first: int, second: int, near: bool) -> Flags:
        """Tell which images of the split `second` the split `first` has too."""
        marks = self.near_in | self.exact_in if near else self.exact_in
        found: Flags = (splits == second) & ((marks & _bit(np.array([first]))) != 0)
        return found


def find_repeats(
    pixels: NDArray[np.uint64], hashes: NDArray[np.uint8], blank: Flags, classes: Codes, splits: Codes
) -> Repeats:
    """Find images that repeat others.

    Args:
        pixels: a hash of each picture.
        hashes: the perceptual hashes, uint8 [n, 32].
        blank: images that show nothing, so that their perceptual hashes mean nothing.
        classes, splits: a number for each image; -1 if it has none.
    """
    _, exact_group, many = np.unique(pixels, return_inverse=True, return_counts=True)
    exact_group = exact_group.astype(np.int64)
    exact = many[exact_group] > 1
    marks = np.where(splits < 0, np.uint64(0), _bit(np.maximum(splits, 0)))

    twin, bits, near_group, near_in = _near(exact_group, hashes, np.flatnonzero(~blank), marks)
    return Repeats(
        exact=exact,
        near=twin >= 0,
        conflicting=_mixed(exact_group, classes),
        exact_twin=np.where(exact, _another(exact_group), -1),
        near_twin=twin,
        bits=bits,
        exact_group=exact_group,
        near_group=near_group,
        exact_in=_gathered(exact_group, marks),
        near_in=near_in,
    )


def pairs_of_splits(names: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield two splits each, the one to learn from first: what is in both then leaks into the second."""

    def rank(place: int) -> tuple[int, int]:
        name = names[place].casefold()
        return (0 if name.startswith("train") else 2 if name.startswith(("test", "eval")) else 1, place)

    ordered = sorted(range(len(names)), key=rank)
    yield from ((first, second) for at, first in enumerate(ordered) for second in ordered[at + 1 :])


def _near(
    pixels: Positions, hashes: NDArray[np.uint8], places: Positions, marks: NDArray[np.uint64]
) -> tuple[Positions, Positions, Positions, NDArray[np.uint64]]:
    """Find for each image a near one of other pixels, the bits between them, its group, and the splits around it."""
    images = len(pixels)
    twin, bits = np.full(images, -1, dtype=np.int64), np.full(images, NEAR_BITS + 1, dtype=np.int64)
    groups, around = images + np.arange(images), np.zeros(images, dtype=np.uint64)
    if not len(places):
        return twin, bits, groups, around

    unique, first, of = np.unique(hashes[places], axis=0, return_index=True, return_inverse=True)
    of = of.reshape(-1).astype(np.int64)
    own = _gathered(of, marks[places], spread=False)
    found = NearHashes(unique, NEAR_BITS, own)

    # Of images with one hash, some may have other pixels than the first.
    first = places[first]
    other = np.full(len(unique), -1, dtype=np.int64)
    differs = pixels[places] != pixels[first[of]]
    other[of[differs]] = places[differs]
    there = np.where(differs, first[of], other[of])

    nearest = np.where(found.nearest >= 0, first[found.nearest], -1)[of]
    twin[places] = np.where(there >= 0, there, nearest)
    bits[places] = np.where(there >= 0, 0, np.minimum(found.bits[of], NEAR_BITS + 1))
    groups[places] = found.groups[of]
    around[places] = (own | found.around)[of]
    return twin, bits, groups, around


def _bit(numbers: Codes) -> NDArray[np.uint64]:
    return np.left_shift(np.uint64(1), numbers.astype(np.uint64))


def _gathered(groups: Positions, marks: NDArray[np.uint64], spread: bool = True) -> NDArray[np.uint64]:
    """Join the marks of each group; return them for each image, or for each group."""
    found = np.zeros(int(groups.max(initial=-1)) + 1, dtype=np.uint64)
    np.bitwise_or.at(found, groups, marks)
    return found[groups] if spread else found


def _another(groups: Positions) -> Positions:
    """Return another image of the same group for each image: the first, or for the first the last."""
    here = np.arange(len(groups))
    last = np.zeros(int(groups.max(initial=-1)) + 1, dtype=np.int64)
    first = np.zeros_like(last)
    last[groups], first[groups[::-1]] = here, here[::-1]
    return np.where(first[groups] == here, last[groups], first[groups])


def _mixed(groups: Positions, classes: Codes) -> Flags:
    """Tell which images are in a group of two classes or more. Images without a class do not count."""
    number = int(groups.max(initial=-1)) + 1
    least, most = np.full(number, np.iinfo(np.int64).max), np.full(number, -1, dtype=np.int64)
    there = classes >= 0
    np.minimum.at(least, groups[there], classes[there])
    np.maximum.at(most, groups[there], classes[there])
    found: Flags = (least < most)[groups] & there
    return found
