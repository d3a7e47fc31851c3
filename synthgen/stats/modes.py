"""Axes of embeddings along which the images of every class fall into two clusters, found without names for them.

Embeddings hold few large modes, such as backgrounds, and many small ones. Small ones appear only where large ones are
removed, together with what they do in pairs. So axes are searched in rounds: whiten, look for axes with two clusters
(projection pursuit, Huber 1985, Annals of Statistics 13), remove the largest of them, repeat.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthgen.stats.estimates import Floats, Ints

ROUNDS, WIDTHS, STARTS = 5, (10, 20, 35), 300
"""Rounds of the search; the numbers of principal axes that it whitens in each; and from how many axes it starts."""
_SEARCHED, _FITTED = 1500, 6000
"""Rows that a search, and a fit of what it found, use at most."""
_KEPT, _STRONG, _MOST_STRONG, _CLEAR = 25, 8, 24, 5.2
_ROWS_PER_NUMBER = 12


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


@dataclass(frozen=True, slots=True, eq=False)
class _Round:
    """What one round found, and how to remove its strong modes from other rows.

    Attributes:
        axes: found, [d, m].
        strong, cuts: axes of the strong modes and where they are cut; none in the last round.
        means: of all strong splits so far.
        effect: what these splits and their pairs add to rows, [splits and pairs, d].
    """

    axes: Floats
    strong: Floats
    cuts: Floats
    means: Floats
    effect: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Modes:
    """Axes with two clusters, found in some rows, for use on others.

    Attributes:
        number: the round in which each axis was found, [m].
        upper: as in `TwoSides`, of the rows in which they were found: the rows `fitted`, [fitted, m].
        splits: of these rows by the strong modes, [fitted, splits].
    """

    rounds: tuple[_Round, ...]
    number: Ints
    fitted: Ints
    upper: Floats
    splits: Floats

    def along(self, rows: Floats, codes: Ints) -> tuple[Floats, Floats]:
        """Place other rows on the axes: [n, m], and split them by the strong modes: [n, splits]."""
        left, splits, found = rows, np.zeros((len(rows), 0)), []
        for each in self.rounds:
            left = centred(left, codes)
            found.append(left @ each.axes)
            if each.strong.shape[1]:
                splits = np.concatenate([splits, left @ each.strong > each.cuts], axis=1)
                left = rows - _pairs(splits - each.means)[:, : len(each.effect)] @ each.effect
        return np.concatenate(found, axis=1), splits


def find_modes(rows: Floats, codes: Ints, rng: np.random.Generator, *, clear: bool) -> Modes:
    """Search axes with two clusters in rows [n, d] of classes `codes`; every class has rows.

    Args:
        clear: remove the modes with the clearest clusters after each round, instead of those that explain most.
    """
    fitted = np.sort(rng.permutation(len(rows))[:_FITTED])
    rows, codes = rows[fitted], codes[fitted]
    rounds: list[_Round] = []
    uppers: list[Floats] = []
    left, splits = rows, np.zeros((len(rows), 0))
    for _ in range(ROUNDS):
        left = centred(left, codes)
        found = _search(left, codes, rng)
        strong = _strong(left, found, clear) if splits.shape[1] < _MOST_STRONG else np.zeros(0, dtype=np.int64)
        axes = found.axes[:, strong]
        along = left @ axes
        cuts = cut(along, 0.05)[0] if len(strong) else np.zeros(0)
        splits = np.concatenate([splits, along > cuts], axis=1)
        means = splits.mean(0)
        pairs = _pairs(splits - means)[:, : max(splits.shape[1], len(rows) // 6)]
        effect = _ridge(pairs, rows) if len(strong) else np.zeros((0, rows.shape[1]))
        rounds.append(_Round(found.axes, axes, cuts, means, effect))
        uppers.append(found.upper)
        if not len(strong):
            break
        left = rows - pairs @ effect
    number = np.repeat(np.arange(len(uppers)), [each.shape[1] for each in uppers])
    return Modes(tuple(rounds), number, fitted, np.concatenate(uppers, axis=1), splits)


def two_sides(white: Floats, codes: Ints, upper: Floats, steps: int = 25) -> TwoSides:
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
        between = np.minimum(spread * (apart**2).sum(0), 0.995)
        axes = apart / (1 - between)
        squared = (axes * apart).sum(0)
        upper = expit_of(white @ axes + ((shares - 0.5) * squared + np.log(shares / (1 - shares)))[codes])
    return TwoSides(axes, shares, np.sqrt(squared), upper)


def principal(views: Sequence[Floats], most: int = 100) -> Floats:
    """Join several embeddings of the same images, each by its first principal components: [n, d]."""
    found = []
    for view in views:
        rows = np.asarray(view, dtype=np.float64) - np.mean(view, axis=0)
        found.append(rows @ np.linalg.eigh(rows.T @ rows)[1][:, ::-1][:, :most])
    return np.concatenate(found, axis=1)


def expit_of(odds: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-np.clip(odds, -40, 40)))
    return found


def indicators(codes: Ints) -> Floats:
    return np.eye(int(codes.max()) + 1)[codes]


def centred(rows: Floats, codes: Ints) -> Floats:
    """Subtract from each row the mean of its class."""
    member = indicators(codes)
    found: Floats = rows - (member.T @ rows / np.maximum(member.sum(0), 1)[:, None])[codes]
    return found


def _search(rows: Floats, codes: Ints, rng: np.random.Generator) -> TwoSides:
    """Find distinct axes with two clusters, those that explain most of the whitened spread first."""
    values, basis = np.linalg.eigh(rows.T @ rows / len(rows))
    values, basis = values[::-1], basis[:, ::-1]
    most = int(min(len(rows) // _ROWS_PER_NUMBER, (values > 1e-9 * values[0]).sum()))
    some = rng.permutation(len(rows))[:_SEARCHED]
    found = []
    for width in sorted({min(width, most) for width in WIDTHS}):
        onto = basis[:, :width] / np.sqrt(values[:width])
        white = rows @ onto
        axes = _splitting(white[some], rng)
        along = white @ axes
        cuts, explained = cut(along[some])
        kept = distinct(along[some] > cuts, explained, 30, 0.8)
        each = two_sides(white, codes, above_cuts(along[:, kept], codes))
        found.append(TwoSides(onto @ each.axes, each.shares, each.apart, each.upper))
    whole = TwoSides(*(np.concatenate([getattr(each, name) for each in found], axis=-1) for name in TwoSides.__slots__))
    share = whole.upper.mean(0)
    clear = whole.only(np.flatnonzero((share > 0.08) & (share < 0.92) & (whole.apart > 2.2)))
    return clear.only(distinct(clear.upper, clear.apart, _KEPT, 0.7))


def _splitting(white: Floats, rng: np.random.Generator, steps: int = 10) -> Floats:
    """Turn random axes towards ones that two clusters explain well: 2-means of one dimension (Otsu 1979), in turns."""
    width = white.shape[1]
    axes = np.concatenate([np.eye(width), rng.normal(size=(width, max(0, STARTS - width)))], axis=1)
    axes /= np.linalg.norm(axes, axis=0)
    for _ in range(steps):
        along = white @ axes
        above = (along > cut(along)[0]).astype(float)
        axes = white.T @ (above - above.mean(0))
        axes /= np.maximum(np.linalg.norm(axes, axis=0), 1e-12)
    return axes


def cut(along: Floats, least: float = 0.1) -> tuple[Floats, Floats]:
    """Cut each column where the variance between both sides is largest; each side has at least this share of rows.

    Returns:
        The cuts and the variances, [m].
    """
    ordered = np.sort(along, axis=0)
    many, sums = len(ordered), np.cumsum(ordered, axis=0)
    below = np.arange(1, many)[:, None]
    between = below * (many - below) / many**2 * (sums[:-1] / below - (sums[-1] - sums[:-1]) / (many - below)) ** 2
    edge = int(many * least)
    between[:edge] = between[many - 1 - edge :] = 0
    best, columns = between.argmax(0), np.arange(along.shape[1])
    return (ordered[best, columns] + ordered[best + 1, columns]) / 2, between[best, columns]


def above_cuts(along: Floats, codes: Ints) -> Floats:
    """Tell which rows are above the cut of their own class, 0 or 1: classes with other shares have other centres."""
    found = np.zeros_like(along)
    for code in np.unique(codes):
        own = codes == code
        found[own] = along[own] > cut(along[own], 0.05)[0]
    return found


def distinct(sides: Floats, worth: Floats, most: int, alike: float) -> Ints:
    """Choose the columns of most worth so that no two correlate more than `alike`."""
    if not sides.shape[1]:
        return np.zeros(0, dtype=np.int64)
    unit = sides - sides.mean(0)
    unit = unit / np.maximum(np.linalg.norm(unit, axis=0), 1e-12)
    together = np.abs(unit.T @ unit)
    kept: list[int] = []
    for column in np.argsort(-worth, kind="stable"):
        if len(kept) < most and (together[column, kept] < alike).all():
            kept.append(int(column))
    return np.array(kept, dtype=np.int64)


def _strong(rows: Floats, found: TwoSides, clear: bool, least: float = 0.02) -> Ints:
    """Choose the modes to remove: the clearest, or those that explain at least this share of the spread of rows."""
    if clear or not found.axes.shape[1]:
        return np.flatnonzero(found.apart > _CLEAR)[:_STRONG]  # `found` is in this order
    share = found.upper.mean(0)
    spread = share * (1 - share)
    explained = ((rows.T @ (found.upper - share) / len(rows)) ** 2).sum(0) / spread / ((rows**2).sum() / len(rows))
    order = np.argsort(-explained, kind="stable")
    return order[(explained[order] > least) & (found.apart[order] > 2.5)][:_STRONG]


def _pairs(splits: Floats) -> Floats:
    """Return centred splits, and the products of every two of them."""
    first, second = np.triu_indices(splits.shape[1], 1)
    return np.concatenate([splits, splits[:, first] * splits[:, second]], axis=1)


def _ridge(given: Floats, rows: Floats) -> Floats:
    """Return the coefficients of rows on `given`, shrunk a little."""
    found: Floats = np.linalg.solve(given.T @ given + 1e-4 * len(rows) * np.eye(given.shape[1]), given.T @ rows)
    return found


def explained_by(given: Floats, sides: Floats, new: Floats) -> Floats:
    """Predict `sides` of new rows from what explains them in others, by ridge regression."""
    found: Floats = new @ np.linalg.solve(given.T @ given + 5e-3 * len(given) * np.eye(given.shape[1]), given.T @ sides)
    return found
