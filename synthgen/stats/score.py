"""Score intervals for a share that is a weighted sum of binomial shares."""

from collections.abc import Sequence

import numpy as np

from synthgen.stats.estimates import Floats, Z

_INNER, _STEPS = 4, 45
"""Sweeps over weights and shares for a multiplier; halvings of its logarithm."""
_ROUNDING = 1e-12
_AT_ONCE = 100_000
"""Hits in memory at a time."""


def weighted_score(
    hits: Floats, looked_at: Floats, size: Floats, spread: Floats | float = 0.0, inflation: Floats | float = 0.0
) -> tuple[Floats, Floats, Floats]:
    """Estimate the share of hits among images, only some of which were looked at, with its score interval.

    The images are divided into strata, and those into cells. Cell c of stratum s has size[s, c] images. A random sample
    of looked_at[s, c] images were looked at, and hits[s, c] of these were hits. The share of stratum s is the sum over
    its cells of size / total * hits / looked_at; strata count by their sizes, which are fixed. The shapes are
    [..., strata, cells]; empty cells have zeros. Numbers need not be whole.

    With one cell, all of which is looked at, this is Wilson's interval. With strata of one cell each, it is the
    stratified score interval. In general it is Rao's score test, inverted: at each share that is tried, the shares of
    the cells and their sizes are those of the greatest likelihood under it, and the variance is theirs. So a cell in
    which none of ten was a hit is not treated as a cell without hits, which is where normal intervals fail. The idea is
    Miettinen and Nurminen's (1985, Statistics in Medicine 4); the model is Tenenbein's double sampling (1970, JASA 65).

    Args:
        spread: variance for each unit of squared distance between a cell's share and the whole's, [..., strata, cells].
        inflation: of the variance of the share itself, for images that come in clusters: the design effect minus 1,
            of the leading shape.

    Returns:
        share, low and high, each of the leading shape.
    """
    size, looked_at = np.broadcast_arrays(size, looked_at)
    full = looked_at > 0
    looked_at = np.where(full, looked_at, 1.0)
    strata = np.maximum(size.sum(-1, keepdims=True), 1e-300)
    images = strata.sum((-1, -2))[..., None, None]
    share_of, weight = size / strata, strata / images
    fraction = np.where(full, looked_at / np.maximum(size, 1e-300), 1.0)
    found = (weight * share_of * np.where(full, hits / looked_at, 0.0)).sum((-1, -2))

    def under(multiplier: Floats) -> tuple[Floats, Floats]:
        """Return the whole share and its variance where the likelihood, less multiplier times share, is greatest."""
        pull = multiplier[..., None, None] * weight
        cells = share_of
        for _ in range(_INNER):
            shares = np.where(full, _pulled(pull * cells, hits, looked_at), 0.0)
            off = shares - (cells * shares).sum(-1, keepdims=True)
            cells = share_of / np.clip(1 + pull * off / strata, 0.1, None)
            cells = cells / np.maximum(cells.sum(-1, keepdims=True), 1e-300)
        shares = np.where(full, _pulled(pull * cells, hits, looked_at), 0.0)
        stratum = (cells * shares).sum(-1, keepdims=True)
        whole = (weight * stratum).sum((-1, -2))
        within = cells * shares * (1 - shares) / fraction + cells * (shares - stratum) ** 2
        variance = (weight**2 * within / strata).sum((-1, -2))
        variance += (spread * (shares - whole[..., None, None]) ** 2).sum((-1, -2))
        return whole, variance + inflation * whole * (1 - whole) / images[..., 0, 0]

    steepest = np.where(full, looked_at / np.maximum(share_of * weight, 1e-300), 0.0).max((-1, -2))
    ends = []
    for side in (1.0, -1.0):  # a positive multiplier pulls the share down
        inside, outside = np.full(found.shape, -16.0), np.full(found.shape, 6.0)
        for _ in range(_STEPS):
            middle = (inside + outside) / 2
            whole, variance = under(side * steepest * np.exp(middle))
            out = np.abs(whole - found) > Z * np.sqrt(variance) + _ROUNDING
            outside, inside = np.where(out, middle, outside), np.where(out, inside, middle)
        ends.append(under(side * steepest * np.exp(inside))[0])
    return found, np.minimum(ends[0], found), np.maximum(ends[1], found)


def weighted_scores(
    cells: Sequence[tuple[Floats, Floats, Floats, Floats]], inflation: Sequence[Floats | float]
) -> list[tuple[Floats, Floats, Floats]]:
    """Compute `weighted_score` in many places, those of equal shapes together: a thousand take no longer than ten did.

    Args:
        cells: of each place, hits [values, strata, cells], and looked_at, size and spread [strata, cells].
        inflation: of each place, and there of each value or of all.

    Returns:
        of each place, share, low and high, [values].
    """
    alike: dict[tuple[int, ...], list[int]] = {}
    for index, (hits, *_) in enumerate(cells):
        alike.setdefault(hits.shape, []).append(index)

    found: dict[int, tuple[Floats, Floats, Floats]] = {}
    for shape, places in alike.items():
        many = max(1, _AT_ONCE // max(1, int(np.prod(shape))))
        for part in (places[start : start + many] for start in range(0, len(places), many)):
            hits = np.stack([cells[index][0] for index in part])
            looked_at, size, spread = (np.stack([cells[index][what] for index in part])[:, None] for what in (1, 2, 3))
            own = np.stack([np.broadcast_to(inflation[index], shape[:1]) for index in part])
            scores = weighted_score(hits, looked_at, size, spread, own)
            found |= {index: (share, low, high) for index, share, low, high in zip(part, *scores, strict=True)}
    return [found[index] for index in range(len(cells))]


def _pulled(pull: Floats, hits: Floats, of: Floats) -> Floats:
    """Return the share r with hits / r - (of - hits) / (1 - r) = pull, where the pulled likelihood is greatest."""
    together = of + pull
    root = np.sqrt(np.maximum(together**2 - 4 * pull * hits, 0.0))
    # Two forms of the same root, each used where it does not cancel.
    down = 2 * hits / np.where(together + root > 0, together + root, 1.0)
    up = (together - root) / np.where(pull < 0, 2 * pull, -1.0)
    return np.clip(np.where(together > 0, down, up), 0.0, 1.0)
