"""How strongly class and attribute are associated: first the effect's size, then whether chance could explain it."""

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from scipy.optimize import brentq
from scipy.stats import MonteCarloMethod, chi2, chi2_contingency, fisher_exact, ncx2

from synthgen.stats.clusters import DRAWS, Bootstrap, ClusterCounts
from synthgen.stats.estimates import ALPHA, Estimate, Floats, Ints, estimate, holm

_FEW = 5.0
"""Expected counts below this are too few for chi-square (Cochran 1954)."""
RESAMPLES = 9999
"""Tables drawn by a Monte-Carlo test."""
_CELLS = 2**22
"""So many cells of random tables are in memory at once."""


@dataclass(frozen=True, slots=True)
class Test:
    """The result of a test of independence.

    Attributes:
        name: 'chi-square', 'Fisher', 'Monte-Carlo chi-square', 'permutation of prompts' or 'Rao-Scott chi-square'.
        adjusted: the p-value by Holm's correction over all tests of the same kind; None until they are known.
    """

    name: str
    p_value: float
    adjusted: float | None = None


@dataclass(frozen=True, slots=True)
class Association:
    """The association of class and attribute.

    Attributes:
        v: Cramer's V without its bias, 0..1. None if there is nothing to compare.
        images: those with a value.
        reason: why there is no V.
        corrected: V of the quoted shares if those of every class are corrected for the judge's errors; else None.
    """

    v: Estimate | None
    test: Test | None
    images: int
    reason: str | None = None
    corrected: Estimate | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PromptClusters:
    """What is known about images that come in clusters.

    Attributes:
        counts: [clusters, values].
        label: the class of each cluster.
        effect: Rao and Scott's factor, from `rao_scott`.
    """

    counts: ClusterCounts
    label: Ints
    drawn: Bootstrap
    effect: float


def associate(
    counts: Ints, rng: np.random.Generator, prompts: PromptClusters | None = None, effect: float = 1.0
) -> Association:
    """Measure the association of classes and values in `counts`, which leave out answers that are not values.

    Args:
        effect: Rao and Scott's factor where images come in clusters that are too few to draw; with `prompts`, theirs
            counts.
    """
    table = filled(counts)
    images = int(counts.sum())
    if min(table.shape) < 2:
        few = "fewer than two classes" if len(table) < 2 else "fewer than two values"
        return Association(None, None, images, f"{few if images else 'no images with a value'} to compare")
    effect = max(1.0, prompts.effect if prompts else effect)
    if prompts:
        return Association(cramers_v(table, effect), _of_prompts(table, prompts, effect, rng), images)
    test = independent(table, rng) if effect == 1 else _rao_scott_test(table, effect)
    return Association(cramers_v(table, effect), test, images)


def corrected_v(shares: Floats, images: Floats, worth: Floats) -> Estimate | None:
    """Compute Cramer's V of corrected shares [classes, values]; None if there is nothing to compare.

    `images` is the number of images of each class. Its shares are as precise as those of `worth` independent, correctly
    judged images. The cost of the correction enters the interval like the similarity of images does: see `rao_scott`.
    """
    counts = shares * images[:, None]
    if min(filled(counts).shape) < 2:
        return None
    return cramers_v(filled(counts), max(1.0, rao_scott(counts, images / worth)))


T = TypeVar("T", Ints, Floats)


def filled(counts: T) -> T:
    """Remove the rows and columns that are empty."""
    found: T = counts[counts.sum(1) > 0][:, counts.sum(0) > 0]
    return found


def cramers_v(table: Ints | Floats, effect: float = 1.0) -> Estimate:
    """Compute Cramer's V with Bergsma's correction (2013, J. Korean Statistical Society 42).

    Without an association the corrected V is 0, and not what chance produces. The interval is that of the noncentral
    chi-square's parameter (Smithson 2003, Confidence Intervals), on the same scale. With an `effect`, chi-square is
    divided by it, as if there were fewer images by that factor (Rao and Scott 1981).
    """
    images = table.sum() / effect
    rows, columns = table.shape
    freedom = (rows - 1) * (columns - 1)
    statistic = float(chi2_contingency(table, correction=False).statistic) / effect
    scale = min(_corrected(rows, images), _corrected(columns, images)) - 1
    if images <= 2 or scale <= 0:
        return estimate(0.0, 0.0, 1.0)
    squared = max(0.0, statistic / images - freedom / (images - 1)) / scale
    # Quotas can make it less than nineteen in twenty tables would show by chance: then it counts as much as those.
    least = max(statistic, float(chi2.ppf(ALPHA, freedom)))
    limits = ((statistic, 1 - ALPHA / 2), (least, ALPHA / 2))
    ends = (_noncentrality(value, freedom, tail) / images / scale for value, tail in limits)
    return estimate(*(min(1.0, value**0.5) for value in (squared, *ends)))


