"""Images that repeat each other, across shards: the judge looks within one. Pure."""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.spec import DuplicateFilter
from synthgen.stats.repeats import BLOCK, EarlierRows

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """`id` shows the same picture as `same_as`, the lowest id that has it."""

    id: str
    same_as: str


def equal_images(ids: Sequence[str], digests: Sequence[bytes]) -> tuple[Duplicate, ...]:
    """Find every id whose image is the same, byte for byte, as that of a lower id, in ascending order."""
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
    hashes: Sequence[bytes],
    embeddings: Sequence[NDArray[np.float16]],
    rule: DuplicateFilter,
) -> tuple[Duplicate, ...]:
    """Find every id that repeats a lower one that is kept, in ascending order. What repeats only a dropped one stays.

    `hashes` all have the same size; `embeddings` have length 1, and are only used if `rule` asks for a cosine.
    """
    groups: dict[int, list[int]] = defaultdict(list)
    for position in sorted(range(len(ids)), key=ids.__getitem__):
        groups[labels[position] if rule.within == "class" else 0].append(position)

    found, broken = [], 0
    for group in groups.values():
        by_hash: dict[int, set[int]] = defaultdict(
            set
        )  # a pair may share several parts; by place in the group, the places before it
        for earlier, later in _alike_by_hash([hashes[position] for position in group], rule.max_bits):
            by_hash[later].add(earlier)
        rows = None
        if rule.min_cosine is not None:
            rows = EarlierRows(np.stack([embeddings[position] for position in group]), rule.min_cosine)
            broken += rows.broken
        found += [
            Duplicate(ids[group[later]], ids[group[first]]) for later, first in _repeats(len(group), by_hash, rows)
        ]
    if broken:
        _LOG.warning(
            "%d of %d images have an embedding with NaN or infinity: only their hashes were compared", broken, len(ids)
        )
    return tuple(sorted(found, key=lambda duplicate: duplicate.id))


def _repeats(
    count: int, by_hash: Mapping[int, Collection[int]], by_cosine: EarlierRows | None
) -> Iterator[tuple[int, int]]:
    """Go through a group once, in order; yield the place of each repeat, with the first kept place that it repeats."""
    dropped: set[int] = set()
    for begin in range(0, count, BLOCK):
        block = slice(begin, min(begin + BLOCK, count))
        before = None if by_cosine is None else by_cosine.first_alike(block)
        among = None if by_cosine is None else by_cosine.alike_among(block)
        is_kept = np.zeros(block.stop - begin, bool)

        for place in range(block.start, block.stop):
            alike = [other for other in by_hash.get(place, ()) if other not in dropped]
            if before is not None and among is not None:
                alike += [int(before[place - begin])] if before[place - begin] >= 0 else []
                alike += (np.flatnonzero(among[place - begin] & is_kept)[:1] + begin).tolist()
            if alike:
                dropped.add(place)
                yield place, min(alike)
            else:
                is_kept[place - begin] = True

        if by_cosine is not None:
            by_cosine.keep((np.flatnonzero(is_kept) + begin).tolist())


def _alike_by_hash(hashes: Sequence[bytes], most: int) -> Iterator[tuple[int, int]]:
    """Yield pairs, the lower first, that differ in at most `most` bits.

    Of `most` + 1 parts, such a pair has one in common (the pigeonhole principle): only hashes that share a part are
    compared.
    """
    bits = np.frombuffer(b"".join(hashes), dtype=np.uint8).reshape(len(hashes), -1)
    for part in np.array_split(np.unpackbits(bits, axis=1), most + 1, axis=1):
        for places in _sharing(np.packbits(part, axis=1)):
            for count, later in enumerate(places[1:], start=1):
                distances = np.bitwise_count(bits[places[:count]] ^ bits[later]).sum(axis=1)
                yield from ((int(earlier), int(later)) for earlier in places[:count][distances <= most])


def _sharing(keys: NDArray[np.uint8]) -> Iterable[NDArray[np.intp]]:
    """The places of rows that occur more than once, ascending."""
    _, inverse, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(inverse.ravel(), kind="stable")
    return (places for places in np.split(order, np.cumsum(counts)[:-1]) if len(places) > 1)
