"""Tests of many shares at once, each against its own reference, with bounds that hold for all together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import binom, hypergeom, norm
from scipy.stats import t as student

from synthgen.stats.contrasts import Ends, differences
from synthgen.stats.estimates import ALPHA, Floats, Ints

Clusters = tuple[Ints, Ints]
"""The counts of each cluster, [clusters, values], and the row that it counts in, [clusters]."""


@dataclass(frozen=True, slots=True, eq=False)
class SliceCells:
    """Counts to test; every array is [rows, values].

    Attributes:
        count: images of the cell.
        images: those of its row that have a value.
        wanted: the reference share; None if it is that of the images `beside`.
        sample: the images whose share is compared with that of the images beside; and their hits.
        beside: the other images, and their hits.
        spare: by how much a difference of these two shares changes the cell's share: deviation = spare * difference.
        variance: of the deviation over clusters; None if the images are independent.
        freedom: its degrees of freedom, [rows].
        costs: the design effects of the shares of the sample and of the images beside, at least 1; None if the images
            are independent.
    """

    count: Ints
    images: Ints
    wanted: Floats | None
    sample: tuple[Ints, Ints]
    beside: tuple[Ints, Ints]
    spare: Floats
    variance: Floats | None
    freedom: Ints | Floats | None
    costs: tuple[Floats, Floats] | None = None

    @classmethod
    def against(cls, counts: Ints, wanted: Floats, clusters: Clusters | None) -> SliceCells:
        """Compare the shares of each row with `wanted` ones."""
        images = np.broadcast_to(counts.sum(1, keepdims=True), counts.shape)
        share = counts / np.maximum(images, 1)
        none = np.zeros_like(counts)
        variance = freedom = None
        if clusters is not None:
            own, row = clusters
            off = own - share[row] * own.sum(1, keepdims=True)
            variance, freedom = _variance(off / np.maximum(images[row], 1), row, len(counts))
        return cls(counts, images, wanted, (images, counts), (none, none), np.ones(counts.shape), variance, freedom)

    @classmethod
    def against_others(cls, counts: Ints, clusters: Clusters | None) -> SliceCells:
        """Compare the share of each row with that of all other rows."""
        images = np.broadcast_to(counts.sum(1, keepdims=True), counts.shape)
        others = images.sum(0, keepdims=True) - images
        hits = counts.sum(0, keepdims=True) - counts
        variance = freedom = None
        if clusters is not None:
            own, row = clusters
            share = counts / np.maximum(images, 1)
            off = own - share[row] * own.sum(1, keepdims=True)
            within, freedom = _variance(off, row, len(counts))
            rest = within.sum(0, keepdims=True) - within
            variance = within / np.maximum(images, 1) ** 2 + rest / np.maximum(others, 1) ** 2
        return cls(counts, images, None, (images, counts), (others, hits), np.ones(counts.shape), variance, freedom)

    @classmethod
    def against_independence(cls, counts: Ints, shape: tuple[int, int], clusters: Clusters | None) -> SliceCells:
        """Compare each share of a pair of values, [rows, first * second], with the product of its margins."""
        table = counts.reshape(-1, *shape)
        images = table.sum((1, 2), keepdims=True)
        first, second = table.sum(2, keepdims=True), table.sum(1, keepdims=True)
        whole = [np.broadcast_to(each, table.shape) for each in (images, first, second)]
        share = first / np.maximum(images, 1)
        variance = freedom = None
        if clusters is not None:
            own, row = clusters
            each = own.reshape(-1, *shape).astype(float)
            p, q = share[row], (second / np.maximum(images, 1))[row]
            joint = (table / np.maximum(images, 1))[row]
            # The influence of one image on joint - p q.
            off = each - p * each.sum(1, keepdims=True) - q * each.sum(2, keepdims=True)
            off -= (joint - 2 * p * q) * each.sum((1, 2), keepdims=True)
            off = (off / np.maximum(images[row], 1)).reshape(len(own), -1)
            variance, freedom = _variance(off, row, len(counts))
        sample = whole[1], table
        beside = whole[0] - whole[1], whole[2] - table
        flat = [part.reshape(counts.shape) for part in (*sample, *beside)]
        spare = np.broadcast_to(share * (1 - share), table.shape).reshape(counts.shape)
        of = whole[0].reshape(counts.shape)
        return cls(counts, of, None, (flat[0], flat[1]), (flat[2], flat[3]), spare, variance, freedom)


def _variance(off: Floats, row: Ints, rows: int) -> tuple[Floats, Ints]:
    """Return the variance of each row's total over its clusters, [rows, values], and its degrees of freedom."""
    clusters = np.bincount(row, minlength=rows)
    total, square = np.zeros((rows, off.shape[1])), np.zeros((rows, off.shape[1]))
    np.add.at(total, row, off)
    np.add.at(square, row, off**2)
    many = np.maximum(clusters, 2)[:, None]
    return np.maximum(square - total**2 / many, 0.0) * many / (many - 1), clusters - 1


