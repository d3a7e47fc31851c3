"""How many images a limit takes before it can be shown to hold. Without numpy, so that reading a spec stays fast."""

from collections.abc import Iterator, Sequence
from math import erf, exp, pi, sqrt

_Z = 1.959964
"""The standard normal quantile of 97.5 %: each end of a 95 % interval."""
_MOST = 1 << 40


def images_to_pass(shares: Sequence[float], limit: float) -> int | None:
    """Return about how many images it takes for the interval of a total variation to end below `limit`.

    The images have exactly the target `shares`, which add up to 1. Exact shares count as no nearer to the target than
    half of the samples from the target itself (see `distance.distances`). The interval ends at the distance whose
    samples would show less than that in 2.5 % of cases. Samples are taken to be normal: with few images, the result is
    a little too small.

    Returns:
        None if no number of images is enough: the limit is 0.
    """
    wanted = [share for share in shares if share > 0]
    if limit <= 0:
        return None
    away = list(_shares_at(wanted, limit))

    def suffices(images: int) -> bool:
        by_chance = _mean(wanted, wanted, images)
        return all(_mean(moved, wanted, images) - _Z * spread / sqrt(images) > by_chance for moved, spread in away)

    low, high = 0, 1
    while high < _MOST and not suffices(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high


def _shares_at(wanted: Sequence[float], limit: float) -> Iterator[tuple[list[float], float]]:
    """Shares at the distance `limit`, one value in excess or lacking, with the standard deviation of that value."""
    for index, share in enumerate(wanted):
        for moved in (share + limit, share - limit):
            if 0 <= moved <= 1 and share < 1:
                rest = (1 - moved) / (1 - share)
                yield [moved if place == index else each * rest for place, each in enumerate(wanted)], _spread(moved)


def _mean(shares: Sequence[float], wanted: Sequence[float], images: int) -> float:
    """The mean total variation of samples of `shares` from `wanted`, each share normal."""
    off = zip(shares, wanted, strict=True)
    return sum(_folded(share - target, _spread(share) / sqrt(images)) for share, target in off) / 2


def _spread(share: float) -> float:
    return sqrt(share * (1 - share))


def _folded(mean: float, deviation: float) -> float:
    """The mean of the absolute value of a normal variable."""
    if deviation <= 0:
        return abs(mean)
    ratio = mean / deviation
    return deviation * sqrt(2 / pi) * exp(-(ratio**2) / 2) + mean * erf(ratio / sqrt(2))
