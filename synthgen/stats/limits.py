"""Tests of a limit: how likely a figure as far beyond it is by chance, if the truth keeps the limit."""

import numpy as np
from scipy.special import betainc
from scipy.stats import norm
from scipy.stats import t as student

from synthgen.stats.distance import FUNCTIONS, SAME, Distance, directions, path, samples, sizes_of
from synthgen.stats.estimates import ALPHA, Estimate, Floats

LEVEL = ALPHA / 2
"""The one-sided level of a test: that of each end of a 95 % interval."""
_FEWEST, _EACH, _CELLS = 10_000, 50, 4_000_000
"""Samples drawn in a test, at least; for each of the tests that are made together; and numbers in memory at a time."""
_ENOUGH = 50
"""After so many samples as extreme as the figure, its p-value is known well enough."""
_HALVINGS = 40


def share_beyond(found: Estimate, limit: float, most: bool, freedom: int | None = None, tests: int = 1) -> float:
    """Test whether a share keeps its limit: a one-sided p-value, in 0..1.

    A single test is the score test. The number of images is that of the score interval with the end which `found` has
    on the side of the limit; for Wilson's interval, this is the number of images itself. With `freedom`, that interval
    has Student's quantile.

    Where several are made together, small p-values decide, for which the score test is wrong: with 150 images and a
    share of 3 %, it rejects eight times as often as it should at the level of 0.00025, which is Holm's for 100
    classes. So each is then an exact binomial test, that of Clopper and Pearson (1934, Biometrika 26), with the same
    number of images. It need not be whole, as with Korn and Graubard (1998, Survey Methodology 24). With `freedom`,
    the larger p-value of both tests counts.

    Args:
        most: whether `limit` is an upper limit.
        freedom: degrees of freedom of the variance of images with common prompts; None if the images are independent.
        tests: how many are made together.
    """
    value, end = (found.value, found.low) if most else (1 - found.value, 1 - found.high)
    limit = limit if most else 1 - limit
    if value <= limit:
        return 1.0
    if limit <= 0:
        return 0.0 if end > 0 else 1.0
    quantile = student.isf(LEVEL, freedom) if freedom else norm.isf(LEVEL)
    if value - end <= SAME:
        return 0.0
    images = quantile**2 * end * (1 - end) / (value - end) ** 2
    score = (value - limit) * np.sqrt(images / (limit * (1 - limit)))
    by_score = float(student.sf(score, freedom) if freedom else norm.sf(score))
    if tests < 2:
        return by_score
    exact = float(betainc(value * images, (1 - value) * images + 1, limit))
    return max(exact, by_score) if freedom else exact


def distance_beyond(
    found: Distance, shares: Floats, wanted: Floats, limit: float, most: bool, rng: np.random.Generator, tests: int = 1
) -> float:
    """Test whether a distance keeps its limit: the one-sided p-value of a Monte-Carlo test, in 0..1.

    Samples are drawn from shares at the limit. They lie between the reference and the shares found; for a limit that
    the distance should exceed, the worst of three directions counts.

    Args:
        shares, wanted: those that `found` was measured from, and the reference: float [values].
        most: whether `limit` is an upper limit of the measure itself.
        tests: how many are made together: the more there are, the smaller the p-values that matter.
    """
    sign = -1.0 if found.measure.falls else 1.0
    is_upper, limit = most == (sign > 0), sign * limit
    both = 1 / (1 / max(found.images, 1.0) + (1 / found.reference_images if found.reference_images else 0))
    ways = directions(shares, wanted, both)
    p_values = []
    for way in ways[:1] if is_upper else ways:
        at_limit = _at(limit, path(wanted, way, 0.5, 0.5), wanted, found)
        if at_limit is not None:
            p_values.append(_p_value(found, at_limit, shares, wanted, is_upper, rng, max(_FEWEST, _EACH * tests)))
    # Where no shares are as far as the limit, an upper limit is always kept, and a lower one never.
    return max(p_values, default=1.0 if is_upper else 0.0)


def _at(limit: float, tried: Floats, wanted: Floats, found: Distance) -> Floats | None:
    """Return the shares along a path whose distance is the limit; None if the whole path is nearer."""
    sign = -1.0 if found.measure.falls else 1.0

    def distance(shares: Floats) -> float:
        return sign * float(FUNCTIONS[found.measure](shares, wanted))

    beyond = next((index for index, shares in enumerate(tried) if distance(shares) > limit), None)
    if beyond is None:
        return None
    inside: Floats = tried[max(beyond - 1, 0)]
    outside: Floats = tried[beyond]
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if distance(middle) > limit else (middle, outside)
    return inside


def _p_value(
    found: Distance,
    at_limit: Floats,
    shares: Floats,
    wanted: Floats,
    is_upper: bool,
    rng: np.random.Generator,
    many: int,
) -> float:
    sign = -1.0 if found.measure.falls else 1.0
    value, sizes = sign * found.found.value, sizes_of(shares, found.images)
    piece = max(1, min(_FEWEST, _CELLS // len(wanted)))
    drawn = extreme = 0
    while drawn < many and extreme < _ENOUGH:
        seen = sign * FUNCTIONS[found.measure](
            *samples(at_limit[None], wanted, sizes, found.reference_images, piece, rng)
        )
        extreme += int(((seen >= value - SAME) if is_upper else (seen <= value + SAME)).sum())
        drawn += piece
    return (1 + extreme) / (1 + drawn)
