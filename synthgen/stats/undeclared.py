"""Splits of images that nobody declared, and whether classes differ in them: searched in one half, tested in the other.

A class always differs from another in its own look, which is no attribute. So classes are compared only in the shares
of two clusters that lie equally far apart in each of them, wherever the class itself lies.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import false_discovery_control, ncx2, norm

from synthgen.stats.comparable import APART, comparable_classes
from synthgen.stats.estimates import ALPHA, Estimate, Floats, Ints, estimate, wilson
from synthgen.stats.search import Flags
from synthgen.stats.sides import (
    COMPARABLE,
    TwoSides,
    centred,
    expit_of,
    find_sides,
    indicators,
    is_explained,
    odds,
    simple,
    two_sides,
)

LEAST_ROWS, LEAST_OF_CLASS = 150, 20
"""Rows of a half, and of a class in it, that a search needs."""
_KEPT = 48
"""Principal components of a view that are searched."""
_MARGIN = 0.05
"""Root mean square by which shares may differ without being a finding: the look of a class can move them so far."""
_SAME = 0.7
_SCOPES = 12


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
        view: the number of the embedding in which they were found.
        apart: the distance of the clusters in standard deviations of one.
        p_value: of the test whether shares differ by more than 5 points in the root mean square.
        adjusted: by Benjamini and Yekutieli over all tested splits.
        rows: the images of the half that tested, [n].
        upper: the probability that an image is on the upper side, [n].
    """

    within: tuple[int, int] | None
    view: int
    apart: float
    p_value: float
    adjusted: float
    shares: tuple[ClassShare, ...]
    rows: Ints
    upper: Floats


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True, eq=False)
class _Half:
    """Images of a scope in one half: what was declared is removed from each view, [views][n, d]."""

    views: list[Floats]
    codes: Ints
    groups: Ints


def find_splits(
    views: Iterable[Floats], codes: Ints, declared: Sequence[Ints], groups: Ints, seed: int = 0
) -> SplitSearch:
    """Find splits of n images that are associated with class and with nothing declared.

    All images are searched together, and those of each value of each attribute by themselves: a small thing looks
    different beside another value.

    Args:
        views: embeddings of the images, of each a float array [n, d], such as of the whole image and of parts of it.
        declared: for each attribute, a code of the value of each image, [n]; any number where there is none.
        groups: images with one number depend on each other, and stay in one half, [n].
    """
    names, group = np.unique(groups, return_inverse=True)
    first = (np.random.default_rng([seed, *b"halves"]).random(len(names)) < 0.5)[group]
    scopes = list(_scopes(codes, declared, first))
    if not scopes:
        return SplitSearch(0, 0, ())
    small = [_smaller(np.asarray(view, dtype=np.float64), codes, declared, first) for view in views]
    tested: list[FoundSplit] = []
    for number, (within, members) in enumerate(scopes):
        names, own = np.unique(codes[members], return_inverse=True)

        def half(there: Flags, members: Ints = members, own: Ints = own) -> _Half:
            rows, kinds = members[there], own[there]
            cut = [_undeclared(view[rows], kinds, [each[rows] for each in declared]) for view in small]
            return _Half(cut, kinds, group[rows])

        one, other = half(first[members]), half(~first[members])
        for split in _splits(one, other, np.random.default_rng([seed, *b"splits", number])):
            shares = tuple(replace(each, code=int(names[each.code])) for each in split.shares)
            tested.append(replace(split, within=within, rows=members[~first[members]], shares=shares))
    if not tested:
        return SplitSearch(len(scopes), 0, ())

    adjusted = false_discovery_control([each.p_value for each in tested], method="by")
    sure = [replace(each, adjusted=float(p)) for each, p in zip(tested, adjusted, strict=True) if p <= ALPHA]
    return SplitSearch(len(scopes), len(tested), tuple(_without_repetitions(sure, len(codes))))


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


def _smaller(view: Floats, codes: Ints, declared: Sequence[Ints], first: Flags) -> Floats:
    """Return a view along the first principal axes of the first half, without what was declared in it."""
    rows = _undeclared(view[first], codes[first], [each[first] for each in declared])
    found: Floats = view @ np.linalg.eigh(rows.T @ rows)[1][:, ::-1][:, :_KEPT]
    return found


