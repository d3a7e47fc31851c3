"""Rates of a classifier's predictions by group and class, with intervals that allow for images of one prompt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from synthgen.stats.clusters import FEWEST_FREEDOM
from synthgen.stats.estimates import ALPHA, Estimate, Floats, Ints, Z, estimate, point

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
        freedom: its degrees of freedom; 0 where it was not estimated.
        whole: whether these images are all that is asked about, so that rates have no interval.
    """

    hits: Ints
    of: Ints
    effect: Floats
    freedom: Ints
    whole: bool = False

    def estimate(self, *place: int) -> Estimate | None:
        """Return the rate in one place with its interval; None without images."""
        hits, of = int(self.hits[place]), int(self.of[place])
        if not of:
            return None
        if self.whole:
            return point(hits / of)
        quantile = self.quantile(*place)
        share, squared = hits / of, quantile**2 * float(self.effect[place]) / of
        half = (squared * share * (1 - share) + squared**2 / 4) ** 0.5
        middle = share + squared / 2
        return estimate(share, max(0.0, (middle - half) / (1 + squared)), min(1.0, (middle + half) / (1 + squared)))

    def quantile(self, *place: int) -> float:
        freedom = int(self.freedom[place])
        return _student(freedom) if freedom else Z

    def complement(self) -> Rates:
        return replace(self, hits=self.of - self.hits)


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What a classifier predicted. Arrays are [images].

    Attributes:
        true: the class.
        predicted: the predicted class; `classes` if it is none of them. Images without a prediction are left out.
        group: the group of the image.
        cluster: the prompt, 0..clusters-1; None if the images are independent.
        whole: whether these images are all that is asked about.
    """

    true: Ints
    predicted: Ints
    group: Ints
    groups: int
    classes: int
    cluster: Ints | None
    whole: bool = False


@lru_cache(maxsize=4096)
def _student(freedom: int) -> float:
    return float(student.isf(ALPHA / 2, freedom))


def rates(given: Outcomes) -> dict[str, Rates]:
    """Compute all rates by group; those of one class treat the others as negative.

    With clusters, the variance of a rate is that of the ratio of two sums over clusters, in the classes as strata,
    linearized (Wolter 2007, chapter 6). The interval is Wilson's at the effective sample size with Student's quantile
    (Franco and others 2019), if there are at least nine more clusters than strata. With fewer, or if all images are
    right, or none, nothing shows how alike they are: then each cluster counts as one image (Kish 1965).
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
    found = {name: replace(_rates(*pair, sums.get(name)), whole=given.whole) for name, pair in pairs.items()}
    return {**found, ERROR: found[ACCURACY].complement(), FNR: found[RECALL].complement()}


