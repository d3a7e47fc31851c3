"""Association within strata: of two attributes within classes, and of class and attribute given another attribute."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, permutations

import numpy as np

from synthgen.auditing.groups.costs import Costs
from synthgen.auditing.groups.found import Stratified
from synthgen.auditing.groups.references import CLASS
from synthgen.auditing.table import Table, crossed
from synthgen.stats.association import cramers_v, filled
from synthgen.stats.estimates import Estimate, Ints, holm
from synthgen.stats.stratified import MOST_CONTRASTS, Clustered, stratified

MOST_STRATA_CELLS = 4_000_000


def find_stratified(table: Table, costs: Costs | None = None) -> tuple[Stratified, ...]:
    """Test every pair of attributes within classes, and class and attribute within every other attribute.

    Where the clusters of the table are not all that images share, the design effects of the shares count as well.
    """
    names = list(table.attributes)
    costs = costs if costs is not None and (costs.more or table.cluster is None) else Costs()
    found = [_test(table, *pair, CLASS, costs) for pair in combinations(names, 2)]
    found += [_test(table, CLASS, *pair, costs) for pair in permutations(names, 2)]
    adjusted = holm([each.p_value for each in found])
    return tuple(replace(each, adjusted=p) for each, p in zip(found, adjusted, strict=True))


def _test(table: Table, first: str, second: str, within: str, costs: Costs) -> Stratified:
    columns = [_column(table, name) for name in (within, first, second)]
    inside = np.ones(len(table), dtype=bool)
    for codes, values in columns:
        inside &= codes < len(values)
    images = int(inside.sum())
    sizes = [len(values) for _, values in columns]
    if int(np.prod(sizes)) > MOST_STRATA_CELLS or (sizes[1] - 1) * (sizes[2] - 1) > MOST_CONTRASTS:
        return Stratified(first, second, within, images, None, None, reason="too many values for this test")

    counts = crossed(*((codes[inside], len(values)) for codes, values in columns))
    own = [codes[inside].astype(np.int64) for codes, _ in columns]
    clustered = None
    if table.cluster is not None:
        _, cluster = np.unique(table.cluster[inside], return_inverse=True)
        classes = len(np.unique(table.label[inside]))
        clustered = Clustered((own[0], own[1], own[2]), cluster, classes)
    tested = [name for name in (first, second) if name != CLASS]
    least = costs.of_association({name: table.counts(name)[:, : len(table.attributes[name].values)] for name in tested})
    v, marginal_p = _marginal(counts.sum(0), clustered, least)
    result = stratified(counts, clustered, least) if images else "no image has a value of all three"
    if isinstance(result, str):
        return Stratified(first, second, within, images, v, marginal_p, reason=result)
    return Stratified(
        first,
        second,
        within,
        images,
        v,
        marginal_p,
        result.name,
        result.statistic,
        result.freedom,
        result.p_value,
        None,
        result.strata,
        result.odds_ratio,
        _odds(counts, columns[1][1], columns[2][1]) if result.odds_ratio else None,
        result.same_odds,
    )


def _marginal(counts: Ints, clustered: Clustered | None, least: float) -> tuple[Estimate | None, float | None]:
    """Return Cramer's V and the p-value of a table, ignoring strata."""
    marginal = filled(counts)
    if min(marginal.shape, default=0) < 2:
        return None, None
    if clustered is not None:
        _, first, second = clustered.codes
        clustered = clustered._replace(codes=(np.zeros_like(first), first, second))
    found = stratified(counts[None], clustered, least)
    if isinstance(found, str):
        return (cramers_v(marginal, least), None) if clustered is None else (None, None)
    return cramers_v(marginal, found.effect), found.p_value


def _column(table: Table, name: str) -> tuple[np.ndarray, Sequence[str]]:
    if name == CLASS:
        return table.label, table.classes
    return table.attributes[name].codes, table.attributes[name].values


def _odds(counts: Ints, first: Sequence[str], second: Sequence[str]) -> str:
    """Say whose odds the ratio compares: of the first value in use of each column."""
    one = [value for value, many in zip(first, counts.sum((0, 2)), strict=True) if many]
    other = [value for value, many in zip(second, counts.sum((0, 1)), strict=True) if many]
    return f"odds of {other[0]}: {one[0]} relative to {one[1]}"
