"""Arms of an experiment compared on the same seeds and test images, by a two-way bootstrap. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from synthgen.stats.estimates import ALPHA, Estimate, Floats, estimate, holm
from synthgen.stats.search import Codes

Correct = NDArray[np.bool_]
"""Whether a learner of each seed was right on each test image, [seeds, images]."""

DRAWS = 2000
_CELLS = 4_000_000
"""At most this many weights of images are in memory at a time."""
Members = NDArray[np.bool_]
"""Which test images are in a slice, such as those with one value of an attribute."""
TestSlices = Mapping[str, Mapping[str, Members]]
"""TestSlices of the test by attribute and value. Those of one attribute need not cover it."""
_NAMED = 3
"""Accuracy, balanced accuracy and the worst class; then come the classes."""


class Usefulness(StrEnum):
    """What an experiment says of the images that it added."""

    HELPS = "helps"
    HARMS = "harms"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class MeasuredScores:
    """Shares of test images that are classified right, or differences of such shares.

    Attributes:
        balanced: the mean over classes.
        worst: of the class that is lowest; of two arms, each has its own.
        classes: of each class that the test has, by its name.
        groups: of each slice of the test, by attribute and value.
        worst_group: of the slice that is lowest, as `worst`; None without slices.
    """

    accuracy: Estimate
    balanced: Estimate
    worst: Estimate
    classes: Mapping[str, Estimate]
    groups: Mapping[str, Mapping[str, Estimate]] = field(default_factory=dict)
    worst_group: Estimate | None = None


@dataclass(frozen=True, slots=True)
class ScoredArm:
    """The scores of an arm, and what it has more than the base.

    Attributes:
        difference: from the base, on the same seeds and images; None of the base itself.
        p_value: of a difference of accuracy of 0, two-sided; None of the base.
        adjusted: the same with Holm's correction over all arms.
        beside: what it has more than other arms that it was set beside, by their names.
    """

    scores: MeasuredScores
    difference: MeasuredScores | None = None
    p_value: float | None = None
    adjusted: float | None = None
    beside: Mapping[str, MeasuredScores] = field(default_factory=dict)


def usefulness(difference: Estimate, smallest: float) -> Usefulness:
    """Say what a difference means: its interval lies on one side of 0, and it is at least as large as `smallest`.

    Args:
        smallest: the smallest effect of interest, above 0.
    """
    if difference.low > 0 and difference.value >= smallest:
        return Usefulness.HELPS
    if difference.high < 0 and difference.value <= -smallest:
        return Usefulness.HARMS
    return Usefulness.CANNOT_TELL


def score_arms(
    correct: Mapping[str, Correct],
    base: str,
    classes: Codes,
    groups: Codes,
    names: tuple[str, ...],
    *,
    slices: TestSlices = MappingProxyType({}),
    beside: Mapping[str, Sequence[str]] = MappingProxyType({}),
    left: float = 0.0,
    seed: int = 0,
    draws: int = DRAWS,
) -> dict[str, ScoredArm]:
    """Score every arm, and its difference from the arm `base`, with 95 % intervals.

    Seeds and groups of test images are drawn again together, each with replacement, and the draws are the same for all
    arms (the pigeonhole bootstrap: Owen 2007, Annals of Applied Statistics 1). Its variance is a little too large for
    noise of single predictions, and too small by a seed where few are drawn, for which the share of the seeds is
    enlarged. Seeds that divide the same images again are alike, since they share most of what they train on: their
    variance is enlarged for it (Nadeau and Bengio 2003, Machine Learning 52), and more of them do not make up for few
    images. Degrees of freedom follow Satterthwaite: a few seeds have few. A variance is at least that of one
    discordant image more in each direction (Bonett and Price 2012, J. Educational and Behavioral Statistics 37), so
    that a test without any difference is not taken for certain.

    Args:
        correct: of each arm, all of the same shape; at least two seeds.
        classes: an index into `names` for each test image; each class has an image.
        groups: a number for each test image; those that depend on each other have the same.
        slices: of the test, whose accuracy is measured too; each has an image.
        beside: by arm others, which it is compared with too.
        left: how many images each seed leaves out of the training set, for each one that it trains on; 0 if each seed
            has a training set of its own.
    """
    seeds, images = next(iter(correct.values())).shape
    assert seeds > 1, "one seed has no spread"
    assert images == len(classes) == len(groups)
    order = np.argsort(classes, kind="stable")
    sorted_groups = np.unique(groups[order], return_inverse=True)[1].reshape(-1)
    members = [each[order] for values in slices.values() for each in values.values()]
    ordered = {name: each[:, order] for name, each in correct.items()}
    table = _Table(ordered, classes[order], sorted_groups, len(names), members)

    rng = np.random.default_rng([seed, *b"paired"])
    observed = table.scored(np.ones((1, seeds)), np.ones((1, table.groups)))
    both = table.drawn(rng, draws, seeds=True, images=True)
    spread = _Spread(both, table.drawn(rng, draws, seeds=True, images=False), table.floors, seeds, left, table.sizes)

    found: dict[str, ScoredArm] = {}
    for name in correct:
        scores = _measured(observed[name][0], *spread.of(name, None), names, slices, (0.0, 1.0))
        if name == base:
            found[name] = ScoredArm(scores)
            continue
        errors, freedom = spread.of(name, base)
        values = observed[name][0] - observed[base][0]
        p_value = float(2 * student.sf(abs(values[0]) / errors[0], freedom[0])) if table.groups > 1 else 1.0
        found[name] = ScoredArm(scores, _measured(values, errors, freedom, names, slices, (-1.0, 1.0)), p_value)

    others = [name for name in found if name != base]
    for name, adjusted in zip(others, holm([found[name].p_value for name in others]), strict=True):
        found[name] = replace(found[name], adjusted=adjusted)
    for name, rivals in beside.items():
        apart = {
            other: _measured(
                observed[name][0] - observed[other][0], *spread.of(name, other), names, slices, (-1.0, 1.0)
            )
            for other in rivals
        }
        found[name] = replace(found[name], beside=apart)
    return found


class _Table:
    """What each arm got right, the images sorted by class, and scores of it under weights.

    Scores are those of `_of_classes`; with slices also that of the worst, and of each.
    """

    def __init__(
        self, correct: Mapping[str, Correct], classes: Codes, groups: Codes, count: int, slices: Sequence[Members]
    ) -> None:
        self._correct = {name: each.astype(np.float32) for name, each in correct.items()}
        self._of = groups
        self.groups = int(groups.max()) + 1
        self._starts = np.searchsorted(classes, np.arange(count))
        self._seeds = next(iter(correct.values())).shape[0]
        of_classes = [len(np.unique(groups[classes == each])) for each in range(count)]
        self.sizes = np.array([self.groups, self.groups, min(of_classes), *of_classes], dtype=np.float64)
        floors = 2 / (np.array(of_classes) + 2.0) ** 2
        self.floors = np.array([2 / (self.groups + 2) ** 2, floors.mean() / count, floors.max(), *floors])
        self._members = np.stack(slices, axis=1).astype(np.float32) if slices else None
        if slices:
            of_slices = np.array([len(np.unique(groups[each])) for each in slices], dtype=np.float64)
            self.sizes = np.concatenate([self.sizes, [of_slices.min()], of_slices])
            floors = 2 / (of_slices + 2.0) ** 2
            self.floors = np.concatenate([self.floors, [floors.max()], floors])

    def scored(self, seeds: Floats, groups: Floats) -> dict[str, Floats]:
        """Score all arms under weights of seeds [draws, seeds] and of groups of images [draws, groups]."""
        weights = groups[:, self._of].astype(np.float32)
        whole = np.add.reduceat(weights, self._starts, axis=1, dtype=np.float64)
        shares = (seeds / seeds.sum(1, keepdims=True)).astype(np.float32)
        of_slices = None if self._members is None else weights @ self._members
        found = {}
        for name, correct in self._correct.items():
            right = (shares @ correct) * weights
            scores = _of_classes(np.add.reduceat(right, self._starts, axis=1, dtype=np.float64), whole)
            if self._members is not None and of_slices is not None:
                scores = np.column_stack([scores, _of_slices(right @ self._members, of_slices)])
            found[name] = scores
        return found

    def drawn(self, rng: np.random.Generator, draws: int, *, seeds: bool, images: bool) -> dict[str, Floats]:
        """Score all arms with seeds, images or both drawn again, [draws, scores]."""
        parts = []
        for size in _pieces(draws, max(1, _CELLS // len(self._of))):
            of_seeds = _counts(rng, size, self._seeds) if seeds else np.ones((size, self._seeds))
            of_groups = _counts(rng, size, self.groups) if images else np.ones((size, self.groups))
            parts.append(self.scored(of_seeds, of_groups))
        return {name: np.concatenate([part[name] for part in parts]) for name in self._correct}


@dataclass(frozen=True, slots=True, eq=False)
class _Spread:
    """The spread of scores over draws of seeds and images, and of seeds alone."""

    both: Mapping[str, Floats]
    of_seeds: Mapping[str, Floats]
    floors: Floats
    seeds: int
    left: float
    sizes: Floats

    def of(self, name: str, base: str | None) -> tuple[Floats, Floats]:
        """Return the standard errors of an arm's scores, or of their differences from a base, and the freedoms."""
        whole, of_seeds = (_variance(each, name, base) for each in (self.both, self.of_seeds))
        seeds = of_seeds * self.seeds / (self.seeds - 1) * (1 + self.seeds * self.left)
        images = np.maximum(whole - of_seeds, self.floors)
        total = seeds + images
        freedom = total**2 / (seeds**2 / (self.seeds - 1) + images**2 / np.maximum(self.sizes - 1, 1))
        return np.sqrt(total), np.where(self.sizes > 1, freedom, np.nan)