def _count(shape: tuple[int, int], first: Ints, second: Ints) -> Ints:
    return np.bincount(first * shape[1] + second, minlength=shape[0] * shape[1]).reshape(shape)


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Sums over clusters, each less its stratum's mean: of hits squared, hits times images, and images squared.

    Attributes:
        freedom: clusters less strata.
        sizes: of images squared, as they are.
    """

    hits: Floats
    both: Floats
    images: Floats
    freedom: Ints
    sizes: Ints


def _rates(hits: Ints, of: Ints, sums: _Sums | None) -> Rates:
    none = np.zeros(hits.shape, dtype=np.int64)
    if sums is None:
        return Rates(hits, of, np.ones(hits.shape), none)
    share = hits / np.maximum(of, 1)
    square = np.maximum(sums.hits - 2 * share * sums.both + share**2 * sums.images, 0.0)
    independent = share * (1 - share) * of
    effect = np.divide(square, independent, out=np.ones(hits.shape), where=independent > 0)
    estimated = (sums.freedom >= FEWEST_FREEDOM) & (independent > 0)
    most = sums.sizes / np.maximum(of, 1)
    return Rates(hits, of, np.maximum(np.where(estimated, effect, most), 1.0), np.where(estimated, sums.freedom, none))


@dataclass(frozen=True, slots=True, eq=False)
class _Strata:
    """Clusters in strata: each stratum has a weight for the squares of its clusters and one for that of its sum."""

    clusters: Ints

    @property
    def squares(self) -> Floats:
        return np.where(self.clusters > 1, self.clusters / np.maximum(self.clusters - 1, 1), 1.0)

    @property
    def total(self) -> Floats:
        return np.where(self.clusters > 1, self.squares / np.maximum(self.clusters, 1), 0.0)

    def product(self, stratum: Ints, first: Ints, second: Ints) -> Floats:
        """Sum the products over the clusters of each stratum, less their means."""
        size = len(self.clusters)
        one, other = (np.bincount(stratum, each, minlength=size) for each in (first, second))
        together = np.bincount(stratum, first * second.astype(float), minlength=size)
        found: Floats = self.squares * together - self.total * one * other
        return found


def _by_cluster(given: Outcomes, right: np.ndarray, inside: np.ndarray) -> dict[str, _Sums]:
    """Return the sums of every rate. A cluster is in one class, and the classes are the strata."""
    assert given.cluster is not None, "asked of clustered images"
    shape = groups, classes = given.groups, given.classes

    # Rows of images of one cluster and group, with how many are predicted right.
    own = given.cluster * groups + given.group
    key, index, images = np.unique(own, return_index=True, return_counts=True)
    correct = np.bincount(np.searchsorted(key, own[right]), minlength=len(key))
    place = given.group[index] * classes + given.true[index]
    strata = _Strata(np.bincount(place, minlength=groups * classes))
    pairs = ((correct, correct), (correct, images), (images, images))
    hits, both, squares = (strata.product(place, *pair).reshape(shape) for pair in pairs)
    freedom = np.maximum(strata.clusters - 1, 0).reshape(shape)

    # Rows of images of one cluster, group and prediction.
    chosen = own[inside] * classes + given.predicted[inside]
    sparse, first, many = np.unique(chosen, return_index=True, return_counts=True)
    row, said = np.searchsorted(key, sparse // classes), given.predicted[inside][first]
    rows = _Chosen(place[row], said, many, images[row])
    others = rows.of(given.true[inside][first] != said)

    beside = np.bincount(place, images, minlength=groups * classes)
    sizes = np.bincount(place, images**2, minlength=groups * classes).reshape(shape)
    all_squares, all_freedom, all_sizes = (each.sum(1, keepdims=True) for each in (squares, freedom, sizes))
    wide = [np.broadcast_to(each, shape) for each in (all_squares, all_freedom, all_sizes)]
    return {
        ACCURACY: _Sums(hits.sum(1), both.sum(1), squares.sum(1), freedom.sum(1), sizes.sum(1)),
        RECALL: _Sums(hits, both, squares, freedom, sizes),
        PRECISION: rows.precision(shape),
        SELECTION_RATE: _Sums(*rows.sums(strata, beside, shape), *wide),
        FPR: _Sums(
            *others.sums(strata, beside, shape), all_squares - squares, all_freedom - freedom, all_sizes - sizes
        ),
    }


class _Chosen(NamedTuple):
    """Images of one cluster and group that are predicted to be of one class.

    Attributes:
        place: group times classes plus the class of the cluster.
        said: the predicted class.
        many: their number.
        images: all images of the cluster and group.
    """

    place: Ints
    said: Ints
    many: Ints
    images: Ints

    def of(self, which: np.ndarray) -> _Chosen:
        return _Chosen(*(each[which] for each in self))

    def cell(self, place: Ints, said: Ints, classes: int) -> Ints:
        return place // classes * classes + said

    def sums(self, strata: _Strata, beside: Ints, shape: tuple[int, int]) -> tuple[Floats, Floats]:
        """Sum squares, and products with the images of the cluster, by group and predicted class.

        Most clusters have no such image; they count in the strata's means.
        """
        classes, size = shape[1], shape[0] * shape[1]
        cell = self.cell(self.place, self.said, classes)
        together, index = np.unique(self.place * classes + self.said, return_inverse=True)
        total = np.bincount(index, self.many, minlength=len(together))
        place, said = together // classes, together % classes
        own = self.cell(place, said, classes)
        found: list[Floats] = []
        for other, all_others in ((self.many, total), (self.images, beside[place])):
            squares = np.bincount(cell, strata.squares[self.place] * self.many * other, minlength=size)
            means = np.bincount(own, strata.total[place] * total * all_others, minlength=size)
            found.append((squares - means).reshape(shape).astype(float))
        return found[0], found[1]

    def precision(self, shape: tuple[int, int]) -> _Sums:
        """Sum over the clusters that have images of a prediction: the hits are those of the predicted class."""
        classes, size = shape[1], shape[0] * shape[1]
        together, index = np.unique(self.place * classes + self.said, return_inverse=True)
        strata = _Strata(np.bincount(index, minlength=len(together)))
        own = self.cell(together // classes, together % classes, classes)
        hits = self.many * (self.place % classes == self.said)
        pairs = ((hits, hits), (hits, self.many), (self.many, self.many))
        hit, both, images = (
            np.bincount(own, strata.product(index, *pair), minlength=size).reshape(shape).astype(float)
            for pair in pairs
        )
        freedom = np.bincount(own, np.maximum(strata.clusters - 1, 0), minlength=size).astype(np.int64)
        sizes = np.bincount(self.cell(self.place, self.said, classes), self.many**2, minlength=size)
        return _Sums(hit, both, images, freedom.reshape(shape), sizes.reshape(shape))
