"""Rates of a classifier's predictions by group and class, with intervals that allow for images of one prompt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.stats import t as student

from synthgen.stats.clusters import FEWEST_FREEDOM
from synthgen.stats.estimates import ALPHA, Estimate, Floats, Ints, Z, estimate

ACCURACY, ERROR, RECALL, FNR, FPR, PRECISION, SELECTION_RATE = (
    "accuracy",
    "error",
    "recall",
    "fnr",
    "fpr",
    "precision",
    "selection_rate",
)
OF_ALL, OF_CLASS = (ACCURACY, ERROR), (RECALL, FNR, FPR, PRECISION, SELECTION_RATE)


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """One rate in every group: hits of images. Arrays are [groups], or [groups, classes] for a rate of one class.

    Attributes:
        effect: the design effect of images of one prompt, at least 1.
        freedom: its degrees of freedom; 0 where images count as independent.
    """

    hits: Ints
    of: Ints
    effect: Floats
    freedom: Ints

    def estimate(self, *place: int) -> Estimate | None:
        """Return the rate in one place with its interval; None without images."""
        hits, of = int(self.hits[place]), int(self.of[place])
        if not of:
            return None
        quantile = self.quantile(*place)
        share, squared = hits / of, quantile**2 * float(self.effect[place]) / of
        half = (squared * share * (1 - share) + squared**2 / 4) ** 0.5
        middle = share + squared / 2
        return estimate(share, max(0.0, (middle - half) / (1 + squared)), min(1.0, (middle + half) / (1 + squared)))

    def quantile(self, *place: int) -> float:
        freedom = int(self.freedom[place])
        return _student(freedom) if freedom else Z

    def complement(self) -> Rates:
        return Rates(self.of - self.hits, self.of, self.effect, self.freedom)


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What a classifier predicted. Arrays are [images].

    Attributes:
        true: the class.
        predicted: the predicted class; `classes` if it is none of them. Images without a prediction are left out.
        group: the group of the image.
        cluster: the prompt, 0..clusters-1; None if the images are independent.
    """

    true: Ints
    predicted: Ints
    group: Ints
    groups: int
    classes: int
    cluster: Ints | None


@lru_cache(maxsize=4096)
def _student(freedom: int) -> float:
    return float(student.isf(ALPHA / 2, freedom))


def rates(given: Outcomes) -> dict[str, Rates]:
    """Compute all rates by group; those of one class treat the others as negative.

    With clusters, the variance of a rate is that of the ratio of two sums over clusters, linearized (Wolter 2007,
    chapter 6), and the interval is Wilson's at the effective sample size with Student's quantile (Franco and others
    2019), if at least ten clusters tell.
    """
    shape = given.groups, given.classes
    right = given.true == given.predicted
    inside = given.predicted < given.classes
    of = np.bincount(given.group, minlength=given.groups)
    truly = _count(shape, given.group, given.true)
    chosen = _count(shape, given.group[inside], given.predicted[inside])
    hit = _count(shape, given.group[right], given.true[right])
    negative, wrong = of[:, None] - truly, chosen - hit
    wide = np.broadcast_to(of[:, None], shape)
    pairs = {
        ACCURACY: (hit.sum(1), of),
        RECALL: (hit, truly),
        FPR: (wrong, negative),
        PRECISION: (hit, chosen),
        SELECTION_RATE: (chosen, wide),
    }
    sums = _by_cluster(given, right, inside) if given.cluster is not None else {}
    found = {name: _rates(*pair, sums.get(name)) for name, pair in pairs.items()}
    return {**found, ERROR: found[ACCURACY].complement(), FNR: found[RECALL].complement()}


def _count(shape: tuple[int, int], first: Ints, second: Ints) -> Ints:
    return np.bincount(first * shape[1] + second, minlength=shape[0] * shape[1]).reshape(shape)


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Sums over clusters of hits squared, hits times images, and images squared; and how many clusters have images."""

    hits: Floats
    both: Floats
    images: Floats
    clusters: Ints


def _rates(hits: Ints, of: Ints, sums: _Sums | None) -> Rates:
    none = np.zeros(hits.shape, dtype=np.int64)
    if sums is None:
        return Rates(hits, of, np.ones(hits.shape), none)
    share = hits / np.maximum(of, 1)
    square = np.maximum(sums.hits - 2 * share * sums.both + share**2 * sums.images, 0.0)
    many = np.maximum(sums.clusters, 2)
    independent = share * (1 - share) * of
    effect = np.divide(square * many / (many - 1), independent, out=np.ones(hits.shape), where=independent > 0)
    freedom = np.where(sums.clusters - 1 >= FEWEST_FREEDOM, sums.clusters - 1, none)
    return Rates(hits, of, np.where(freedom > 0, np.maximum(effect, 1.0), 1.0), freedom)


def _by_cluster(given: Outcomes, right: np.ndarray, inside: np.ndarray) -> dict[str, _Sums]:
    assert given.cluster is not None, "asked of clustered images"
    groups, classes = given.groups, given.classes
    # Images by cluster and group. A cluster is in one class.
    key, index, images = np.unique(given.cluster * groups + given.group, return_index=True, return_counts=True)
    group, kind = given.group[index], given.true[index]
    correct = np.bincount(np.searchsorted(key, (given.cluster * groups + given.group)[right]), minlength=len(key))
    of_class = _sums(group * classes + kind, (groups, classes), correct, images)

    # Images by cluster, group and prediction.
    chosen = given.predicted[inside]
    sparse, first, many = np.unique(
        (given.cluster * groups + given.group)[inside] * classes + chosen, return_index=True, return_counts=True
    )
    cell = given.group[inside][first] * classes + chosen[first]
    own = given.true[inside][first] == chosen[first]
    beside = images[np.searchsorted(key, sparse // classes)]
    size = groups * classes
    precision = _sums(cell, (groups, classes), many * own, many)

    def chosen_sums(which: np.ndarray, squares: Floats, clusters: Ints) -> _Sums:
        hits, both = (np.bincount(cell[which], (many * by)[which], minlength=size) for by in (many, beside))
        return _Sums(hits.reshape(groups, classes), both.reshape(groups, classes), squares, clusters)

    squares = np.bincount(group, images.astype(float) ** 2, minlength=groups)[:, None]
    clusters = np.bincount(group, minlength=groups)[:, None]
    wide = np.broadcast_to(clusters, (groups, classes))
    return {
        ACCURACY: _sums(group, (groups,), correct, images),
        RECALL: of_class,
        PRECISION: precision,
        SELECTION_RATE: chosen_sums(np.ones(len(cell), dtype=bool), squares, wide),
        FPR: chosen_sums(~own, squares - of_class.images, wide - of_class.clusters),
    }


def _sums(cell: Ints, shape: tuple[int, ...], hits: Ints, images: Ints) -> _Sums:
    parts = (hits.astype(float) ** 2, hits * images.astype(float), images.astype(float) ** 2)
    size = int(np.prod(shape))
    squares = (np.bincount(cell, part, minlength=size).reshape(shape) for part in parts)
    return _Sums(*squares, np.bincount(cell, minlength=size).reshape(shape))
