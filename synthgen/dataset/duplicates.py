"""Images that repeat each other, across shards: the judge looks within one. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.spec import DuplicateFilter

_ROWS = 2048
"""This many embeddings at a time are compared with all before them: a bound on memory."""


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
    found = []
    for group in groups.values():
        alike: dict[int, set[int]] = defaultdict(set)  # by place in the group, the places before it
        for earlier, later in _alike_by_hash([hashes[position] for position in group], rule.max_bits):
            alike[later].add(earlier)
        if rule.min_cosine is not None:
            for earlier, later in _alike_by_cosine([embeddings[position] for position in group], rule.min_cosine):
                alike[later].add(earlier)
        dropped: set[int] = set()
        for later in sorted(alike):
            if kept := alike[later] - dropped:
                dropped.add(later)
                found.append(Duplicate(ids[group[later]], ids[group[min(kept)]]))
    return tuple(sorted(found, key=lambda duplicate: duplicate.id))


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


def _alike_by_cosine(embeddings: Sequence[NDArray[np.float16]], least: float) -> Iterator[tuple[int, int]]:
    rows = np.stack(embeddings).astype(np.float32)
    for start in range(0, len(rows), _ROWS):
        for later, earlier in np.argwhere(rows[start : start + _ROWS] @ rows[: start + _ROWS].T >= least):
            if earlier < start + later:
                yield int(earlier), int(start + later)
