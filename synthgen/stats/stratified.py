"""Association of two columns within strata: the Cochran-Mantel-Haenszel test, its generalization, and odds ratios."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh
from scipy.sparse import csr_array
from scipy.stats import chi2, f
from scipy.stats import t as student

from synthgen.stats.clusters import FEWEST_FREEDOM
from synthgen.stats.estimates import ALPHA, Estimate, Floats, Ints, Z, estimate

MOST_CONTRASTS = 200
"""(rows - 1) times (columns - 1): with more, the test's matrix is too large to be worth its time."""
_NUMBERS = 8_000_000
"""At most so many products of deviations are in memory at a time: 64 MB."""


@dataclass(frozen=True, slots=True)
class StratifiedTest:
    """An association within strata.

    Attributes:
        name: 'Cochran-Mantel-Haenszel'; with prompts '..., by prompts'; else with `least`, '..., with a design effect'.
        statistic: with `freedom` degrees of freedom; with prompts it is Hotelling's.
        strata: those that say something: two images or more, with different values of both.
        odds_ratio: common to all strata (Mantel and Haenszel), of two by two values; None if there are more, or if it
            is 0 or infinite.
        same_odds: the p-value of Breslow and Day's test, with Tarone's correction, that all strata have this odds
            ratio; None likewise, and with prompts or another design effect.
        effect: the mean design effect of images of one prompt, at least 1.
    """

    name: str
    statistic: float
    freedom: int
    p_value: float
    strata: int
    odds_ratio: Estimate | None
    same_odds: float | None
    effect: float = 1.0


class Clustered(NamedTuple):
    """Images as they come in clusters.

    Attributes:
        cluster: of each image, 0..clusters-1, or -1 if the image has no value of both columns.
        strata: of the clusters, the number of kinds that they were drawn from: classes.
    """

    codes: tuple[Ints, Ints, Ints]
    cluster: Ints
    classes: int


def stratified(tables: Ints, clustered: Clustered | None = None, least: float = 1.0) -> StratifiedTest | str:
    """Test the association of rows and columns given the stratum; `tables` is [strata, rows, columns].

    The generalized Cochran-Mantel-Haenszel statistic of general association (Landis, Heyman and Koch 1978,
    International Statistical Review 46): given the margins of every stratum, the counts are hypergeometric; their sums
    over the strata, less what is expected, are divided by their covariance. For two by two values it is Mantel and
    Haenszel's (1959) without a correction for continuity. No stratum needs to be large. Associations that cancel each
    other are not seen.

    With clusters, the covariance is that of the sums over clusters (a robust score test), and the statistic is
    Hotelling's, which is F; the larger of this p-value and that of independent images counts.

    Args:
        least: a design effect that clusters do not show, at least 1, by which the statistic of independent images is
            divided (Rao and Scott 1981, JASA 76).

    Returns:
        A reason if there is nothing to test.
    """
    tables = tables[_informative(tables)]
    if not len(tables):
        return "no stratum has two values of both"
    tables = tables[:, tables.sum((0, 2)) > 0][:, :, tables.sum((0, 1)) > 0]
    rows, columns = tables.shape[1:]
    if (rows - 1) * (columns - 1) > MOST_CONTRASTS:
        return f"{rows} by {columns} values are too many for this test"

    off, covariance = summed(tables.astype(float))
    statistic, freedom = _quadratic(off, covariance)
    statistic /= least
    p_value, name = float(chi2.sf(statistic, freedom)), "Cochran-Mantel-Haenszel"
    effect, left = least, None
    if least > 1:
        name += ", with a design effect"
    if clustered is not None:
        found = _by_clusters(clustered, off, covariance)
        if isinstance(found, str):
            return found
        statistic, freedom, robust, effect, left = found
        effect, p_value = max(effect, least), max(p_value, robust)
        name = "Cochran-Mantel-Haenszel, by prompts"
    odds = same = None
    if (rows, columns) == (2, 2):
        odds = _odds_ratio(tables, effect, left)
        same = _same_odds(tables) if clustered is None and least == 1 and odds is not None and len(tables) > 1 else None
    return StratifiedTest(name, statistic, freedom, p_value, len(tables), odds, same, effect)


def _informative(tables: Ints) -> np.ndarray:
    several = ((tables.sum(2) > 0).sum(1) > 1) & ((tables.sum(1) > 0).sum(1) > 1)
    found: np.ndarray = several & (tables.sum((1, 2)) > 1)
    return found


def summed(tables: Floats) -> tuple[Floats, Floats]:
    """Return the sums over strata of counts less their expectations, and their covariance, without the last values."""
    images = tables.sum((1, 2))
    row, column = tables.sum(2), tables.sum(1)
    off = (tables - row[:, :, None] * column[:, None, :] / images[:, None, None]).sum(0)[:-1, :-1]
    row, column = row[:, :-1], column[:, :-1]
    size = row.shape[1] * column.shape[1]
    covariance = np.zeros((row.shape[1], column.shape[1]) * 2)
    for of, r, c in zip(images, row, column, strict=True):
        one, other = of * np.diag(r) - np.outer(r, r), of * np.diag(c) - np.outer(c, c)
        covariance += np.einsum("ik,jl->ijkl", one, other) / (of**2 * (of - 1))
    return off.ravel(), covariance.reshape(size, size)


