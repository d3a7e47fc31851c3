"""Axes of embeddings along which the images of every class fall into two clusters, found without names for them."""

from dataclasses import dataclass

import numpy as np

from synthgen.stats.estimates import Floats, Ints

_WIDTHS, _STARTS, _STEPS = (6, 9, 12), 48, 15
"""Numbers of principal axes that are whitened, random axes that a fit starts from, and its steps."""
_ROWS_PER_NUMBER, _OF_VIEW, _ALIKE = 12, 30, 0.85
_CLEAR, _TOO_CLEAR, _SIDE = 4.0, 60.0, 0.08
ONE_SIDED, COMPARABLE = 0.05, 0.75
"""Classes with this share of the images have more than that share of theirs on either side; others show their look."""
_CANDIDATES, _MOST, _NEAR, _EXPLAINED = 600, 40, 6, 0.25


@dataclass(frozen=True, slots=True, eq=False)
class TwoSides:
    """A mixture of two normal clusters along each of m axes. Classes differ in their centre and in their shares.

    Attributes:
        axes: [d, m].
        shares: of the upper cluster in each class, [classes, m].
        apart: the distance of the clusters in standard deviations of one (Ashman et al. 1994, Astronomical J. 108).
        upper: the probability that a row is in the upper cluster, [n, m].
    """

    axes: Floats
    shares: Floats
    apart: Floats
    upper: Floats

    def only(self, which: Ints) -> "TwoSides":
        return TwoSides(self.axes[:, which], self.shares[:, which], self.apart[which], self.upper[:, which])


def two_sides(white: Floats, codes: Ints, upper: Floats, steps: int) -> TwoSides:
    """Fit two clusters along each axis by expectation-maximisation (Dempster et al. 1977, JRSS B 39).

    All classes share the clusters' distance and spread. Each has its own centre, so that the look of a class moves
    nothing, and its own shares.

    Args:
        white: rows with mean 0 in every class and the identity as covariance, [n, d].
        upper: where to start: the probability of the upper cluster, [n, m].
    """
    member = indicators(codes)
    images = member.sum(0)
    for _ in range(steps):
        shares = np.clip(member.T @ upper / images[:, None], 1e-3, 1 - 1e-3)
        spread = images / len(white) @ (shares * (1 - shares))
        apart = white.T @ (upper - shares[codes]) / len(white) / spread
        between = np.minimum(spread * (apart**2).sum(0), 0.9995)
        axes = apart / (1 - between)
        squared = (axes * apart).sum(0)
        upper = expit_of(white @ axes + odds(shares, squared)[codes])
    return TwoSides(axes, shares, np.sqrt(squared), upper)


def odds(shares: Floats, squared: Floats) -> Floats:
    """Return the log odds of the upper cluster at the centre of each class; `squared` is the distance squared."""
    found: Floats = (shares - 0.5) * squared + np.log(shares / (1 - shares))
    return found


