"""Intervals that are read together: all of them hold at once with 95 %."""

from functools import cache

import numpy as np
from scipy.special import betaincinv
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
    """Return an interval at Bonferroni's level, 1 - 0.05 / `comparisons`.

    It is Wilson's, extended to Clopper and Pearson's (1934, Biometrika 26) where that is wider: Wilson's misses a rare
    share far more often than that level says. `design_effect` and `freedom` are those of `wilson_with_effect`; without
    `freedom`, the quantile is the normal one.
    """
    alpha = ALPHA / max(1, comparisons)
    if freedom is not None:
        alpha = 2 * norm.sf(student.isf(alpha / 2, freedom))
    effective = of / max(1.0, design_effect)
    low, high = proportion_confint(count / of * effective, effective, alpha, method="wilson")
    exact_low, exact_high = _exact(count / of, effective, effective, alpha)
    return estimate(count / of, min(low, exact_low), max(high, exact_high))


def scaled_together(found: Estimate, comparisons: int) -> Estimate:
    """Widen any 95 % interval of a share to Bonferroni's level, 1 - 0.05 / `comparisons`.

    The distance of each end from the share, in logits, is multiplied by the ratio of the normal quantiles; the odds
    change at most by its square, by which Wilson's change at a share of 0. An end of Clopper and Pearson's interval
    that is farther counts instead: of as many images as would put the end of Wilson's interval there. Ends at 0 and 1
    stay.
    """
    ratio = _quantile(comparisons) / Z

    share = min(max(found.value, 0.0), 1.0)  # a corrected share may be beyond 0 or 1, if only by rounding

    def beyond(end: float) -> float:
        if end <= 0 or end >= 1 or ratio <= 1:
            return end
        with np.errstate(divide="ignore"):
            logit = float(np.log(end) - np.log1p(-end))
            start = float(np.log(share) - np.log1p(-share))
        step = min((ratio - 1) * abs(logit - start), 2 * float(np.log(ratio)))
        return float(1 / (1 + np.exp(-(logit + (step if end >= share else -step)))))

    low, high = beyond(found.low), beyond(found.high)
    if ratio > 1:
        sizes = (_worth(share, found.low), _worth(share, found.high))
        exact_low, exact_high = _exact(share, *sizes, ALPHA / comparisons)
        low, high = min(low, exact_low), max(high, exact_high)
    return estimate(found.value, low, high)


def _worth(share: float, end: float) -> float:
    """Return of how many images Wilson's interval around `share` would end there; infinite at the share itself."""
    return float(Z**2 * end * (1 - end) / (end - share) ** 2) if end != share else np.inf


def _exact(share: float, below: float, above: float, alpha: float) -> tuple[float, float]:
    """Return Clopper and Pearson's ends: the lower of `below` images, the upper of `above`, the share if infinite."""
    low, high = share, share
    if below < np.inf:
        low = float(betaincinv(share * below, (1 - share) * below + 1, alpha / 2)) if share * below > 0 else 0.0
    if above < np.inf:
        rest = (1 - share) * above
        high = float(betaincinv(share * above + 1, rest, 1 - alpha / 2)) if rest > 0 else 1.0
    return low, high