def _undeclared(rows: Floats, codes: Ints, declared: Sequence[Ints]) -> Floats:
    """Remove from rows the mean of their class, and that of each declared value in it."""
    for values in declared:
        _, cell = np.unique(np.stack([codes, values]), axis=1, return_inverse=True)
        rows = centred(rows, cell.ravel())
    return centred(rows, codes)


def _splits(searched: _Half, testing: _Half, rng: np.random.Generator) -> Iterator[FoundSplit]:
    """Search splits in the first half of the images of a scope, and test them in the other."""
    found = [find_sides(view, searched.codes, rng) for view in searched.views]
    upper = np.concatenate([each.upper for each in found], axis=1)
    apart = np.concatenate([each.apart for each in found])
    places = [(view, column) for view, each in enumerate(found) for column in range(len(each.apart))]
    seen: list[Floats] = []
    for place in simple(upper, apart, searched.codes).tolist():
        view, column = places[place]
        sides = found[view].only(np.array([column]))
        along = testing.views[view] @ sides.axes
        start = _upper(along, testing.codes, sides)
        known = is_explained(np.stack(seen, axis=1), start, testing.codes) if seen else False
        seen.append(start)
        split = None if known else compare_shares(testing.views[view], testing.codes, testing.groups, sides)
        if split is not None:
            yield replace(split, view=view)


def _upper(along: Floats, codes: Ints, sides: TwoSides) -> Floats:
    """Return the probability that other images are on the upper side, [n]."""
    found: Floats = expit_of(along * sides.apart + odds(sides.shares, sides.apart**2)[codes])[:, 0]
    return found


def compare_shares(rows: Floats, codes: Ints, groups: Ints, sides: TwoSides) -> FoundSplit | None:
    """Compare the shares of two clusters in the classes where these are equally far apart.

    The clusters are fitted again, from where they were in the other half. The test is Pearson's chi-squared test of the
    images on each side, with the design effect of groups (Rao and Scott 1981, JASA 76). It rejects differences that are
    larger than 5 points, or than the overlap of the clusters, in the root mean square: the statistic then has a
    noncentral distribution (Patnaik 1949, Biometrika 36).

    Args:
        rows: the images, with mean 0 in every class, [n, d].
        sides: as they were found in other images, along one axis.

    Returns:
        None if the clusters are not clear, or if classes with three quarters of the images cannot be compared.
    """
    along = rows @ sides.axes
    scale = max(float(along.std()), 1e-12)
    fitted = two_sides(along / scale, codes, _upper(along, codes, sides)[:, None], 40)
    apart, upper = float(fitted.apart[0]), fitted.upper[:, 0]
    side, member = (upper > 0.5).astype(np.float64), indicators(codes)
    images, above = member.sum(0), member.T @ side
    comparable = comparable_classes(along[:, 0], rows, side, member)
    if apart < APART or comparable.sum() < 2 or images[comparable].sum() < COMPARABLE * len(codes):
        return None

    effects = _design_effects(side, codes, groups)
    worth, share = images / effects, above / images
    weight = worth[comparable] / worth[comparable].sum()
    mean = float(weight @ share[comparable])
    scale = float(worth[comparable].sum() / (mean * (1 - mean)))
    statistic = float(weight @ (share[comparable] - mean) ** 2) * scale
    allowed = max(_MARGIN, float(norm.sf(apart / 2))) ** 2 * scale
    freedom = int(comparable.sum()) - 1
    p_value = float(ncx2.sf(statistic, freedom, allowed))
    shares = tuple(
        ClassShare(code, int(images[code]), _interval(share[code], worth[code]), bool(comparable[code]))
        for code in range(len(images))
    )
    return FoundSplit(None, 0, apart, p_value, p_value, shares, np.arange(len(codes)), upper)


def _design_effects(side: Floats, codes: Ints, groups: Ints) -> Floats:
    """Return by how much groups of dependent images inflate the variance of the share of each class, at least 1."""
    _, group = np.unique(np.stack([codes, groups]), axis=1, return_inverse=True)
    group = group.ravel()
    share = np.bincount(codes, side) / np.bincount(codes)
    sums = np.bincount(group, side - share[codes])
    of = np.zeros(len(sums), dtype=np.int64)
    of[group] = codes
    alone = np.bincount(codes) * np.maximum(share * (1 - share), 1e-12)
    found: Floats = np.maximum(np.bincount(of, sums**2) / alone, 1.0)
    return found


def _interval(share: float, worth: float) -> Estimate:
    found = wilson(share * worth, worth)
    return found if found is not None else estimate(share, 0.0, 1.0)


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