def find_sides(rows: Floats, codes: Ints, rng: np.random.Generator) -> TwoSides:
    """Search axes with two clusters in rows [n, d] with mean 0 in every class; axes are of these rows.

    Fits start from random axes of the whitened first principal components, cut in every class where the variance
    between both sides is largest. Along the axes found, one cluster has the variance 1.
    """
    values, basis = np.linalg.eigh(rows.T @ rows / len(rows))
    values, basis = values[::-1], basis[:, ::-1]
    most = int(min(len(rows) // _ROWS_PER_NUMBER, (values > 1e-6 * values[0]).sum()))
    found = []
    for width in sorted({min(width, most) for width in _WIDTHS} - {0}):
        onto = basis[:, :width] / np.sqrt(values[:width])
        white = rows @ onto
        axes = np.concatenate([np.eye(width), rng.normal(size=(width, _STARTS))], axis=1)
        fitted = two_sides(white, codes, above_cuts(white @ axes, codes), _STEPS)
        share = fitted.upper.mean(0)
        clear = (fitted.apart > _CLEAR) & (fitted.apart < _TOO_CLEAR) & (share > _SIDE) & (share < 1 - _SIDE)
        of_class = np.bincount(codes) / len(codes)
        on_both = of_class @ ((fitted.shares > ONE_SIDED) & (fitted.shares < 1 - ONE_SIDED))
        fitted = fitted.only(np.flatnonzero(clear & (on_both >= COMPARABLE)))
        fitted = fitted.only(distinct(fitted.upper, fitted.apart, _OF_VIEW, _ALIKE))
        found.append(TwoSides(onto @ fitted.axes / fitted.apart, fitted.shares, fitted.apart, fitted.upper))
    return joined(found, rows, codes)


def joined(found: list[TwoSides], rows: Floats, codes: Ints) -> TwoSides:
    """Join what was found in the same rows, which may be nothing."""
    width = rows.shape[1]
    none = TwoSides(np.zeros((width, 0)), np.zeros((int(codes.max()) + 1, 0)), np.zeros(0), np.zeros((len(rows), 0)))
    whole = (np.concatenate([getattr(each, name) for each in (none, *found)], -1) for name in TwoSides.__slots__)
    return TwoSides(*whole)


def above_cuts(along: Floats, codes: Ints, least: float = 0.05) -> Floats:
    """Tell which rows are above the cut of their own class, 0 or 1: classes with other shares have other centres.

    A class is cut where the variance between both sides is largest (Otsu 1979, IEEE Trans. SMC 9); each side has at
    least this share of its rows.
    """
    found = np.zeros_like(along)
    for code in np.unique(codes):
        own = np.flatnonzero(codes == code)
        found[own] = along[own] > _cut(along[own], least)
    return found


def _cut(along: Floats, least: float) -> Floats:
    ordered = np.sort(along, axis=0)
    many, sums = len(ordered), np.cumsum(ordered, axis=0)
    if many < 2:
        return np.zeros(along.shape[1])
    below = np.arange(1, many)[:, None]
    between = below * (many - below) / many**2 * (sums[:-1] / below - (sums[-1] - sums[:-1]) / (many - below)) ** 2
    edge = int(many * least)
    between[:edge] = between[many - 1 - edge :] = 0
    best, columns = between.argmax(0), np.arange(along.shape[1])
    found: Floats = (ordered[best, columns] + ordered[best + 1, columns]) / 2
    return found


def distinct(sides: Floats, worth: Floats, most: int, alike: float) -> Ints:
    """Choose the columns of most worth so that no two correlate more than `alike`."""
    unit = sides - sides.mean(0)
    unit = unit / np.maximum(np.linalg.norm(unit, axis=0), 1e-12)
    left = np.argsort(-worth, kind="stable")
    kept: list[int] = []
    while len(left) and len(kept) < most:
        kept.append(int(left[0]))
        left = left[np.abs(unit[:, left[0]] @ unit[:, left]) < alike]
    return np.array(kept, dtype=np.int64)


def simple(upper: Floats, apart: Floats, codes: Ints) -> Ints:
    """Choose the clearest sides, without those that clearer ones explain.

    Two clusters may be combinations of several, such as some of five colours against the others. A class may then be
    cut in another place than the next, so that their shares differ and nothing else does. Such sides are explained by
    the clusters that they combine, which are clearer.
    """
    kept: list[int] = []
    for column in distinct(upper, apart, _CANDIDATES, _ALIKE).tolist():
        if not is_explained(upper[:, kept], upper[:, column], codes):
            kept.append(column)
        if len(kept) == _MOST:
            break
    return np.array(kept, dtype=np.int64)


def is_explained(others: Floats, side: Floats, codes: Ints) -> bool:
    """Tell whether the most associated of other sides, in each class by itself or in pairs, explain a side."""
    if not others.shape[1]:
        return False
    member, own, centre = indicators(codes), centred(side[:, None], codes), centred(others, codes)
    together = (member * own).T @ centre
    alone = np.sqrt(
        np.maximum(np.outer(member.T @ own[:, 0] ** 2, np.ones(others.shape[1])) * (member.T @ centre**2), 1e-9)
    )
    near = np.argsort(-((together / alone) ** 2).mean(0), kind="stable")[:_NEAR]
    first, second = np.triu_indices(len(near), 1)
    by_class = (member[:, :, None] * centre[:, None, near]).reshape(len(codes), -1)
    in_pairs = np.concatenate([centre[:, near], centre[:, near[first]] * centre[:, near[second]]], axis=1)
    terms = ((np.concatenate([member, each], axis=1)) for each in (by_class, in_pairs))
    return any(explained(each, side[:, None], codes)[0] >= _EXPLAINED for each in terms)


def explained(terms: Floats, sides: Floats, codes: Ints, ridge: float = 1e-3) -> Floats:
    """Return the share of the variance of sides within classes that terms explain in rows left out, by ridge.

    Each row is left out in turn (Allen 1974, Technometrics 16: PRESS). Below 0 if they explain nothing.
    """
    rows, width = terms.shape
    onto = np.linalg.solve(terms.T @ terms + ridge * rows * np.eye(width), terms.T)
    weight = np.einsum("nk,kn->n", terms, onto)
    left = (sides - terms @ (onto @ sides)) / np.maximum(1 - weight, 1e-9)[:, None]
    found: Floats = 1 - (left**2).sum(0) / np.maximum((centred(sides, codes) ** 2).sum(0), 1e-12)
    return found


def expit_of(log_odds: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-np.clip(log_odds, -40, 40)))
    return found


def indicators(codes: Ints) -> Floats:
    return np.eye(int(codes.max()) + 1)[codes]


def centred(rows: Floats, codes: Ints) -> Floats:
    """Subtract from each row the mean of its class."""
    member = indicators(codes)
    found: Floats = rows - (member.T @ rows / np.maximum(member.sum(0), 1)[:, None])[codes]
    return found
