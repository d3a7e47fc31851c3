"""How two sets of images relate to each other: coverage, density, precision, recall, and a kernel distance."""

from dataclasses import dataclass

import numpy as np

from synthgen.stats.estimates import Estimate, Floats, estimate
from synthgen.stats.search import ROUNDING, Codes, Flags, Vectors
from synthgen.stats.spread import draws, half_width

NEIGHBOURS = 5
"""As in Naeem and others 2020 and their `prdc`: enough that an outlier makes no wide ball, few enough to be local."""
_PERMUTATIONS = 200


@dataclass(frozen=True, slots=True)
class Overlap:
    """How two sets overlap.

    Attributes:
        coverage: the share of reference images whose ball contains an image of the set. 0..1
        density: the mean number of reference balls that contain an image, divided by k; 1 is usual. From 0
        precision: the share of images in a reference ball. 0..1
        recall: the share of reference images in a ball around an image of the set. 0..1
    """

    coverage: float
    density: float
    precision: float
    recall: float


def overlap(reference: Vectors, images: Vectors, neighbours: int = NEIGHBOURS) -> Overlap:
    """Measure how two sets overlap, with a ball around each image that reaches its kth neighbour in its own set.

    Precision and recall: Kynkaanniemi, Karras, Laine, Lehtinen and Aila 2019 (NeurIPS); one outlier with its wide ball
    may raise them. Coverage and density fix that: Naeem, Oh, Uh, Choi and Yoo 2020 (ICML).

    Use sets of the same size: the expected values depend on both sizes.
    """
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
    """Return the cosine of each row's kth neighbour."""
    own = vectors @ vectors.T
    np.fill_diagonal(own, -2)
    found: Vectors = np.partition(own, -neighbours, axis=1)[:, -neighbours]
    return found


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """The kernel distance of two sets.

    Attributes:
        found: unbiased, so below 0 about as often as above it if both sets are from one source. Its interval, from
            halves of the sets, is then too wide, by up to sqrt(3); use `chance` to decide.
        chance: what 19 of 20 pairs of sets from one source would not exceed, by permutation.
    """

    found: Estimate
    chance: float


def median_distance(reference: Vectors) -> float:
    """Return the median distance of two reference images: the median heuristic (Gretton and others 2012, JMLR 13)."""
    cosines = (reference @ reference.T)[np.triu_indices(len(reference), 1)]
    return float(np.sqrt(max(np.median(2 - 2 * cosines.astype(np.float64)), 1e-6)))


def discrepancy(images: Vectors, reference: Vectors, width: float, rng: np.random.Generator) -> Discrepancy:
    """Estimate the squared maximum mean discrepancy of two sets of the same size, without bias.

    See Gretton and others 2012. The kernel is Gaussian with this width, as in CMMD (Jayasumana and others 2024, CVPR).
    """
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
    """Estimate the discrepancy for each column of signs, which assign rows to sets. The kernel's diagonal is 0."""
    size = len(kernel) // 2
    same = np.einsum("ij,ij->j", signs, kernel @ signs)  # within both sets, less across both ways
    within = (same + kernel.sum()) / 2
    across = (kernel.sum() - same) / 2
    found: Floats = within / (size * (size - 1)) - across / size**2
    return found
