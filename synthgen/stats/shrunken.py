"""Rates of several groups together: those of small groups are drawn towards the rate of all."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq
from scipy.special import betaln
from scipy.stats import beta

from synthgen.stats.estimates import ALPHA, Estimate, Floats, estimate

_STEPS = 50


def shrunken_rates(hits: Sequence[float], of: Sequence[int]) -> tuple[Estimate, ...]:
    """Return the rate of each group with its 95 % interval.

    Rates are beta around that of all together, `rate_of_all`, which is taken as known.
    How much they differ is not known. The share of a group of usual size that the rate of all has in its mean is
    uniform beforehand: the uniform shrinkage prior (Daniels 1999, Canadian Journal of Statistics 27). It is integrated
    out, so that groups are never drawn together wholly, however few there are. A group without images has the rate of
    all. Hits may be fractions, of images that were right at some times: as variances go, this errs on the wide side.
    """
    counts, sizes = np.asarray(hits, dtype=np.float64), np.asarray(of, dtype=np.float64)
    rate = rate_of_all(float(counts.sum()), int(sizes.sum()))
    drawn = (np.arange(_STEPS) + 0.5) / _STEPS
    usual = max(float(sizes[sizes > 0].mean()) if sizes.any() else 1.0, 1.0)
    prior = usual * drawn / (1 - drawn)  # images that the rate of all is worth

    first, second = counts[:, None] + prior * rate, (sizes - counts)[:, None] + prior * (1 - rate)
    likelihood = (_log_beta(first, second) - _log_beta(prior * rate, prior * (1 - rate))).sum(0)
    weights = np.exp(likelihood - likelihood.max())
    weights /= weights.sum()
    return tuple(_mixed(*each, weights) for each in zip(first, second, strict=True))


def rate_of_all(hits: float, of: int) -> float:
    """Return the mean of Jeffreys' posterior, which adds half a hit and half a miss: never 0 or 1."""
    return (hits + 0.5) / (of + 1)


def _log_beta(first: Floats, second: Floats) -> Floats:
    found: Floats = betaln(first, second)
    return found


def _mixed(first: Floats, second: Floats, weights: Floats) -> Estimate:
    """Return mean and interval of a mixture of beta distributions."""

    def end(share: float) -> float:
        return float(brentq(lambda rate: float(weights @ beta.cdf(rate, first, second)) - share, 0.0, 1.0))

    mean = float(weights @ (first / (first + second)))
    return estimate(mean, end(ALPHA / 2), end(1 - ALPHA / 2))