def _variance(drawn: Mapping[str, Floats], name: str, base: str | None) -> Floats:
    values = drawn[name] if base is None else drawn[name] - drawn[base]
    return np.asarray(np.nanvar(values, axis=0), dtype=np.float64)


def _of_classes(right: Floats, whole: Floats) -> Floats:
    """Return accuracy, balanced accuracy, that of the worst class and of each class, [draws, 3 + classes].

    A class of which no image was drawn has no accuracy: it is NaN, and counts for nothing.
    """
    shares = np.divide(right, whole, out=np.full_like(right, np.nan), where=whole > 0)
    accuracy = right.sum(1) / whole.sum(1)
    return np.column_stack([accuracy, np.nanmean(shares, axis=1), np.nanmin(shares, axis=1), shares])


def _of_slices(right: NDArray[np.float32], whole: NDArray[np.float32]) -> Floats:
    """Return the accuracy of the worst slice and of each slice, [draws, 1 + slices]; NaN as for classes."""
    shares = np.divide(right, whole, out=np.full_like(right, np.nan), where=whole > 0).astype(np.float64)
    return np.column_stack([np.fmin.reduce(shares, axis=1), shares])


def _measured(
    values: Floats,
    errors: Floats,
    freedom: Floats,
    names: tuple[str, ...],
    slices: TestSlices,
    ends: tuple[float, float],
) -> MeasuredScores:
    wide = np.where(np.isnan(freedom), np.inf, student.isf(ALPHA / 2, np.nan_to_num(freedom, nan=1.0)) * errors)
    low, high = np.clip(values - wide, *ends), np.clip(values + wide, *ends)
    found = [estimate(*each) for each in zip(values, low, high, strict=True)]
    of_classes, of_slices = found[_NAMED : _NAMED + len(names)], found[_NAMED + len(names) :]
    worst, rest = (of_slices[0], iter(of_slices[1:])) if of_slices else (None, iter(()))
    groups = {attribute: {value: next(rest) for value in values} for attribute, values in slices.items()}
    return MeasuredScores(found[0], found[1], found[2], dict(zip(names, of_classes, strict=True)), groups, worst)


def _counts(rng: np.random.Generator, draws: int, of: int) -> Floats:
    """How often each of `of` is drawn, when as many are drawn with replacement: [draws, of]."""
    drawn = rng.integers(of, size=(draws, of)) + of * np.arange(draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * of).reshape(draws, of).astype(np.float64)


def _pieces(count: int, size: int) -> Iterator[int]:
    while count > 0:
        yield min(size, count)
        count -= size
