"""Images that belong on one side of a split: what they have in common, and the groups that this joins. Pure."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from synthgen.stats.near_hashes import NearHashes
from synthgen.stats.search import Codes, Vectors
from synthgen.stats.twins import twins_within

SAME_FILE, SAME_HASH, SAME_LOOK = "equal files", "near-duplicates by hash", "near-duplicates by embedding"
"""What always joins images, and what does by `output.near`."""
_REMEDIES = {
    "prompt": "leave 'prompt' out of output.together, or write more prompts",
    "template": "leave 'template' out of output.together, or write more templates",
    "source": "make images of more pictures, or fewer of each",
    SAME_LOOK: "raise output.near.min_cosine",
    SAME_HASH: "lower output.near.max_bits",
}
EXACT_COSINES = 8192
"""The embeddings of up to this many images are all compared; of more, an index finds those that are near."""
_SHOWN = 80


@dataclass(frozen=True, slots=True, eq=False)
class Bond:
    """Something that images have in common.

    Attributes:
        name: such as `prompt`.
        number: of what each image has; those with the same number have it in common, [n].
        keys: what it is, by image; None if it has no name.
    """

    name: str
    number: Codes
    keys: Sequence[Hashable] | None = None


@dataclass(frozen=True, slots=True)
class LargestGroup:
    """The largest group of a dataset.

    Attributes:
        images: how many it has.
        joined: by bond, how many of them share it with others of the group.
        shared: by bond, what most of those share, where it has a name.
    """

    images: int
    joined: Mapping[str, int]
    shared: Mapping[str, str] = field(default_factory=dict)

    def sentence(self, images: int) -> str:
        """Say what joins it, and what would part it."""
        ordered = sorted(self.joined.items(), key=lambda item: -item[1])
        named = [f"{name} {self.shared[name]!r}" if name in self.shared else name for name, _ in ordered]
        remedies = [_REMEDIES[name] for name, _ in ordered if name in _REMEDIES]
        whole = f"{self.images:,} of {images:,} images are one group by {', '.join(named)}"
        return f"{whole}; {' and '.join(remedies[:2])}" if remedies else whole


@dataclass(frozen=True, slots=True)
class SplitGroups:
    """How the images of a dataset were kept together.

    Attributes:
        groups: how many groups of several images there are.
        images: how many images are in one.
        joined: by bond, how many images share it with another.
        largest: the largest group; None if each image is on its own.
    """

    groups: int
    images: int
    joined: Mapping[str, int]
    largest: LargestGroup | None = None

    @property
    def sentences(self) -> tuple[str, ...]:
        """Say how many images are kept together, and by what; nothing if each is on its own."""
        if not self.groups:
            return ()
        by = ", ".join(f"{name} {count:,}" for name, count in self.joined.items())
        groups = f"{self.groups:,} group{'s' if self.groups != 1 else ''}"
        return (f"{self.images:,} images are in {groups}, each in one split: {by}",)


def bond_of(name: str, keys: Sequence[Hashable]) -> Bond:
    """Join images with equal keys. An image whose key is None has nothing in common with others."""
    if None not in (different := set(keys)) and len(different) == len(keys):
        return Bond(name, np.arange(len(keys)), keys)
    numbers: dict[Hashable, int] = {}
    alone = iter(range(len(keys), 2 * len(keys)))
    found = [next(alone) if key is None else numbers.setdefault(key, len(numbers)) for key in keys]
    return Bond(name, np.array(found, np.int64), keys)


def near_by_hash(name: str, hashes: Sequence[bytes | None], most: int) -> Bond:
    """Join images whose hashes differ in at most `most` bits. One without a hash is near to no other."""
    there = [place for place, each in enumerate(hashes) if each is not None]
    number = np.arange(len(hashes), 2 * len(hashes), dtype=np.int64)
    if there:
        rows = np.frombuffer(b"".join(each for each in hashes if each is not None), np.uint8).reshape(len(there), -1)
        unique, of = np.unique(rows, axis=0, return_inverse=True)
        number[there] = NearHashes(unique, most, np.zeros(len(unique), np.uint64)).groups[of.reshape(-1)]
    return Bond(name, number)


def near_by_cosine(name: str, vectors: Vectors, least: float, exact: int = EXACT_COSINES) -> Bond:
    """Join images whose embeddings, [n, d] of length 1, have a cosine of at least `least`.

    One with NaN or infinity is near to no other. The order of the rows decides what an index finds.
    """
    there = np.flatnonzero(np.isfinite(vectors).all(1))
    number = np.arange(len(vectors), 2 * len(vectors), dtype=np.int64)
    if len(there):
        found = twins_within(
            np.ascontiguousarray(vectors[there]), np.zeros(len(there), np.int64), least, most_compared=exact
        )
        number[there] = found.component
    return Bond(name, number)


def joined(bonds: Sequence[Bond], count: int) -> Codes:
    """Number `count` images so that those which bonds connect, directly or over others, have the same number."""
    first = np.concatenate([np.empty(0, np.int64), *(_first(bond.number) for bond in bonds)])
    second = np.tile(np.arange(count), len(bonds))
    graph = coo_array((np.ones(len(first), bool), (first, second)), shape=(count, count))
    found: Codes = connected_components(graph, directed=False)[1].astype(np.int64)
    return found


def grouping(bonds: Sequence[Bond], groups: Codes) -> SplitGroups:
    """Sum up what joins images."""
    sizes = np.bincount(groups)
    shares = {bond.name: int(_has_others(bond.number).sum()) for bond in bonds}
    several = sizes > 1
    return SplitGroups(
        groups=int(several.sum()),
        images=int(sizes[several].sum()),
        joined={name: count for name, count in shares.items() if count},
        largest=_largest(bonds, groups, sizes) if several.any() else None,
    )


def _largest(bonds: Sequence[Bond], groups: Codes, sizes: Codes) -> LargestGroup:
    first = _first(groups)
    of_size = sizes[groups] == sizes.max()
    rows = np.flatnonzero(groups == groups[first[np.flatnonzero(of_size)[0]]])
    by, shared = {}, {}
    for bond in bonds:
        if (count := int(_has_others(bond.number[rows]).sum())) > 0:
            by[bond.name] = count
            if bond.keys is not None:
                keys = Counter(bond.keys[row] for row in rows.tolist())
                shared[bond.name] = str(min(keys, key=lambda key: (-keys[key], str(key))))[:_SHOWN]
    return LargestGroup(len(rows), by, shared)


def _first(numbers: Codes) -> Codes:
    """Return, for each, the place of the first with the same number."""
    _, first, of = np.unique(numbers, return_index=True, return_inverse=True)
    found: Codes = first[of.reshape(-1)].astype(np.int64)
    return found


def _has_others(numbers: Codes) -> np.ndarray:
    _, of, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    found: np.ndarray = counts[of.reshape(-1)] > 1
    return found
