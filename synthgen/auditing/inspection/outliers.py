"""Images that are unlike the others: in size, in shape, and in the picture itself."""

import numpy as np
from numpy.typing import NDArray

from synthgen.stats.estimates import Floats

FENCE = 3.0
"""Beyond the quartiles by this many times their distance, a value is far out (Tukey 1977)."""
SIZE_FACTOR, ASPECT_FACTOR = 2.0, 2.9
"""An odd size or aspect ratio also differs from the median by this factor."""
FEWEST, _NEIGHBOUR, _DRAWN, _AT_ONCE = 20, 3, 1000, 2048
_LEAST = 0.02
"""Pictures that differ by less are alike, however alike the others are. Of the range of a channel."""


def odd(values: Floats, factor: float) -> NDArray[np.bool_]:
    """Tell which positive values differ much from the median: by this factor, and far out among the others."""
    if not len(values):
        return np.zeros(0, dtype=bool)
    logs = np.log2(values)
    low, middle, high = np.quantile(logs, [0.25, 0.5, 0.75])
    far: NDArray[np.bool_] = np.abs(logs - middle) > max(np.log2(factor), FENCE * (high - low)) + 1e-9
    return far


def unlikeness(tiny: NDArray[np.uint8], classes: NDArray[np.int64], seed: int) -> tuple[Floats, Floats]:
    """Return how far each image is from those of its class, and how far it would have to be to count as unlike them.

    The distance is that to the third nearest image (Ramaswamy, Rastogi and Shim 2000) among 1,000 of its class drawn at
    random, between pictures of 8 x 8 pixels: the root mean square of the channels' differences, 0..1. The limit is
    Tukey's outer fence of these distances in the class; infinite in a class of fewer than 20 images.

    Args:
        tiny: uint8 [n, 192].
    """
    far, limit = np.zeros(len(tiny)), np.full(len(tiny), np.inf)
    for number, kind in enumerate(np.unique(classes)):
        places = np.flatnonzero(classes == kind)
        if len(places) < FEWEST:
            continue
        rng = np.random.default_rng([seed, 11, number])
        drawn = np.sort(rng.choice(places, min(len(places), _DRAWN), replace=False))
        far[places] = _third(tiny, places, drawn)
        low, high = np.quantile(far[places], [0.25, 0.75])
        limit[places] = max(high + FENCE * (high - low), _LEAST)
    return far, limit


def _third(tiny: NDArray[np.uint8], places: NDArray[np.int64], drawn: NDArray[np.int64]) -> Floats:
    """Return the distance of each image to the third nearest of the drawn ones, itself not counted."""
    others = tiny[drawn].astype(np.float32) / 255
    squares = (others**2).mean(1)
    found = []
    for begin in range(0, len(places), _AT_ONCE):
        here = places[begin : begin + _AT_ONCE]
        own = tiny[here].astype(np.float32) / 255
        squared = (own**2).mean(1)[:, None] + squares - 2 / own.shape[1] * (own @ others.T)
        squared[here[:, None] == drawn] = np.inf
        found.append(np.partition(squared, _NEIGHBOUR - 1, axis=1)[:, _NEIGHBOUR - 1])
    apart: Floats = np.sqrt(np.maximum(np.concatenate(found), 0.0)).astype(np.float64)
    return apart
