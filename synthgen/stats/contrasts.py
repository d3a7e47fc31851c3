"""Differences and ratios of two shares, from their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from synthgen.stats.estimates import ALPHA, Estimate, Floats, Z, estimate

_STEPS, _FARTHEST = 60, 38.0
"""Halvings of a quantile, and the largest one: beyond it, a normal tail is 0 in double precision."""
Kind = Literal["difference", "ratio"]


class Ends(NamedTuple):
    """Shares with the ends of their intervals, which are arrays of one shape, or numbers."""

    value: Floats
    low: Floats
    high: Floats


def ends_of(found: Estimate) -> Ends:
    return Ends(np.float64(found.value), np.float64(found.low), np.float64(found.high))  # type: ignore[arg-type]


def all_ends(found: Sequence[Estimate]) -> Ends:
    """Collect estimates into arrays."""
    parts = np.array([(each.value, each.low, each.high) for each in found]).reshape(-1, 3)
    return Ends(*parts.T)


def at_quantile(found: Ends, quantile: float, own: float = Z) -> Ends:
    """Move the ends of score intervals from the normal quantile `own` to another one.

    Each end shows how many independent images the interval is worth. For Wilson's interval this is the number of
    images, and the result is Wilson's interval at the other quantile. An end at 0 or 1 that is not the share itself
    stays there.
    """
    low = _moved(found.value, found.low, quantile, own)
    high = 1 - _moved(1 - found.value, 1 - found.high, quantile, own)
    return Ends(found.value, low, high)


def _moved(value: Floats, low: Floats, quantile: float, own: float) -> Floats:
    spread = own**2 * low * (1 - low)
    moves = (spread > 0) & (value > low)
    per_image = np.divide((value - low) ** 2, spread, out=np.zeros(np.shape(spread)), where=moves)
    squared = quantile**2 * per_image
    root = np.sqrt(squared * value * (1 - value) + squared**2 / 4)
    moved: Floats = np.where(moves, (value + squared / 2 - root) / (1 + squared), low)
    return np.clip(moved, 0.0, value)


def multinomial_correlation(first: Floats, second: Floats) -> Floats:
    """Return the correlation of two shares that were counted in the same images."""
    odds = first * second / np.maximum((1 - first) * (1 - second), 1e-300)
    return -np.sqrt(np.clip(odds, 0.0, 1.0))


def differences(first: Ends, second: Ends, correlation: Floats | float = 0.0) -> Ends:
    """Return first minus second, with the interval of MOVER (Zou and Donner 2008, Statistics in Medicine 27).

    From two Wilson intervals of independent shares it is Newcombe's tenth method (1998, Statistics in Medicine 17);
    with the `correlation` of shares of the same images, it is that of his companion paper on paired data.
    """
    down, up = first.value - first.low, first.high - first.value
    other_down, other_up = second.value - second.low, second.high - second.value
    below = np.sqrt(np.maximum(down**2 - 2 * correlation * down * other_up + other_up**2, 0.0))
    above = np.sqrt(np.maximum(up**2 - 2 * correlation * up * other_down + other_down**2, 0.0))
    value = first.value - second.value
    return Ends(value, np.maximum(value - below, -1.0), np.minimum(value + above, 1.0))


def ratios(first: Ends, second: Ends, correlation: Floats | float = 0.0) -> Ends:
    """Return first divided by second, with MOVER's interval of a ratio.

    Donner and Zou (2012, Statistical Methods in Medical Research 21).
    The lower end is 0 or more. Where `second` is 0, the ratio is NaN; where its interval reaches 0, the upper end is
    infinite.
    """
    v, w = first.value, second.value
    middle = v * w - correlation * (v - first.low) * (second.high - w)
    product = first.low * second.high * (2 * v - first.low) * (2 * w - second.high)
    low_root = middle + np.sqrt(np.maximum(middle**2 - product, 0.0))
    top = first.low * (2 * v - first.low)
    low = np.divide(top, low_root, out=np.zeros(np.shape(low_root)), where=low_root > 0)

    middle = v * w - correlation * (first.high - v) * (w - second.low)
    product = first.high * second.low * (2 * v - first.high) * (2 * w - second.low)
    top = middle + np.sqrt(np.maximum(middle**2 - product, 0.0))
    under = second.low * (2 * w - second.low)
    under = np.broadcast_to(under, np.shape(top))
    high = np.divide(top, under, out=np.full(np.shape(top), np.inf), where=under > 0)
    value = np.divide(v, w, out=np.full(np.shape(top), np.nan), where=w > 0)
    return Ends(value, np.minimum(low, value), np.maximum(high, value))


@dataclass(frozen=True, slots=True)
class SharePair:
    """Two shares to compare.

    Attributes:
        correlation: of the estimates of the two; 0 for independent images, -1 for the widest intervals.
        freedom: degrees of freedom of their variance; None if their images are independent.
    """

    first: Estimate
    second: Estimate
    correlation: float = 0.0
    freedom: int | None = None

    def difference(self) -> Estimate:
        found = differences(ends_of(self.first), ends_of(self.second), self.correlation)
        return estimate(*map(float, found))

    def ratio(self) -> Estimate | None:
        """Return the first share divided by the second; None if the second is, or may be, 0."""
        found = ratios(ends_of(self.first), ends_of(self.second), self.correlation)
        if not np.isfinite([float(each) for each in found]).all():
            return None
        return estimate(*map(float, found))

    def beyond(self, kind: Kind, limit: float, most: bool) -> float:
        """Test whether the size of the difference, or the ratio, keeps its limit: a one-sided p-value, in 0..1.

        The interval is inverted: the p-value is that of the quantile at which its end reaches the limit.
        """
        own = float(student.isf(ALPHA / 2, self.freedom)) if self.freedom else Z
        first, second = self.first, self.second
        if kind == "difference" and first.value < second.value:
            first, second = second, first

        def keeps(quantile: float) -> bool:
            ends, base = (at_quantile(ends_of(each), quantile, own) for each in (first, second))
            found = (differences if kind == "difference" else ratios)(ends, base, self.correlation)
            return bool(found.low <= limit) if most else bool(found.high >= limit)

        if keeps(0.0):
            return 1.0
        inside, outside = 0.0, _FARTHEST
        if not keeps(outside):
            return 0.0
        for _ in range(_STEPS):
            middle = (inside + outside) / 2
            inside, outside = (inside, middle) if keeps(middle) else (middle, outside)
        return float(student.sf(inside, self.freedom) if self.freedom else norm.sf(inside))


def size_of(found: Estimate) -> Estimate:
    """Return the absolute value of a difference."""
    ends = sorted((abs(found.low), abs(found.high)))
    return Estimate(abs(found.value), 0.0 if found.low <= 0 <= found.high else ends[0], ends[1])


@lru_cache
def _normal(tests: float) -> float:
    """Return the two-sided normal quantile at Bonferroni's level."""
    return float(norm.isf(ALPHA / 2 / tests))


