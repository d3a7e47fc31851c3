"""Design effects where too few clusters, or none that differ, leave nothing to estimate them from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from synthgen.auditing.effect import Effect
from synthgen.auditing.table import Table
from synthgen.stats.clusters import FEWEST_FREEDOM, ClusterCounts, Linear, design_effects
from synthgen.stats.estimates import Floats, Ints
from synthgen.stats.search import Codes

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def kish(sizes: Floats) -> float:
    """Return the design effect of clusters whose images are all the same: the sum of squared sizes over the sum.

    Kish 1965, Survey Sampling, chapter 11, for weights: a cluster is then one image that weighs as much as it is large.
    """
    total = float(sizes.sum())
    return float((sizes.astype(float) ** 2).sum()) / total if total else 1.0


def bounded(effects: Mapping[str, Sequence[Effect]], table: Table) -> dict[str, list[Effect]]:
    """Give a design effect to every place that has clusters, but too few to estimate one, or none that differ.

    A class gets that of all classes together, at the same similarity within clusters, if it is known. Otherwise each
    cluster counts as if all of its images were the same (`kish`). The effect is then a bound and not an estimate, so
    Student's quantile has no part in it.

    Args:
        effects: by attribute, overall and then in each class.
        table: with the clusters that these are the effects of.
    """
    if table.cluster is None:
        return {name: list(of) for name, of in effects.items()}
    return {
        name: _bounded(of, table, table.cluster_counts(name)) if any(each.size is None for each in of) else list(of)
        for name, of in effects.items()
    }


def exactly(effects: Mapping[str, Sequence[Effect]], table: Table, only: bool) -> dict[str, list[Effect]]:
    """Let effects be no less than that of rows of `table` whose clusters are one image each, and so alike.

    Args:
        only: whether images depend on each other by nothing else: then this is the effect where none was estimated.
    """
    found: dict[str, list[Effect]] = {}
    for name, of in effects.items():
        sizes = kish_by_place(table, table.cluster_counts(name))
        found[name] = [
            _exact(each, size, len(table.attributes[name].values), only) for each, size in zip(of, sizes, strict=True)
        ]
    return found


def with_unknown(effects: Mapping[str, Sequence[Effect]], table: Table) -> dict[str, list[Effect]]:
    """Add the design effect of the share of unknown images. Where all are unknown, or none is, it is `kish`."""
    if table.cluster is None:
        return {name: list(of) for name, of in effects.items()}
    ends = np.searchsorted(table.cluster_label, np.arange(len(table.classes) + 1))
    rows = [slice(None), *(slice(*ends[index : index + 2]) for index in range(len(table.classes)))]
    images = np.bincount(table.cluster, minlength=len(table.cluster_label))
    found: dict[str, list[Effect]] = {}
    for name, of in effects.items():
        answers = table.attributes[name]
        unknown = np.bincount(table.cluster[answers.codes == len(answers.answers) - 1], minlength=len(images))
        counts = np.stack([unknown, images - unknown], axis=1)
        found[name] = [replace(each, of_unknown=_of_unknown(counts[own])) for each, own in zip(of, rows, strict=True)]
    return found


def _of_unknown(counts: Ints) -> float:
    sizes = counts.sum(1).astype(float)
    if len(counts) - 1 >= FEWEST_FREEDOM and (seen := design_effects(counts, Linear(len(counts) - 1))):
        return max(1.0, seen[0])
    return max(1.0, kish(sizes))


def across(effects: Mapping[str, Sequence[Effect]], table: Table, codes: Codes) -> dict[str, list[Effect]]:
    """Let the effect overall be no less than that of groups that reach over classes.

    Clusters are within classes. A person of whom every class has images is one person in the whole set, so the variance
    of its shares is also found over the groups as they are, by Taylor's linearization; with too few, by `kish`.

    Args:
        codes: the group of each image; -1 if it shares nothing.
    """
    from scipy.sparse import csr_array

    alone = np.flatnonzero(codes < 0)
    number = codes.copy()
    number[alone] = int(codes.max(initial=-1)) + 1 + np.arange(len(alone))
    _, number = np.unique(number, return_inverse=True)
    found: dict[str, list[Effect]] = {}
    for name, (overall, *others) in effects.items():
        answers = table.attributes[name]
        valued = answers.codes < len(answers.values)
        shape = int(number.max(initial=-1)) + 1, len(answers.values)
        counts = csr_array((np.ones(int(valued.sum()), dtype=np.int64), (number[valued], answers.codes[valued])), shape)
        found[name] = [_over_classes(overall, counts), *others]
    return found


def _bounded(effects: Sequence[Effect], table: Table, counts: "csr_array") -> list[Effect]:
    overall, sizes = effects[0], kish_by_place(table, counts)
    ends = np.searchsorted(table.cluster_label, np.arange(len(table.classes) + 1))
    alike, found = _similarity(overall, sizes[0]), list(effects)
    for index, effect in enumerate(effects):
        if effect.size is not None or not sizes[index]:
            continue
        most = float(sizes[index])
        if not index or alike is None:
            found[index] = _bound(effect, most, counts.shape[1])
            continue
        least, own = 1 + (most - 1) * alike, counts[slice(*ends[index - 1 : index + 1])]
        if own.shape[0] > 1 and (seen := design_effects(own, Linear(own.shape[0] - 1))):
            least = np.maximum(least, seen[1])
        by_value = np.clip(least, 1.0, max(most, 1.0)).tolist()
        size = float(np.mean(by_value))
        found[index] = replace(effect, size=size, by_value=tuple(by_value), freedom=overall.freedom)
    return found


def kish_by_place(table: Table, counts: "csr_array") -> Floats:
    """Return `kish` overall and in each class, of images that have a value; 0 where there are none."""
    sizes = _sizes(counts)
    squares, images = (np.bincount(table.cluster_label, each, len(table.classes)) for each in (sizes**2, sizes))
    squares, images = (np.concatenate([[each.sum()], each]) for each in (squares, images))
    return np.divide(squares, images, out=np.zeros_like(squares), where=images > 0)


def _similarity(overall: Effect, size: float) -> Floats | None:
    """Return how alike images of a cluster are in each value, 0..1; None if that was not estimated overall."""
    if not overall.by_value or overall.bound:
        return None
    found: Floats = np.clip((np.array(overall.by_value) - 1) / max(size - 1, 1e-9), 0, 1)
    return found


def _bound(effect: Effect, size: float, values: int) -> Effect:
    return replace(effect, size=size, by_value=(size,) * values, freedom=None, bound=True)


def _exact(effect: Effect, least: float, values: int, only: bool) -> Effect:
    if effect.size is None:
        return replace(effect, size=least, by_value=(least,) * values, freedom=None) if only and least else effect
    return replace(effect, size=max(least, effect.size), by_value=tuple(max(least, each) for each in effect.by_value))


def _over_classes(overall: Effect, counts: "csr_array") -> Effect:
    if not counts.sum():
        return overall
    there = counts[_sizes(counts) > 0]
    if overall.size is None:  # no two images of a class share anything
        known = replace(overall, clusters=counts.shape[0], size=1.0, by_value=(1.0,) * counts.shape[1], freedom=None)
        return _over_classes(known, counts)
    if there.shape[0] - 1 < FEWEST_FREEDOM:
        size = kish(_sizes(there))
        return _bound(overall, size, counts.shape[1]) if size > overall.size else overall
    found = design_effects(there, Linear(there.shape[0] - 1))
    if found is None or found[0] <= overall.size:
        return overall
    size, by_value = found
    freedom = there.shape[0] - 1 if overall.freedom is None else min(overall.freedom, there.shape[0] - 1)
    largest = tuple(np.maximum(by_value, overall.by_value).tolist())
    return replace(overall, size=size, by_value=largest, freedom=freedom)


def _sizes(counts: ClusterCounts) -> Floats:
    found: Floats = np.asarray(counts.sum(1), dtype=float).ravel()
    return found
