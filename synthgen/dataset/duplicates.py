"""Images that repeat each other, across shards: the judge looks within one. Pure."""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.spec import DuplicateFilter
from synthgen.stats.near_hashes import near_hashes
from synthgen.stats.pairs import near_pairs
from synthgen.stats.repeats import BLOCK, EarlierRows
from synthgen.stats.search import Codes

MOST_COMPARED = 20_000
"""The embeddings of a group of up to this many images are all compared; of more, an index finds those that are near."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """`id` shows the same picture as `same_as`, the lowest id that has it."""

    id: str
    same_as: str


def equal_images(ids: Sequence[str], digests: Sequence[bytes]) -> tuple[Duplicate, ...]:
    """Find every id whose image is the same, byte for byte, as that of a lower id, in ascending order."""
    if len(set(digests)) == len(digests):
        return ()
    first: dict[bytes, str] = {}
    found = []
    for position in sorted(range(len(ids)), key=ids.__getitem__):
        kept = first.setdefault(digests[position], ids[position])
        if kept != ids[position]:
            found.append(Duplicate(ids[position], kept))
    return tuple(found)


def near_duplicates(
    ids: Sequence[str],
    labels: Sequence[int],
    hashes: Sequence[bytes | None],
    vectors: NDArray[np.floating] | None,
    rule: DuplicateFilter,
) -> tuple[Duplicate, ...]:
    """Find every id that repeats a lower one that is kept, in ascending order. What repeats only a dropped one stays.

    `hashes` all have the same size; `vectors` have length 1, and are only used if `rule` asks for a cosine.
    """
    groups: dict[int, list[int]] = defaultdict(list)
    for position in sorted(range(len(ids)), key=ids.__getitem__):
        groups[labels[position] if rule.within == "class" else 0].append(position)

    found, broken = [], 0
    for group in groups.values():
        alike = [_hashed([hashes[position] for position in group], rule.max_bits)]
        rows = None
        if rule.min_cosine is not None and vectors is not None:
            there = vectors[group]
            broken += len(there) - int(np.isfinite(there).all(1).sum())
            if len(there) > MOST_COMPARED:
                alike.append(_embedded(there, rule.min_cosine))
            else:
                rows = EarlierRows(there, rule.min_cosine)
        found += [Duplicate(ids[group[later]], ids[group[first]]) for later, first in _repeats(len(group), alike, rows)]
    if broken:
        _LOG.warning(
            "%d of %d images have an embedding with NaN or infinity: only their hashes were compared", broken, len(ids)
        )
    return tuple(sorted(found, key=lambda duplicate: duplicate.id))


def _repeats(count: int, alike: Sequence["_Numbered"], by_cosine: EarlierRows | None) -> Iterator[tuple[int, int]]:
    """Go through a group once, in order; yield the place of each repeat, with the first kept place that it repeats."""
    for begin in range(0, count, BLOCK):
        block = slice(begin, min(begin + BLOCK, count))
        before = None if by_cosine is None else by_cosine.first_alike(block)
        among = None if by_cosine is None else by_cosine.alike_among(block)
        is_kept = np.zeros(block.stop - begin, bool)

        for place in range(block.start, block.stop):
            found = [kept for each in alike for kept in each.kept_near(place)]
            if before is not None and among is not None:
                found += [int(before[place - begin])] if before[place - begin] >= 0 else []
                found += (np.flatnonzero(among[place - begin] & is_kept)[:1] + begin).tolist()
            if found:
                yield place, min(found)
            else:
                is_kept[place - begin] = True
                for each in alike:
                    each.keep(place)

        if by_cosine is not None:
            by_cosine.keep((np.flatnonzero(is_kept) + begin).tolist())


class _Numbered:
    """Which kept images are near one, by what they have: equal ones share a number, and some numbers are near others.

    Of images with one number at most one is kept by what they have; `kept` has the first.

    Attributes:
        number: by place; -1 for an image that is near no other.
        near: by number, the others that are near.
    """

    def __init__(self, number: Sequence[int], near: Mapping[int, Collection[int]]) -> None:
        self.number, self.near = number, near
        self._kept: dict[int, int] = {}

    def kept_near(self, place: int) -> Iterator[int]:
        """Yield the kept places that are near."""
        mine = self.number[place]
        for number in (mine, *self.near.get(mine, ())):
            if (kept := self._kept.get(number)) is not None:
                yield kept

    def keep(self, place: int) -> None:
        """Remember a place that is kept."""
        if self.number[place] >= 0:
            self._kept.setdefault(self.number[place], place)


def _hashed(hashes: Sequence[bytes | None], most: int) -> _Numbered:
    """Number images by their hashes, and find those that differ in at most `most` bits."""
    there = [place for place, each in enumerate(hashes) if each is not None]
    number = np.full(len(hashes), -1, np.int64)
    near: dict[int, set[int]] = defaultdict(set)
    if there:
        rows = np.frombuffer(b"".join(each for each in hashes if each is not None), np.uint8).reshape(len(there), -1)
        unique, of = np.unique(rows, axis=0, return_inverse=True)
        number[there] = of.reshape(-1)
        for first, second, _ in near_hashes(unique, most):
            _note(near, first, second)
    return _Numbered(number.tolist(), near)


def _embedded(vectors: NDArray[np.floating], least: float) -> _Numbered:
    """Number images by their embeddings, and find those whose cosine is at least `least`, by an index."""
    there = np.flatnonzero(np.isfinite(vectors).all(1))
    number = np.full(len(vectors), -1, np.int64)
    number[there], first, second = near_pairs(vectors[there].astype(np.float32), least)
    near: dict[int, set[int]] = defaultdict(set)
    _note(near, first, second)
    return _Numbered(number.tolist(), near)


def _note(near: dict[int, set[int]], first: Codes, second: Codes) -> None:
    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        near[one].add(other)
        near[other].add(one)
