"""Splits of images that nobody declared, and whether classes differ in them: searched in one half, tested in the other.

A class always differs from another in its own look, which is no attribute. So classes are compared only in the shares
of two clusters that lie equally far apart in each of them, wherever the class itself lies.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import chi2, false_discovery_control

from synthgen.stats.estimates import ALPHA, Estimate, Floats, Ints, estimate
from synthgen.stats.modes import (
    Modes,
    above_cuts,
    centred,
    distinct,
    expit_of,
    explained_by,
    find_modes,
    indicators,
    two_sides,
)
from synthgen.stats.search import Flags

LEAST_ROWS, LEAST_OF_CLASS = 300, 40
"""Rows of a half, and of a class in it, that a search needs."""
_DRAWS, _BINS = 100, 80
_APART, _PLAIN, _APART_OF_CLASS, _STRETCH = 3.0, 8.0, 2.5, 0.3
_ONE_SIDED, _EXPLAINED, _SAME = 0.03, 0.2, 0.7
_SCOPES = 24


@dataclass(frozen=True, slots=True)
class ClassShare:
    """The share of a class on the upper side.

    Attributes:
        code: of the class.
        comparable: whether its two clusters lie as far apart as those of all classes, so that it is compared.
    """

    code: int
    images: int
    share: Estimate
    comparable: bool


@dataclass(frozen=True, slots=True, eq=False)
class FoundSplit:
    """Two clusters of images along an axis, with the test whether comparable classes differ in their shares.

    Attributes:
        within: the attribute and the value that all these images have, as numbers; None if it is all images.
        apart: the distance of the clusters in standard deviations of one.
        p_value: of Cochran's Q on the shares.
        adjusted: by Benjamini and Yekutieli over all tested splits.
        rows: the images of the half that tested, [n].
        upper: the probability that an image is on the upper side, [n].
    """

    within: tuple[int, int] | None
    apart: float
    p_value: float
    adjusted: float
    shares: tuple[ClassShare, ...]
    rows: Ints
    upper: Floats


@dataclass(frozen=True, slots=True, eq=False)
class SplitSearch:
    """What was found.

    Attributes:
        searched: the scopes that were searched.
        tested: the splits that were tested.
        found: those beyond chance, without repetitions, the surest first.
    """

    searched: int
    tested: int
    found: tuple[FoundSplit, ...]


def find_splits(rows: Floats, codes: Ints, declared: Sequence[Ints], groups: Ints, seed: int = 0) -> SplitSearch:
    """Find splits of n images with embeddings float [n, d] that are associated with class and with nothing declared.

    All images are searched together, and those of each value of each attribute by themselves: a small thing looks
    different beside another value.

    Args:
        declared: for each attribute, a code of the value of each image, [n]; any number where there is none.
        groups: images with one number depend on each other, and stay in one half, [n].
    """
    names, group = np.unique(groups, return_inverse=True)
    first = (np.random.default_rng([seed, *b"halves"]).random(len(names)) < 0.5)[group]
    scopes = list(_scopes(codes, declared, first))
    tested: list[FoundSplit] = []
    for number, (within, members) in enumerate(scopes):
        rng = np.random.default_rng([seed, *b"splits", number])
        own = np.unique(codes[members], return_inverse=True)
        found = _splits(rows[members], own, [each[members] for each in declared], group[members], first[members], rng)
        tested += [replace(each, within=within, rows=members[each.rows]) for each in found]
    if not tested:
        return SplitSearch(len(scopes), 0, ())
    adjusted = false_discovery_control([each.p_value for each in tested], method="by")
    sure = [replace(each, adjusted=float(p)) for each, p in zip(tested, adjusted, strict=True) if p <= ALPHA]
    return SplitSearch(len(scopes), len(tested), tuple(_without_repetitions(sure, len(rows))))


def _scopes(codes: Ints, declared: Sequence[Ints], first: Flags) -> Iterator[tuple[tuple[int, int] | None, Ints]]:
    """Yield the images that are searched together, where enough of two classes are in both halves."""
    values = [(each, value) for each, of in enumerate(declared) for value in np.unique(of[of >= 0]).tolist()]
    for within in [None, *values[:_SCOPES]]:
        there = np.ones(len(codes), dtype=bool) if within is None else declared[within[0]] == within[1]
        halves = [np.bincount(codes[there & half], minlength=int(codes.max()) + 1) for half in (first, ~first)]
        large = np.minimum(*halves) >= LEAST_OF_CLASS
        members = np.flatnonzero(there & large[codes])
        if large.sum() >= 2 and min(first[members].sum(), (~first[members]).sum()) >= LEAST_ROWS:
            yield within, members


def _splits(
    rows: Floats,
    classes: tuple[Ints, Ints],
    declared: Sequence[Ints],
    groups: Ints,
    first: Flags,
    rng: np.random.Generator,
) -> Iterator[FoundSplit]:
    """Search splits in the first half of the images of a scope, and test them in the other."""
    names, codes = classes
    one, other = np.flatnonzero(first), np.flatnonzero(~first)
    seen, unseen = (_undeclared(rows[half], codes[half], [each[half] for each in declared]) for half in (one, other))
    modes = [find_modes(seen, codes[one], rng, clear=clear) for clear in (True, False)]
    if not sum(len(each.number) for each in modes):
        return
    along, splits = zip(*(each.along(unseen, codes[other]) for each in modes), strict=True)
    number = np.concatenate([each.number for each in modes])
    upper = np.concatenate([each.upper for each in modes], axis=1)
    places = np.concatenate(along, axis=1)

    known = [_Strong(each, codes[one], split, codes[other]) for each, split in zip(modes, splits, strict=True)]
    for column in np.sort(distinct(upper, -number.astype(float), upper.shape[1], 0.85)):
        tested = _tested(places[:, column], codes[other], groups[other], rng)
        if tested is None or tested.apart < _APART:
            continue
        unclear = number[column] > 0 or tested.apart < _PLAIN
        if unclear and max(each.explain(upper[:, column], tested.upper) for each in known) > _EXPLAINED:
            continue
        shares = tuple(replace(each, code=int(names[each.code])) for each in tested.shares)
        yield replace(tested, shares=shares, rows=other)


def _undeclared(rows: Floats, codes: Ints, declared: Sequence[Ints]) -> Floats:
    """Remove from rows the mean of their class, and that of each declared value in it."""
    for values in declared:
        _, cell = np.unique(np.stack([codes, values]), axis=1, return_inverse=True)
        rows = centred(rows, cell.ravel())
    return centred(rows, codes)


class _Strong:
    """The strong modes of a scope: whether a split of it is only a combination of these, which may differ by class.

    Args:
        codes, splits: the class and the strong modes of the rows that were searched, and of those that test.
    """

    def __init__(self, modes: Modes, searched: Ints, splits: Floats, codes: Ints) -> None:
        means = modes.splits.mean(0)
        self._searched, self._codes = searched[modes.fitted], codes
        self._splits, self._new = modes.splits - means, splits - means

    def explain(self, upper: Floats, there: Floats) -> float:
        """Return the share of a split's variance within classes that they explain in the rows that test.

        A strong mode does not explain itself.
        """
        others = np.array([_alike(upper, each) < _SAME for each in self._splits.T], dtype=bool)
        given = _terms(self._splits[:, others], self._searched)
        expected = explained_by(given, upper[:, None], _terms(self._new[:, others], self._codes))
        left = centred(there[:, None] - expected, self._codes)
        return 1 - float((left**2).sum() / max((centred(there[:, None], self._codes) ** 2).sum(), 1e-12))


def _terms(splits: Floats, codes: Ints) -> Floats:
    member = indicators(codes)
    first, second = np.triu_indices(splits.shape[1], 1)
    by_class = (member[:, :, None] * splits[:, None, :]).reshape(len(codes), -1)
    return np.concatenate([member, splits, splits[:, first] * splits[:, second], by_class], axis=1)


def _tested(along: Floats, codes: Ints, groups: Ints, rng: np.random.Generator) -> FoundSplit | None:
    """Compare the shares of the two clusters in the classes where these are equally far apart.

    Shares vary as in a bootstrap of groups with Poisson weights; Cochran (1954, Biometrics 10) compares them.
    None if fewer than two classes can be compared.
    """
    along = centred(along[:, None], codes)
    along = along / max(float(along.std()), 1e-12)
    sides = two_sides(along, codes, above_cuts(along, codes), 60)
    spread = (np.bincount(codes) / len(codes)) @ (sides.shares * (1 - sides.shares))
    deviation = float(1 / np.sqrt(1 + spread[0] * sides.apart[0] ** 2))
    distance = float(sides.apart[0]) * deviation

    edges = np.linspace(*np.quantile(along, (0.001, 0.999)), _BINS + 1)
    bins = np.clip(np.digitize(along[:, 0], edges) - 1, 0, _BINS - 1)
    middle = (edges[1:] + edges[:-1]) / 2
    found = []
    for code in range(sides.shares.shape[0]):
        own = np.flatnonzero(codes == code)
        drawn = _drawn(bins[own], groups[own], rng)
        share, apart, clear = _in_class(middle, drawn, float(sides.shares[code, 0]), distance, deviation)
        error = max(float(share[1:].std()), float(np.sqrt(share[0] * (1 - share[0]) / len(own))))
        two_sided = _ONE_SIDED < share[0] < 1 - _ONE_SIDED
        comparable = two_sided and clear > _APART_OF_CLASS and abs(np.log(apart / distance)) < _STRETCH
        found.append((float(share[0]), error, comparable, len(own)))
    share, error, comparable = (np.array(column) for column in list(zip(*found, strict=True))[:3])
    if comparable.sum() < 2:
        return None

    weight = 1 / error[comparable] ** 2
    mean = (weight * share[comparable]).sum() / weight.sum()
    q = float((weight * (share[comparable] - mean) ** 2).sum())
    shares = tuple(
        ClassShare(
            code, many, estimate(value, max(0.0, value - 1.96 * wide), min(1.0, value + 1.96 * wide)), bool(same)
        )
        for code, (value, wide, same, many) in enumerate(found)
    )
    p_value = float(chi2.sf(q, int(comparable.sum()) - 1))
    return FoundSplit(None, float(sides.apart[0]), p_value, p_value, shares, np.arange(len(along)), sides.upper[:, 0])


def _drawn(bins: Ints, groups: Ints, rng: np.random.Generator) -> Floats:
    """Return the histogram of a class, and those of draws of its groups, each with the sum 1: [1 + draws, bins]."""
    names, group = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), _BINS))
    np.add.at(counts, (group, bins), 1)
    drawn = rng.poisson(1.0, (_DRAWS, len(names))) @ counts
    whole = np.concatenate([counts.sum(0)[None], drawn])
    return whole / np.maximum(whole.sum(1, keepdims=True), 1e-9)


def _in_class(
    middle: Floats, drawn: Floats, share: float, distance: float, deviation: float
) -> tuple[Floats, float, float]:
    """Fit two clusters to each histogram, with a centre, a distance and a spread of its own.

    Returns:
        The share of the upper one in each; for the first, the distance, also in standard deviations.
    """
    many = len(drawn)
    shares = np.full(many, min(max(share, 0.02), 0.98))
    low, apart, wide = np.full(many, -share * distance), np.full(many, distance), np.full(many, deviation)
    for _ in range(30):
        odds = np.log(shares / (1 - shares))[:, None]
        upper = drawn * expit_of(odds + (apart / wide**2)[:, None] * (middle - (low + apart / 2)[:, None]))
        lower = drawn - upper
        shares = np.clip(upper.sum(1), 1e-3, 1 - 1e-3)
        high = upper @ middle / np.maximum(upper.sum(1), 1e-9)
        low = lower @ middle / np.maximum(lower.sum(1), 1e-9)
        apart = np.maximum(high - low, 1e-3)
        wide = np.sqrt(np.maximum(drawn @ middle**2 - shares * high**2 - (1 - shares) * low**2, 1e-4))
    return shares, float(apart[0]), float(apart[0] / wide[0])


def _without_repetitions(splits: Sequence[FoundSplit], images: int) -> Iterator[FoundSplit]:
    """Yield the surest of the splits that are alike: those of all images before those of a value."""
    kept: list[Floats] = []
    for split in sorted(splits, key=lambda each: (each.within is not None, each.p_value)):
        sides = np.full(images, np.nan)
        sides[split.rows] = split.upper
        if all(_alike(sides, other) < _SAME for other in kept):
            kept.append(sides)
            yield split


def _alike(one: Floats, other: Floats) -> float:
    both = ~np.isnan(one) & ~np.isnan(other)
    if both.sum() < 2 or one[both].std() < 1e-9 or other[both].std() < 1e-9:
        return 0.0
    return float(abs(np.corrcoef(one[both], other[both])[0, 1]))
