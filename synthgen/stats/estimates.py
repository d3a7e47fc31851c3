"""Shares, each with its interval. Every interval in this module is a 95 % interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm
from scipy.stats import t as student
from statsmodels.stats.proportion import proportion_confint

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ALPHA = 0.05
Z = float(norm.isf(ALPHA / 2))
_LEAST, _MOST = float(np.log(0.1)), float(np.log(1e12))
"""Logarithms of the fewest and of the most images that an interval may be worth."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and the ends of its 95 % interval. low <= value <= high."""

    value: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


@dataclass(frozen=True, slots=True)
class Corrected:
    """The result of a correction for one scope.

    Attributes:
        shares: of each value, in the attribute's order; None if there is no estimate.
        reason: why there is none.
        caveats: limits of the estimate, in words.
        doubts: reasons not to quote it at all.
        labelled: images with a label in this scope; 0 without labels.
    """

    shares: tuple[Estimate, ...] | None
    reason: str | None = None
    caveats: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    labelled: int = 0


def estimate(value: float, low: float, high: float) -> Estimate:
    """Make an estimate. The interval is widened, if necessary, to contain the value."""
    return Estimate(float(value), float(min(low, value)), float(max(high, value)))


def estimates(values: Floats, low: Floats, high: Floats) -> tuple[Estimate, ...]:
    return tuple(estimate(*ends) for ends in zip(values, low, high, strict=True))


def point(value: float) -> Estimate:
    """Make an estimate without an interval: of a whole set that was counted, and not of where it comes from."""
    return Estimate(value, value, value)


@lru_cache(2**16)
def wilson(count: float, of: float) -> Estimate | None:
    """Return `count / of` with Wilson's score interval (1927); None if `of` is 0."""
    if of <= 0:
        return None
    low, high = proportion_confint(count, of, ALPHA, method="wilson")
    return estimate(count / of, low, high)


def wilson_with_effect(count: float, of: float, design_effect: float, freedom: int | None) -> Estimate | None:
    """Return Wilson's interval for clustered images: at the effective sample size, with Student's quantile.

    `design_effect` is the variance found divided by that of independent images; below 1 it counts as 1. `freedom` is
    the degrees of freedom of that variance; None if it is known, for the normal quantile. Korn and Graubard 1998
    (Survey Methodology 24) shrink the sample so, with Clopper and Pearson's interval; Franco, Little, Louis and Slud
    2019 (J. Survey Statistics and Methodology 7) find Wilson's nearer to its nominal coverage.
    """
    if of <= 0:
        return None
    effective = of / max(1.0, design_effect)
    alpha = 2 * norm.sf(student.isf(ALPHA / 2, freedom)) if freedom is not None else ALPHA
    low, high = proportion_confint(count / of * effective, effective, alpha, method="wilson")
    return estimate(count / of, low, high)


def difference(first: Estimate, second: Estimate) -> Estimate:
    """Return `first` minus `second`, of two independent sets, from their intervals.

    MOVER (Zou and Donner 2008, Statistics in Medicine 27). From two Wilson intervals it is Newcombe's tenth method
    (1998, Statistics in Medicine 17); it serves as well for corrected shares and for distances.
    """
    value = first.value - second.value
    below = np.hypot(first.value - first.low, second.high - second.value)
    above = np.hypot(first.high - first.value, second.value - second.low)
    return estimate(value, value - below, value + above)


def images_needed(half_width: float, design_effect: float = 1.0, answered: float = 1.0) -> int:
    """Return how many images make Wilson's interval at most +-`half_width`, whatever the share.

    It is widest at one half, where its half width is z / (2 sqrt(n + z^2)). `design_effect` is what clusters cost;
    `answered` the share of images on which the judge does not abstain.
    """
    independent = Z**2 / (4 * half_width**2) - Z**2
    return int(np.ceil(max(independent, 1.0) * max(1.0, design_effect) / answered - 1e-9))


def half_width(images: float, share: float = 0.5) -> float | None:
    """Return half the width of Wilson's interval at `share` of `images` images; None without images."""
    found = wilson(share * images, images)
    return found.half_width if found else None


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Apply Holm's correction (1979) to the tests that were made; None stays None.

    The result is that of `statsmodels.stats.multitest.multipletests`, which collects garbage at each call: with torch
    loaded, this takes longer than a whole audit.
    """
    made = np.array([np.nan if p is None else p for p in p_values], dtype=float)
    order = np.argsort(made)  # those that were not made come last
    tests = int((~np.isnan(made)).sum())
    stepped = made[order] * np.maximum(tests - np.arange(len(made)), 1)
    adjusted = np.empty_like(made)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return [None if p is None else float(each) for p, each in zip(p_values, adjusted, strict=True)]


def worth(shares: Sequence[Estimate]) -> float:
    """Return how many independent, correctly judged images would give Wilson intervals as wide as these together."""
    values = np.array([share.value for share in shares])
    wide = sum(share.half_width for share in shares)

    def excess(logarithm: float) -> float:
        images = np.exp(logarithm)
        widths = Z / (1 + Z**2 / images) * np.sqrt(values * (1 - values) / images + Z**2 / (4 * images**2))
        return float(widths.sum() - wide)

    if excess(_LEAST) <= 0:
        return float(np.exp(_LEAST))
    return float(np.exp(brentq(excess, _LEAST, _MOST))) if excess(_MOST) < 0 else float(np.exp(_MOST))


def least_worth(shares: Sequence[Estimate]) -> float:
    """Return how many images would give Wilson intervals of which none is narrower than that of its share here.

    A distance may rest on one value: with three values, the total variation from even shares is often one share less a
    third. If the judge errs most on that value, `worth` would make the interval of the distance too narrow.
    """
    return min(worth([share]) for share in shares)
