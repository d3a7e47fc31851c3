"""Did a number move between two sets? A p-value from the interval of a difference."""

from scipy.stats import norm

from synthgen.stats.estimates import Estimate, Z


def p_of_difference(found: Estimate) -> float | None:
    """Return the two-sided p-value of no difference; None if the difference has no interval, so that it is exact.

    It is read from the interval (Altman and Bland 2011, BMJ 343: d2304): the half of it on the side of 0, divided by
    its normal quantile, is a standard error. So p < 0.05 exactly if 0 is outside of the 95 % interval, which may be
    asymmetric, as that of `difference` is.

    Example:
        >>> round(p_of_difference(Estimate(0.1, 0.0, 0.2)), 3), p_of_difference(Estimate(0.1, 0.1, 0.1))
        (0.05, None)
    """
    if found.low == found.high:
        return None
    towards = found.value - found.low if found.value > 0 else found.high - found.value
    if towards <= 0:
        return 1.0 if found.value == 0 else 0.0
    return float(2 * norm.sf(abs(found.value) * Z / towards))