class SliceTests(NamedTuple):
    """By cell, [rows, values]: a two-sided p-value, the reference share, and the least size of the deviation."""

    p_value: Floats
    reference: Floats
    at_least: Floats


def examine(cells: SliceCells, searched: np.ndarray, tests: int) -> SliceTests:
    """Test all cells; those that are not `searched` get a p-value of 1.

    Independent images have exact tests: the binomial against a given share, the hypergeometric against other images
    (Fisher), each with the smaller tail doubled. With clusters, the deviation is divided by its linearized standard
    error (Wolter 2007, chapter 6), which is at least that of independent images, and has Student's distribution. With
    design effects, it is also at least that of images which are fewer by them. The bound is the near end of the
    interval of `differences` at Bonferroni's level for `tests` tests, of so many fewer images.
    """
    images, hits = cells.sample
    share = hits / np.maximum(images, 1)
    costs = cells.costs or (np.ones(1), np.ones(1))
    worth, beside = (np.maximum(of, 1) / cost for of, cost in zip((images, cells.beside[0]), costs, strict=True))
    if cells.wanted is not None:
        other = np.nan_to_num(cells.wanted)
        reference = other
        null = other * (1 - other) / worth
    else:
        other = cells.beside[1] / np.maximum(cells.beside[0], 1)
        pooled = (hits + cells.beside[1]) / np.maximum(images + cells.beside[0], 1)
        null = pooled * (1 - pooled) * (1 / worth + 1 / beside)
        reference = cells.count / np.maximum(cells.images, 1) - cells.spare * (share - other)
    searched = searched & (images > 0) & ((cells.wanted is not None) | (cells.beside[0] > 0))

    if cells.freedom is not None:
        deviation = np.abs(cells.spare * (share - other))
        variance = (
            cells.spare**2 * null if cells.variance is None else np.maximum(cells.variance, cells.spare**2 * null)
        )
        if cells.costs is not None:
            aside = 0.0 if cells.wanted is not None else other * (1 - other) / beside
            variance = np.maximum(variance, cells.spare**2 * (share * (1 - share) / worth + aside))
        error = np.sqrt(variance)
        freedom = np.broadcast_to(np.maximum(cells.freedom, 1)[:, None], share.shape)
        scaled = np.divide(deviation, error, out=np.zeros_like(deviation), where=error > 0)
        p_value = np.where(error > 0, 2 * student.sf(scaled, freedom), np.where(deviation > 0, 0.0, 1.0))
        quantile = student.isf(ALPHA / 2 / tests, freedom)
        at_least = np.maximum(deviation - quantile * error, 0.0)
        if cells.costs is not None:
            at_least = np.minimum(at_least, _apart(cells, share, other, (worth, beside), quantile))
    else:
        p_value = _exact(cells, other)
        at_least = _apart(cells, share, other, (worth, beside), float(norm.isf(ALPHA / 2 / tests)))
    return SliceTests(np.where(searched, p_value, 1.0), reference, np.where(searched, at_least, 0.0))


def _apart(
    cells: SliceCells, share: Floats, other: Floats, worth: tuple[Floats, Floats], quantile: Floats | float
) -> Floats:
    """Return by how much the shares differ at least, from Wilson's intervals of images that are `worth` so many."""
    ends = _wilson(share, worth[0], quantile)
    base = Ends(other, other, other) if cells.wanted is not None else _wilson(other, worth[1], quantile)
    apart = differences(ends, base)
    found: Floats = cells.spare * np.maximum(np.maximum(apart.low, -apart.high), 0.0)
    return found


def _exact(cells: SliceCells, other: Floats) -> Floats:
    images, hits = cells.sample
    if cells.wanted is not None:
        up, down = binom.sf(hits - 1, images, other), binom.cdf(hits, images, other)
    else:
        everywhere, all_hits = images + cells.beside[0], hits + cells.beside[1]
        up = hypergeom.sf(hits - 1, everywhere, all_hits, images)
        down = hypergeom.cdf(hits, everywhere, all_hits, images)
    found: Floats = np.nan_to_num(np.minimum(2 * np.minimum(up, down), 1.0), nan=1.0)
    return found


def _wilson(share: Floats, of: Floats, quantile: Floats | float) -> Ends:
    squared = quantile**2 / of
    half = np.sqrt(squared * share * (1 - share) + squared**2 / 4)
    low, high = (share + squared / 2 - half) / (1 + squared), (share + squared / 2 + half) / (1 + squared)
    return Ends(share, np.clip(low, 0.0, share), np.clip(high, share, 1.0))
