"""Images of one prompt are not independent: the bootstrap that draws whole prompts, and its limit for many classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synthgen.stats.estimates import Floats, Ints

if TYPE_CHECKING:
    from scipy.sparse import csr_array

ClusterCounts: TypeAlias = "Ints | csr_array"
"""Images by cluster and value; sparse where there may be many of both."""

DRAWS = 1000
MOST_GROUPS = 1000
"""More clusters than this are merged at random into this many groups, which are just as independent
(Wolter 2007, Introduction to Variance Estimation, chapter 2)."""
FEWEST_FREEDOM = 9
"""Clusters minus classes. With fewer, a variance between clusters is a guess."""


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """Draws of clusters, made once for a scope and used for every attribute.

    Attributes:
        clusters: their number.
        freedom: degrees of freedom of a variance estimated with them: groups less strata.
        group: the group of each cluster.
        weights: [draws, groups], how often a group counts in a draw.
    """

    clusters: int
    freedom: int
    group: NDArray[np.int64]
    weights: Floats

    def grouped(self, counts: ClusterCounts) -> Floats:
        """Sum the rows of `counts`, [clusters, values], in each group: [groups, values]."""
        from scipy.sparse import coo_array

        table, groups = coo_array(counts), self.weights.shape[1]
        rows, columns = table.coords
        flat = self.group[rows] * counts.shape[1] + columns
        summed = np.bincount(flat, table.data, groups * counts.shape[1])
        found: Floats = summed.astype(float).reshape(groups, counts.shape[1])
        return found

    def strata(self, stratum: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the stratum of each group from those of the clusters: a group is in one stratum."""
        found = np.zeros(self.weights.shape[1], dtype=np.int64)
        found[self.group] = stratum
        return found

    def shares(self, counts: ClusterCounts) -> Floats:
        """Return the share of each value in each draw, [draws, values]; NaN in a draw without values."""
        totals = self.weights @ self.grouped(counts)
        of = totals.sum(1, keepdims=True)
        found: Floats = np.divide(totals, of, out=np.full_like(totals, np.nan), where=of > 0)
        return found

    def variance(self, counts: ClusterCounts) -> Floats:
        """Return the variance of the share of each value over the draws, [values]."""
        found: Floats = np.nanvar(self.shares(counts), axis=0)
        return found


@dataclass(frozen=True, slots=True)
class Linear:
    """The variance between the clusters of one class without draws, by Taylor's linearization of a ratio.

    The bootstrap's variance tends to it as the draws and the clusters grow (Wolter 2007, Introduction to Variance
    Estimation, chapter 6). It takes a thousandth of the time, which counts for thousands of classes.

    Attributes:
        freedom: the number of clusters less one.
    """

    freedom: int

    def variance(self, counts: ClusterCounts) -> Floats:
        """Return the variance of the share of each value, [values]; `counts` is [clusters, values].

        The squared residuals x - n p are summed as x^2 - 2 p x n + p^2 n^2, which needs no table of them. The sums of
        counts are whole numbers, and exact.
        """
        from scipy.sparse import csr_array

        table = csr_array(counts).astype(float)
        sizes, total = np.asarray(table.sum(1)), np.asarray(table.sum(0))
        share, images = total / total.sum(), float(total.sum())
        squares = np.asarray(table.power(2).sum(0)) - 2 * share * (table.T @ sizes) + share**2 * (sizes**2).sum()
        found: Floats = np.maximum(squares, 0) / images**2 * (len(sizes) / (len(sizes) - 1))
        return found


def linear(clusters: int) -> Linear | None:
    """Return the linearized variance of a class with so many clusters; None if they are too few."""
    return Linear(clusters - 1) if clusters - 1 >= FEWEST_FREEDOM else None


def bootstrap(stratum: NDArray[np.int64], rng: np.random.Generator, collapse: bool = False) -> Bootstrap | None:
    """Draw clusters within their strata, which are the classes. None if there are too few to estimate a variance.

    Of the g groups of a stratum, g - 1 are drawn with replacement and weighted g / (g - 1), so the variance over the
    draws is unbiased even for few groups (Rao and Wu 1988, JASA 83).

    Args:
        collapse: what to do about strata of one cluster, which show no variance: draw them together, or a single one
            with the smallest other stratum, which makes the variance rather too large than too small (collapsed strata;
            Wolter 2007, chapter 2). Otherwise there is none with such a stratum.
    """
    strata, number = np.unique(stratum, return_inverse=True)
    sizes = np.bincount(number, minlength=len(strata))
    if len(stratum) < 2 or (sizes.min() < 2 and not collapse):
        return None
    groups = np.minimum(sizes, np.maximum(2, MOST_GROUPS * sizes // len(stratum)))
    together = _collapsed(sizes)
    freedom = int(sum(groups[each].sum() - 1 for each in together))
    if freedom < FEWEST_FREEDOM:
        return None

    first = np.concatenate([[0], np.cumsum(groups)])
    group = np.empty(len(stratum), dtype=np.int64)
    weights = np.empty((DRAWS, first[-1]))
    for index, (size, many) in enumerate(zip(sizes, groups, strict=True)):
        group[number == index] = first[index] + rng.permutation(size) % many
    for each in together:
        columns = np.concatenate([np.arange(first[index], first[index + 1]) for index in each])
        many = len(columns)
        drawn = rng.multinomial(many - 1, np.full(many, 1 / many), DRAWS)
        weights[:, columns] = drawn * (many / (many - 1))
    return Bootstrap(len(stratum), freedom, group, weights)


def _collapsed(sizes: Ints) -> list[NDArray[np.int64]]:
    """Return the strata that are drawn together, of which each has two clusters or more."""
    alone, others = np.flatnonzero(sizes < 2), np.flatnonzero(sizes > 1)
    if len(alone) == 1 and len(others):
        smallest = others[np.argmin(sizes[others])]
        alone, others = np.array([smallest, *alone]), others[others != smallest]
    return [*([alone] if len(alone) else []), *others[:, None]]


def design_effect(counts: ClusterCounts, drawn: Bootstrap | Linear) -> float | None:
    """Divide the variance of the shares between clusters by that of as many independent images, for all values.

    The sum of the variances is divided by the sum of p (1 - p) / n: Rao and Scott's first-order factor (1981, JASA 76).
    None if all images are alike.
    """
    found = design_effects(counts, drawn)
    return found[0] if found else None


def design_effects(counts: ClusterCounts, drawn: Bootstrap | Linear) -> tuple[float, Floats] | None:
    """Return `design_effect`, and one for each value, [values]; None if all images are alike.

    Values may differ: of three settings, prompts may fix one and leave the others to chance. So the effect of a value
    is its own, but no less than that of all values together, since few images of a rare value tell little about it.
    """
    total = np.asarray(counts.sum(0))
    share = total / max(total.sum(), 1)
    independent = share * (1 - share) / max(total.sum(), 1)
    if independent.sum() <= 0:
        return None
    variance = drawn.variance(counts)
    together = float(variance.sum() / independent.sum())
    own = np.divide(variance, independent, out=np.zeros_like(independent), where=independent > 0)
    return together, np.maximum(own, together)
