"""Intervals that are read together: all of them hold at once with 95 %."""

from functools import cache

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student
from statsmodels.stats.proportion import proportion_confint

from synthgen.stats.estimates import ALPHA, Estimate, Z, estimate


@cache
def _quantile(comparisons: int) -> float:
    return float(norm.isf(ALPHA / max(1, comparisons) / 2))


def wilson_together(
    count: float, of: float, comparisons: int, design_effect: float = 1.0, freedom: int | None = None
) -> Estimate:
    """Return Wilson's interval at Bonferroni's level, 1 - 0.05 / `comparisons`.

    `design_effect` and `freedom` are those of `wilson_with_effect`; without `freedom`, the quantile is the normal one.
    """
    alpha = ALPHA / max(1, comparisons)
    if freedom is not None:
        alpha = 2 * norm.sf(student.isf(alpha / 2, freedom))
    effective = of / max(1.0, design_effect)
    low, high = proportion_confint(count / of * effective, effective, alpha, method="wilson")
    return estimate(count / of, low, high)


def scaled_together(found: Estimate, comparisons: int) -> Estimate:
    """Widen any 95 % interval of a share to Bonferroni's level, 1 - 0.05 / `comparisons`.

    The distance of each end from the share, in logits, is multiplied by the ratio of the normal quantiles; the odds
    change at most by its square, by which Wilson's change at a share of 0. Ends at 0 and 1 stay.
    """
    ratio = _quantile(comparisons) / Z

    def beyond(share: float, end: float) -> float:
        if end <= 0 or end >= 1 or ratio <= 1:
            return end
        with np.errstate(divide="ignore"):
            logit = float(np.log(end) - np.log1p(-end))
            start = float(np.log(share) - np.log1p(-share))
        step = min((ratio - 1) * abs(logit - start), 2 * float(np.log(ratio)))
        return float(1 / (1 + np.exp(-(logit + (step if end >= share else -step)))))

    return estimate(found.value, beyond(found.value, found.low), beyond(found.value, found.high))