class Spread(NamedTuple):
    """The extremes among groups.

    Attributes:
        difference: of the highest and the lowest share.
        ratio: of the lowest and the highest; None if the highest is, or may be, 0.
        lowest, highest: their positions.
    """

    difference: Estimate
    ratio: Estimate | None
    lowest: int
    highest: int


def spread(found: Ends, own: float = Z) -> Spread | None:
    """Compare the extremes among independent shares [groups]; None with fewer than two.

    fairlearn calls these `difference(method="between_groups")` and `ratio(method="between_groups")`. Since the extremes
    are chosen after looking, all pairs are compared together, at Bonferroni's level: the largest difference is at least
    the largest of their lower ends, and at most the largest of their upper ends; likewise the smallest ratio.
    """
    groups = len(found.value)
    if groups < 2:
        return None
    pairs = groups * (groups - 1) / 2
    quantile = own * _normal(pairs) / Z
    wide = at_quantile(found, quantile, own)
    first, second = Ends(*(part[:, None] for part in wide)), Ends(*(part[None, :] for part in wide))
    apart, relative = differences(first, second), ratios(first, second)
    lowest, highest = int(np.argmin(found.value)), int(np.argmax(found.value))
    low = max(float(apart.low.max()), 0.0)
    difference = estimate(float(found.value[highest] - found.value[lowest]), low, float(apart.high.max()))
    top = float(found.value[highest])
    if not top > 0:
        return Spread(difference, None, lowest, highest)
    others = ~np.eye(groups, dtype=bool) & (np.broadcast_to(second.value, relative.value.shape) > 0)
    high = min(float(relative.high[others].min()), 1.0)
    ratio = estimate(float(found.value[lowest]) / top, float(relative.low[others].min()), high)
    return Spread(difference, ratio, lowest, highest)