def independent(table: Ints, rng: np.random.Generator) -> Test:
    """Test rows and columns of independent images: exactly if an expected count is below five."""
    result = chi2_contingency(table, correction=False)
    if result.expected_freq.min() >= _FEW:
        return Test("chi-square", float(result.pvalue))
    if table.shape == (2, 2):
        return Test("Fisher", float(fisher_exact(table).pvalue))
    method = MonteCarloMethod(n_resamples=RESAMPLES, batch=max(1, _CELLS // table.size), rng=rng)
    drawn = chi2_contingency(table, correction=False, method=method)
    return Test("Monte-Carlo chi-square", float(drawn.pvalue))


def rao_scott(counts: Ints | Floats, effects: Floats) -> float:
    """Compute the first-order factor of a test of homogeneity (Rao and Scott 1981, JASA 76).

    It is the mean of `effects`, the design effects of the classes, weighted by what each class adds to chi-square's
    degrees of freedom.
    """
    if not counts.any():
        return 1.0
    table = counts[counts.sum(1) > 0]
    weight = 1 - table.sum(1) / table.sum()
    shares, together = table / table.sum(1, keepdims=True), table.sum(0) / table.sum()
    variance = np.divide(shares * (1 - shares), together, out=np.zeros_like(shares), where=together > 0).sum(1)
    adds = weight * variance
    return float((adds * effects[counts.sum(1) > 0]).sum() / adds.sum()) if adds.sum() > 0 else 1.0


def with_holm(tests: list[Test | None]) -> list[Test | None]:
    adjusted = holm([test.p_value if test else None for test in tests])
    return [replace(test, adjusted=p) if test else None for test, p in zip(tests, adjusted, strict=True)]


def _of_prompts(table: Ints, prompts: PromptClusters, effect: float, rng: np.random.Generator) -> Test:
    return _rao_scott_test(table, effect) or Test("permutation of prompts", _permuted(prompts, rng))


def _rao_scott_test(table: Ints, effect: float) -> Test | None:
    """Test rows and columns by Rao and Scott's chi-square; None if it would expect too few in a cell."""
    result = chi2_contingency(table, correction=False)
    if result.expected_freq.min() / effect < _FEW:
        return None
    freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
    return Test("Rao-Scott chi-square", float(chi2.sf(result.statistic / effect, freedom)))


def _permuted(prompts: PromptClusters, rng: np.random.Generator) -> float:
    """Permute whole prompts between classes: exact if prompts are exchangeable under independence."""
    grouped, label = prompts.drawn.grouped(prompts.counts), prompts.drawn.strata(prompts.label)
    members = label[None, :] == np.unique(label)[:, None]
    found = _chi_square(np.stack([grouped[member].sum(0) for member in members])[None])[0]
    at_once = max(1, _CELLS // (len(members) * grouped.shape[1]))
    extreme = 0
    for first in range(0, DRAWS, at_once):
        many = min(at_once, DRAWS - first)
        shuffled = rng.permuted(np.tile(np.arange(len(grouped)), (many, 1)), axis=1)
        tables = np.stack([grouped[shuffled[:, member]].sum(1) for member in members], axis=1)
        extreme += int((_chi_square(tables) >= found - 1e-9).sum())
    return float((1 + extreme) / (1 + DRAWS))


def _chi_square(tables: Floats) -> Floats:
    """Compute Pearson's statistic of each table of [..., rows, columns]."""
    expected = tables.sum(-1, keepdims=True) * tables.sum(-2, keepdims=True) / tables.sum((-1, -2), keepdims=True)
    found: Floats = np.divide((tables - expected) ** 2, expected, out=np.zeros_like(tables), where=expected > 0).sum(
        (-1, -2)
    )
    return found


def _corrected(levels: int, images: float) -> float:
    return levels - (levels - 1) ** 2 / max(images - 1, 1e-12)


def _noncentrality(statistic: float, freedom: int, tail: float) -> float:
    """Find the parameter at which the share `tail` of statistics is below this one; 0 if even that is too great."""

    def excess(parameter: float) -> float:
        return float(ncx2.cdf(statistic, freedom, parameter)) - tail

    if excess(0.0) <= 0:
        return 0.0
    high = statistic + 20 * (statistic + freedom) ** 0.5 + 20
    return float(brentq(excess, 0.0, high))
