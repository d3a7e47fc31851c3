"""How many good ones a threshold loses: exact one-sided bounds."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

LEVEL = 0.95
"""The confidence of each bound, one-sided."""


def most_lost(lost: int, seen: int, level: float = LEVEL) -> float:
    """Return the upper bound of Clopper and Pearson (1934, Biometrika 26) on a share: `lost` of `seen`; 1 without any.

    Example:
        >>> from synthgen.stats.loss import most_lost
        >>> round(most_lost(0, 29), 3)
        0.098
    """
    return 1.0 if lost >= seen else float(betaincinv(lost + 1, seen - lost, level))


def safe_threshold(scores: Sequence[float] | NDArray[np.float64], keep: float, level: float = LEVEL) -> float | None:
    """Return the highest threshold below which no more than 1 - keep of the good ones lie, by the bound.

    It is one of the scores, which are of good ones and out of sample. That a threshold is chosen by them does not spoil
    the bound: below the score of rank m + 1 lies a share with the distribution Beta(m + 1, n - m), whatever that of
    the scores is (Wilks 1941, Annals of Mathematical Statistics 12), and that is Clopper and Pearson's for m lost of n.

    Returns:
        None if there are too few for any.

    Example:
        >>> from synthgen.stats.loss import safe_threshold
        >>> safe_threshold([number / 100 for number in range(100)], keep=0.9)
        0.04
        >>> safe_threshold([0.5] * 20, keep=0.9) is None
        True
    """
    ordered = np.sort(np.asarray(scores, dtype=np.float64))
    lost = -1
    while lost + 1 < len(ordered) and most_lost(lost + 1, len(ordered), level) <= 1 - keep:
        lost += 1
    return float(ordered[lost]) if lost >= 0 else None
