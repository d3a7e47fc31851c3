"""Differences and ratios of shares."""

import numpy as np
import pytest
from scipy.stats import norm
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from synthgen.stats.contrasts import (
    Ends,
    SharePair,
    all_ends,
    at_quantile,
    differences,
    ends_of,
    multinomial_correlation,
    ratios,
    size_of,
    spread,
)
from synthgen.stats.estimates import Estimate, wilson


def share(count: int, of: int) -> Estimate:
    found = wilson(count, of)
    assert found is not None
    return found


def test_a_difference_of_wilson_intervals_is_newcombes() -> None:
    found = SharePair(share(30, 200), share(55, 180)).difference()
    assert (found.low, found.high) == pytest.approx(
        confint_proportions_2indep(30, 200, 55, 180, compare="diff", method="newcomb"), abs=1e-12
    )


def test_a_ratio_is_near_koopmans_score_interval() -> None:
    found = SharePair(share(30, 200), share(55, 180)).ratio()
    assert found is not None
    koopman = confint_proportions_2indep(30, 200, 55, 180, compare="ratio", method="score")
    assert (found.low, found.high) == pytest.approx(koopman, rel=0.01)


@pytest.mark.parametrize("quantile", [0.5, 1.2, 2.6, 4.0])
def test_an_interval_moves_to_another_level_as_wilsons_would(quantile: float) -> None:
    moved = at_quantile(ends_of(share(30, 200)), quantile)
    wanted = proportion_confint(30, 200, 2 * norm.sf(quantile), method="wilson")
    assert (float(moved.low), float(moved.high)) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(("limit", "kind"), [(0.05, "difference"), (0.8, "ratio")])
def test_a_test_rejects_exactly_where_the_interval_ends(limit: float, kind: str) -> None:
    for count in range(30, 120, 3):
        pair = SharePair(share(count, 200), share(60, 200))
        if kind == "difference":
            beyond = size_of(pair.difference()).low > limit
            p_value = pair.beyond("difference", limit, most=True)
        else:
            ratio = pair.ratio()
            assert ratio is not None
            beyond = ratio.high < limit
            p_value = pair.beyond("ratio", limit, most=False)
        assert (p_value < 0.025) == beyond


def test_shares_of_one_set_are_compared_with_their_correlation() -> None:
    """In 4,000 samples of one multinomial, the intervals contain the truth in about 95 %."""
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(80, (0.2, 0.5, 0.3), 4000)
    low, high = proportion_confint(drawn, 80, 0.05, method="wilson")
    first, second = (Ends(drawn[:, i] / 80, low[:, i], high[:, i]) for i in (0, 1))
    tied = multinomial_correlation(first.value, second.value)
    apart, relative = differences(first, second, tied), ratios(first, second, tied)
    assert 0.935 <= ((apart.low <= -0.3) & (apart.high >= -0.3)).mean() <= 0.97
    assert 0.935 <= ((relative.low <= 0.4) & (relative.high >= 0.4)).mean() <= 0.97


def test_a_reference_that_may_be_absent_gives_no_ratio() -> None:
    assert SharePair(share(5, 20), share(0, 20)).ratio() is None
    zero = SharePair(share(0, 20), share(5, 20)).ratio()
    assert zero is not None
    assert (zero.value, zero.low) == (0.0, 0.0)
    assert np.isfinite(zero.high)


def test_the_extremes_of_equal_groups_are_not_taken_for_a_difference() -> None:
    rng = np.random.default_rng(1)
    beyond = 0
    for counts in rng.binomial(100, 0.4, (300, 12)):
        found = spread(all_ends([share(int(count), 100) for count in counts]))
        assert found is not None
        assert found.ratio is not None
        assert found.difference.value == pytest.approx((counts.max() - counts.min()) / 100)
        beyond += found.difference.low > 0 or found.ratio.high < 1
    assert beyond <= 15


def test_one_group_has_no_extremes() -> None:
    assert spread(all_ends([share(3, 10)])) is None
