"""Values that few prompts of a class show: how alike images of a prompt are in them is learned from all classes."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from synthgen.auditing.effect import Effect
from synthgen.stats.clusters import ClusterCounts
from synthgen.stats.estimates import Floats

FEWEST_SHOWING = 5
"""Clusters that show a value; with fewer, the variance between clusters of its class says little about it."""


def with_all_classes(effects: Sequence[Effect], counts: ClusterCounts, rows: Sequence[slice]) -> list[Effect]:
    """Give rare values of a class at least the effect that all classes show.

    A value that no image of a class shows has no variance there, and its images would count as independent. If prompts
    fix it, as the other classes show, its absence is a matter of few prompts, and not of many images. The similarity
    within clusters is (d - 1) / (m - 1), for a design effect d and a mean cluster size m, weighted by size (Kish 1965,
    Survey Sampling, chapter 5).

    Args:
        effects: overall, then in each class.
        counts: images by cluster and value, [clusters, values].
        rows: those of each scope in `counts`.
    """
    from scipy.sparse import csr_array

    overall = effects[0]
    if not overall.by_value:
        return list(effects)
    table = csr_array(counts)
    more = max(_cluster_size(table) - 1, 1e-9)
    alike = np.clip((np.array(overall.by_value) - 1) / more, 0, 1)
    alike[np.asarray(table.sum(0)).ravel() == 0] = 0
    found = [overall]
    for effect, own in zip(effects[1:], rows[1:], strict=True):
        if effect.by_value:
            part = table[own]
            showing = np.bincount(part.nonzero()[1], minlength=len(alike))
            least = np.where(showing < FEWEST_SHOWING, 1 + (_cluster_size(part) - 1) * alike, 0)
            by_value: Floats = np.maximum(effect.by_value, least)
            effect = replace(effect, by_value=tuple(by_value.tolist()))  # noqa: PLW2901
        found.append(effect)
    return found


def _cluster_size(counts: ClusterCounts) -> float:
    """Return the mean size of the cluster of an image."""
    sizes = np.asarray(counts.sum(1), dtype=float).ravel()
    return float((sizes**2).sum() / sizes.sum()) if sizes.any() else 1.0
