"""How two sets of images lie to each other: coverage, density, precision, recall, and a kernel distance."""

from dataclasses import dataclass

import numpy as np

from synthgen.stats.estimates import Estimate, Floats, estimate
from synthgen.stats.search import ROUNDING, Codes, Flags, Vectors
from synthgen.stats.spread import draws, half_width

NEIGHBOURS = 5
"""As Naeem and others 2020 and their `prdc`: enough that one outlier makes no wide ball, few enough to stay local."""
_PERMUTATIONS = 200


@dataclass(frozen=True, slots=True)
class Overlap:
    """
    Attributes:
        coverage: the share of reference images whose ball holds an image of the set. 0..1
        density: the mean number of reference balls that an image lies in, by k; 1 is usual. From 0
        precision: the share of images that lie in a reference ball. 0..1
        recall: the share of reference images that lie in a ball around an image of the set. 0..1
    """

    coverage: float
    density: float
    precision: float
    recall: float


def overlap(reference: Vectors, images: Vectors, neighbours: int = NEIGHBOURS) -> Overlap:
    """Around each image lies a ball that reaches to its kth neighbour in its own set.

    Precision and recall: Kynkaanniemi, Karras, Laine, Lehtinen and Aila 2019 (NeurIPS); one outlier with its wide ball
    may raise them. Coverage and density mend that: Naeem, Oh, Uh, Choi and Yoo 2020 (ICML).

    Give sets of one size: what is to be expected depends on both."""
    cosines = reference @ images.T
    inside: Flags = cosines >= _reach(reference, neighbours)[:, None] - ROUNDING
    reached: Flags = cosines >= _reach(images, neighbours)[None, :] - ROUNDING
    return Overlap(
        coverage=float(inside.any(1).mean()),
        density=float(inside.sum() / (neighbours * len(images))),
        precision=float(inside.any(0).mean()),
        recall=float(reached.any(1).mean()),
    )


def _reach(vectors: Vectors, neighbours: int) -> Vectors:
    """The cosine of each row's kth neighbour."""
    own = vectors @ vectors.T
    np.fill_diagonal(own, -2)
    found: Vectors = np.partition(own, -neighbours, axis=1)[:, -neighbours]
    return found


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """
    Attributes:
        found: unbiased, so below 0 as often as above it where both sets are from one source. Its interval, from halves
            of the sets, is too wide there, by up to sqrt(3); `chance` is what then decides.
        chance: what 19 of 20 pairs of sets from one source would not exceed, by permutation.
    """

    found: Estimate
    chance: float


def median_distance(reference: Vectors) -> float:
    """The median distance of two reference images: the median heuristic (Gretton and others 2012, JMLR 13)."""
    cosines = (reference @ reference.T)[np.triu_indices(len(reference), 1)]
    return float(np.sqrt(max(np.median(2 - 2 * cosines.astype(np.float64)), 1e-6)))


def discrepancy(images: Vectors, reference: Vectors, width: float, rng: np.random.Generator) -> Discrepancy:
    """The unbiased estimate of the squared maximum mean discrepancy (Gretton and others 2012) of two sets of one size,
    with the Gaussian kernel of that width, as CMMD has it (Jayasumana and others 2024, CVPR)."""
    size = len(images)
    both = np.concatenate([images, reference])
    kernel = np.exp(-(2 - 2 * (both @ both.T).astype(np.float64)) / (2 * width**2))
    np.fill_diagonal(kernel, 0)
    signs = np.repeat([1.0, -1.0], size)
    value = float(_unbiased(kernel, signs[:, None])[0])
    shuffled = np.stack([rng.permutation(signs) for _ in range(_PERMUTATIONS)], axis=1)
    chance = float(np.quantile(_unbiased(kernel, shuffled), 0.95, method="higher"))
    halves = zip(draws(size // 2, size, rng), draws(size // 2, size, rng), strict=True)
    wide = half_width(np.array([_of_half(kernel, *rows) for rows in halves]), size // 2, size)
    return Discrepancy(estimate(value, value - wide, value + wide), chance)


def _of_half(kernel: Floats, images: Codes, reference: Codes) -> float:
    rows = np.concatenate([images, reference + len(kernel) // 2])
    return float(_unbiased(kernel[np.ix_(rows, rows)], np.repeat([1.0, -1.0], len(images))[:, None])[0])


def _unbiased(kernel: Floats, signs: Floats) -> Floats:
    """Of each column of signs, which says what belongs to which set. The kernel's diagonal is 0."""
    size = len(kernel) // 2
    same = np.einsum("ij,ij->j", signs, kernel @ signs)  # within both sets, less across both ways
    within = (same + kernel.sum()) / 2
    across = (kernel.sum() - same) / 2
    found: Floats = within / (size * (size - 1)) - across / size**2
    return found