def whitening(covariance: Floats) -> Floats:
    """Return a matrix W with |W x|^2 = x' covariance^-1 x, for a covariance that may be singular: [rank, n]."""
    values, vectors = eigh(covariance)
    kept = values > max(float(values.max()), 0.0) * 1e-10
    found: Floats = vectors[:, kept].T / np.sqrt(values[kept])[:, None]
    return found


def _quadratic(off: Floats, covariance: Floats) -> tuple[float, int]:
    """Return off' covariance^-1 off and the rank."""
    root = whitening(covariance)
    return float(((root @ off) ** 2).sum()), len(root)


def _by_clusters(given: Clustered, off: Floats, covariance: Floats) -> tuple[float, int, float, float, int] | str:
    """Return Hotelling's statistic, its freedom, the p-value, the mean design effect, and the clusters left."""
    stratum, first, second = given.codes
    inside = given.cluster >= 0
    totals = _totals(stratum[inside], first[inside], second[inside], given.cluster[inside], len(off))
    clusters = int(totals.any(1).sum())
    left = clusters - given.classes
    if left < FEWEST_FREEDOM:
        return f"{clusters} prompts are too few to tell how alike their images are"
    robust = totals.T @ totals * clusters / (clusters - 1)
    statistic, freedom = _quadratic(off, robust)
    if left - freedom + 1 < 1:
        return f"{clusters} prompts are too few for {freedom} degrees of freedom"
    scaled = statistic * (left - freedom + 1) / (left * freedom)
    values, vectors = eigh(covariance)
    kept = values > values.max() * 1e-10
    effect = float(((vectors[:, kept].T @ robust @ vectors[:, kept]).diagonal() / values[kept]).mean())
    return statistic, freedom, float(f.sf(scaled, freedom, left - freedom + 1)), max(1.0, effect), left


def _totals(stratum: Ints, first: Ints, second: Ints, cluster: Ints, size: int) -> Floats:
    """Sum, over the images of each cluster, the products of deviations of both columns from their stratum's means.

    Their sums over all clusters are the counts less their expectations.
    """
    shape = [int(each.max()) + 1 for each in (cluster, stratum, first, second)]
    # Equal images are counted, in an order that does not depend on theirs: so neither do the sums.
    alike, many = np.unique(np.ravel_multi_index((cluster, stratum, first, second), shape), return_counts=True)
    cluster, stratum, first, second = np.unravel_index(alike, shape)
    tables = np.bincount(np.ravel_multi_index((stratum, first, second), shape[1:]), many, minlength=prod(shape[1:]))
    tables = tables.reshape(shape[1:])

    there = _informative(tables.astype(np.int64))[stratum]
    cluster, stratum, first, second, many = (each[there] for each in (cluster, stratum, first, second, many))
    rows, columns = np.unique(first), np.unique(second)
    images = np.maximum(tables.sum((1, 2)), 1)[:, None]
    row, column = tables.sum(2)[:, rows] / images, tables.sum(1)[:, columns] / images
    # The products depend on the cell alone, so they are computed once for each cell, not for each image.
    places = np.ravel_multi_index((stratum, first, second), shape[1:])
    cells, cell = np.unique(places, return_inverse=True)
    within, one, other = np.unravel_index(cells, shape[1:])
    firsts = (one[:, None] == rows[:-1]) - row[within, :-1]
    seconds = (other[:, None] == columns[:-1]) - column[within, :-1]
    counts = csr_array((many.astype(float), (cluster, cell)), shape=(shape[0], len(cells)))
    found = np.zeros((shape[0], size))
    wide, step = len(columns) - 1, max(1, _NUMBERS // max(len(cells) * (len(columns) - 1), 1))
    for begin in range(0, len(rows) - 1, step):
        some = firsts[:, begin : begin + step]
        products = (some[:, :, None] * seconds[:, None, :]).reshape(len(cells), -1)
        found[:, begin * wide : (begin + some.shape[1]) * wide] = counts @ products
    return found


def _odds_ratio(tables: Ints, effect: float, freedom: int | None) -> Estimate | None:
    """Return Mantel and Haenszel's common odds ratio with the interval of Robins, Breslow and Greenland (1986)."""
    from statsmodels.stats.contingency_tables import StratifiedTable

    with np.errstate(all="ignore"):  # empty cells give infinite odds, and no result
        pooled = StratifiedTable(tables.transpose(1, 2, 0).astype(float))
        value, error = float(pooled.oddsratio_pooled), float(pooled.logodds_pooled_se)
    if not (0 < value < np.inf and np.isfinite(error)):
        return None
    quantile = float(student.isf(ALPHA / 2, freedom)) if freedom else Z
    reach = np.exp(min(quantile * error * effect**0.5, 700.0))
    return estimate(value, value / reach, value * reach) if value * reach < 1e300 else None


def _same_odds(tables: Ints) -> float | None:
    from statsmodels.stats.contingency_tables import StratifiedTable

    with np.errstate(all="ignore"):
        found = float(StratifiedTable(tables.transpose(1, 2, 0).astype(float)).test_equal_odds(adjust=True).pvalue)
    return found if np.isfinite(found) else None
