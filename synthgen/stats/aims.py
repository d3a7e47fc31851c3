"""Tables in strata: whether rows and columns are associated within strata, and by how much shares differ there."""

import numpy as np
from scipy.stats import chi2, random_table
from statsmodels.stats.proportion import proportion_confint

from synthgen.stats.association import Test
from synthgen.stats.estimates import ALPHA, Estimate, Ints, estimate
from synthgen.stats.stratified import summed, whitening

_FEW, _DRAWS = 5.0, 1999


def general_association(tables: Ints, rng: np.random.Generator) -> Test:
    """Test rows against columns within strata, of counts [strata, rows, columns].

    The generalised Cochran-Mantel-Haenszel test of general association (Landis, Heyman and Koch 1978, International
    Statistical Review 46). Two strata with opposite associations may cancel out. If a cell expects fewer than five
    images over all strata, tables with the same margins are drawn in each stratum instead: a permutation test.
    """
    tables = tables[:, tables.sum((0, 2)) > 0][:, :, tables.sum((0, 1)) > 0]
    tables = tables[tables.sum((1, 2)) > 1]
    if not len(tables) or min(tables.shape[1:]) < 2:
        return Test("Cochran-Mantel-Haenszel", 1.0)

    rows, columns, sizes = tables.sum(2), tables.sum(1), tables.sum((1, 2))
    expected = (rows[:, :, None] * columns[:, None, :] / sizes[:, None, None]).sum(0)
    off, covariance = summed(tables.astype(float))
    root = whitening(covariance)
    found = float(((root @ off) ** 2).sum())
    if expected.min() >= _FEW:
        return Test("Cochran-Mantel-Haenszel", float(chi2.sf(found, len(root))))

    drawn = np.zeros((_DRAWS, *expected.shape))
    for row, column in zip(rows, columns, strict=True):
        drawn += random_table.rvs(row, column, size=_DRAWS, random_state=rng)
    apart = (drawn - expected)[:, :-1, :-1].reshape(_DRAWS, -1)
    as_far = (((apart @ root.T) ** 2).sum(1) >= found - 1e-9).sum()
    return Test("permutation within strata", float((1 + as_far) / (1 + _DRAWS)))


def common_difference(first: Ints, second: Ints, column: int) -> Estimate | None:
    """Return the share of `column` in `first` minus that in `second`, of counts [strata, columns], within strata.

    The strata's differences are averaged with Mantel and Haenszel's weights. The interval combines the Wilson intervals
    of all strata by MOVER (Zou and Donner 2008, Statistics in Medicine 27), as stratified Newcombe intervals do (Yan
    and Su 2010, Statistics in Biopharmaceutical Research 2). None if no stratum has images of both.
    """
    both = (first.sum(1) > 0) & (second.sum(1) > 0)
    if not both.any():
        return None
    first, second = first[both], second[both]
    ours, theirs = first.sum(1), second.sum(1)
    weight = ours * theirs / (ours + theirs)
    weight = weight / weight.sum()

    p, q = first[:, column] / ours, second[:, column] / theirs
    (p_low, p_high), (q_low, q_high) = (
        proportion_confint(counts[:, column], sizes, ALPHA, method="wilson")
        for counts, sizes in ((first, ours), (second, theirs))
    )
    value = float(weight @ (p - q))
    below = float(np.sqrt(weight**2 @ ((p - p_low) ** 2 + (q_high - q) ** 2)))
    above = float(np.sqrt(weight**2 @ ((p_high - p) ** 2 + (q - q_low) ** 2)))
    return estimate(value, max(-1.0, value - below), min(1.0, value + above))
