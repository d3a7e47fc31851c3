"""The design effects of an audit: from a table's clusters to the factor by which they widen each interval."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthgen.auditing.dependence import Clustering, added_up, chained, find_clustering, strongest
from synthgen.auditing.effect import Effect
from synthgen.auditing.few_clusters import across, bounded, exactly, with_unknown
from synthgen.auditing.findings import place_of
from synthgen.auditing.gate_checks import FEW_CLASSES
from synthgen.auditing.groups.costs import Costs
from synthgen.auditing.relations import stream
from synthgen.auditing.scopes import find_effects
from synthgen.auditing.shared import Dependence
from synthgen.auditing.table import Table
from synthgen.stats.clusters import Bootstrap, Linear, bootstrap, linear


@dataclass(frozen=True, slots=True, eq=False)
class NearGroups:
    """Which images are near-duplicates.

    Attributes:
        number: for each row of the table, a number that it shares with its near-duplicates, [n].
        chains: the images that are left out of these groups, because they are near-duplicates in chains only.
    """

    number: NDArray[np.int64]
    chains: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Dependent:
    """A table, and how much the dependence of its images costs.

    Attributes:
        table: with the clusters that are drawn.
        drawn: the bootstrap of these, for all classes; None if there are too few, or none.
        effects: by attribute, of each scope.
    """

    table: Table
    drawn: Bootstrap | None
    effects: Mapping[str, Sequence[Effect]]
    dependence: Dependence | None

    @property
    def costs(self) -> Costs:
        """The effects, as slices and strata use them."""
        found = self.dependence
        return Costs(self.effects, found is not None and bool(found.reaching or found.apart))

    def clustered(self, table: Table) -> Table:
        """Return a table of the same images with these clusters."""
        return replace(table, cluster=self.table.cluster, cluster_label=self.table.cluster_label)

    @property
    def caveats(self) -> Iterator[str]:
        return self.dependence.caveats() if self.dependence is not None else iter(())


def find_dependent(table: Table, frame: pd.DataFrame, near: NearGroups | None, seed: int) -> Dependent:
    """Find what the images of a table share, and its effect in every scope."""
    clustering = find_clustering(table, frame, near.number if near else None)
    drawn, effects = _effects(clustering.table, seed)
    if clustering.table is table and not clustering.reaching:
        limited = with_unknown(bounded(effects, table), table)
        return Dependent(table, drawn, limited, _with(clustering.dependence, near))

    prompts = _clusters_of(table) if table.cluster is not None else None
    effects = {
        name: [
            replace(each, prompts=prompts[index] if prompts else None, shared=clustering.dependence.told)
            for index, each in enumerate(of)
        ]
        for name, of in effects.items()
    }
    found = Dependent(clustering.table, drawn, effects, _with(clustering.dependence, near))
    if clustering.copies is not None:
        only = len([each for each in clustering.dependence.shared if each.counted]) == 1
        found = replace(found, effects=exactly(found.effects, clustering.copies, only))
    found = _single(found, clustering, seed)
    limited = bounded(found.effects, clustering.table)
    for codes in clustering.reaching:
        limited = across(limited, table, codes)
    return replace(found, effects=with_unknown(limited, found.table))


def independent(table: Table) -> Dependent:
    """Return a table about which nothing is a sample, so that it does not matter how alike its images are."""
    alone = replace(table, cluster=None)
    return Dependent(alone, None, find_effects(alone, []), None)


def _single(found: Dependent, clustering: Clustering, seed: int) -> Dependent:
    """Where the clusters connect too much, or are too few, use those of each single dependence."""
    apart = chained(clustering)
    few = any(each.size is None for of in found.effects.values() for each in of)
    if not clustering.single or not (any(apart) or few):
        return found

    tables = clustering.single
    drawn, estimated = zip(*(_effects(each, seed) for each in tables), strict=True)
    single = [bounded(of, each) for of, each in zip(estimated, tables, strict=True)]
    together = bounded(found.effects, found.table)
    effects: dict[str, list[Effect]] = {}
    places = set()
    for name, of in found.effects.items():
        effects[name] = []
        for index, (each, *others) in enumerate(zip(of, *(every[name] for every in single), strict=True)):
            summed = added_up(others, each) if apart[index] or each.size is None else each
            if not apart[index] and summed.at_least >= together[name][index].at_least:
                summed = each  # all that these share costs no more than this
            places |= {index} if summed is not each and summed.size is not None else set()
            effects[name].append(summed)
    if not places:
        return found

    counted = [each.what for each in clustering.dependence.shared if each.counted]
    unknown = [what for what, every in zip(counted, single, strict=True) if all(of[0].bound for of in every.values())]
    names = (None, *found.table.classes)
    told = tuple(place_of(names[index]) for index in sorted(places))
    dependence = replace(found.dependence or Dependence(()), apart=told, unknown=tuple(unknown))
    if 0 not in places:
        return Dependent(found.table, found.drawn, effects, dependence)
    chosen = strongest(tables, single)
    return Dependent(tables[chosen], drawn[chosen], effects, dependence)


def _with(dependence: Dependence, near: NearGroups | None) -> Dependence:
    return replace(dependence, chains=near.chains) if near is not None else dependence


def _effects(table: Table, seed: int) -> tuple[Bootstrap | None, dict[str, list[Effect]]]:
    if table.cluster is None:
        return None, find_effects(table, [])
    drawn = bootstrap(table.cluster_label, stream(seed, "prompts"), collapse=True)
    return drawn, find_effects(table, chain([drawn], _of_classes(table, seed)))


def _of_classes(table: Table, seed: int) -> Iterator[Bootstrap | Linear | None]:
    """Yield what shows the effect of clusters in each class: a bootstrap, or its limit if there are many classes."""
    few = len(table.classes) <= FEW_CLASSES
    for name, many in zip(table.classes, _clusters_of(table)[1:], strict=True):
        yield bootstrap(np.zeros(many, dtype=np.int64), stream(seed, "prompts", name)) if few else linear(many)


def _clusters_of(table: Table) -> list[int]:
    """Count clusters, overall and in each class."""
    by_class = np.bincount(table.cluster_label, minlength=len(table.classes)).tolist()
    return [len(table.cluster_label), *by_class]
