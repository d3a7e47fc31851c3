"""What copies cost: an image that occurs ten times tells no more of its source than once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from synthgen.stats.near_hashes import Positions
from synthgen.stats.search import Codes, Flags

_LEAST = 1.05


@dataclass(frozen=True, slots=True)
class Copies:
    """How much copies of the same pixels multiply the variance of a share.

    Attributes:
        effect: of all images, at least 1.
        by_class: in each class.
        shared: the columns of images that count as copies of each other, too.
    """

    effect: float
    by_class: tuple[float, ...]
    shared: tuple[str, ...] = ()

    def told(self, images: int) -> Sequence[str]:
        """Say that intervals allow for copies, if that makes a difference."""
        if self.effect < _LEAST:
            return ()
        others = "".join(f", and images that share a {name}," for name in self.shared)
        worth = f"copies of the same pixels{others} make {images:,} images worth {images / self.effect:,.0f}"
        return (f"{worth}: the intervals of dark, bright, low-information and blurry images allow for it",)


def find_copies(
    groups: Positions,
    blank: Flags,
    classes: Codes,
    class_count: int,
    clusters: Mapping[str, Codes] = MappingProxyType({}),
) -> Copies:
    """Find the design effect of copies, Kish's for weights (1965, Survey Sampling): the sum of squares over the sum.

    A group of s copies adds s squared to the sum of squares. Images that show nothing are equal by themselves, so they
    are not copies.

    Args:
        groups: a number for each image, which images of equal pixels share.
        classes: a number for each image; -1 if it has none.
        clusters: by the name of a column, a number that images which depend on each other share; -1 without one. How
            alike they are in what the pixels show is not known, so they count as the same, too.
    """
    own = without_blank(groups, blank)
    if clusters:
        own = joined(own, list(clusters.values()))
    within = [_effect(own[classes == code]) for code in range(class_count)]
    return Copies(_effect(own), tuple(within), tuple(clusters))


def joined(groups: Positions, clusters: Sequence[Codes]) -> Positions:
    """Number images so that those which `groups`, or some of `clusters`, connect have one number.

    Args:
        clusters: a number for each image, which images that depend on each other share; -1 if there is none.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows, places = [np.arange(len(groups))], [len(groups) + groups]
    start = len(groups) + int(groups.max(initial=-1)) + 1
    for codes in clusters:
        there = np.flatnonzero(codes >= 0)
        rows.append(there)
        places.append(start + codes[there])
        start += int(codes.max(initial=-1)) + 1
    pairs = np.concatenate(rows), np.concatenate(places)
    graph = coo_array((np.ones(len(pairs[0]), bool), pairs), shape=(start, start))
    found: Positions = connected_components(graph, directed=False)[1][: len(groups)].astype(np.int64)
    return found


def without_blank(groups: Positions, blank: Flags) -> Positions:
    """Give each image that shows nothing a number of its own."""
    apart = int(groups.max(initial=-1)) + 1 + np.arange(len(groups))
    return np.where(blank, apart, groups)


def _effect(groups: Positions) -> float:
    sizes = np.unique(groups, return_counts=True)[1].astype(np.float64)
    return float((sizes**2).sum() / sizes.sum()) if len(sizes) else 1.0
