"""How two sets of images lie to each other: coverage, density and a kernel distance."""

from dataclasses import dataclass

import numpy as np

from synthgen.audit.embeddings.search import Vectors
from synthgen.audit.estimates import Floats

NEIGHBOURS = 5
_PERMUTATIONS = 200


def coverage_and_density(reference: Vectors, images: Vectors, neighbours: int = NEIGHBOURS) -> tuple[float, float]:
    """Naeem, Oh, Uh, Choi and Yoo 2020 (ICML). Around each reference image lies a ball that reaches to its kth
    neighbour in the reference. Coverage is the share of balls that hold an image: 0..1. Density is the mean number of
    balls that an image lies in, by k: 1 for images from where the reference is from.

    Give sets of one size: what coverage is to be expected depends on both."""
    own = reference @ reference.T
    np.fill_diagonal(own, -2)
    reach = np.partition(own, -neighbours, axis=1)[:, -neighbours]
    inside = reference @ images.T >= reach[:, None]
    return float(inside.any(1).mean()), float(inside.sum() / (neighbours * len(images)))


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """
    Attributes:
        value: unbiased, so below 0 as often as above it where both sets are from one source.
        chance: what 19 of 20 pairs of sets from one source would not exceed, by permutation.
    """

    value: float
    chance: float


def bandwidth(reference: Vectors) -> float:
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
    shuffled = np.stack([signs, *(rng.permutation(signs) for _ in range(_PERMUTATIONS))], axis=1)
    found = _unbiased(kernel, shuffled, size)
    return Discrepancy(float(found[0]), float(np.quantile(found[1:], 0.95)))


def _unbiased(kernel: Floats, signs: Floats, size: int) -> Floats:
    """Of each column of signs, which says what belongs to which set. The kernel's diagonal is 0."""
    same = np.einsum("ij,ij->j", signs, kernel @ signs)  # within both sets, less across both ways
    within = (same + kernel.sum()) / 2
    across = (kernel.sum() - same) / 2
    found: Floats = within / (size * (size - 1)) - across / size**2
    return found
