"""The worst slices: of all combinations of class and values, those whose share is surely far from its reference."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

import numpy as np

from synthgen.auditing.crossings import MIN_CELL
from synthgen.auditing.findings import OVERALL, place_of
from synthgen.auditing.groups.costs import Costs
from synthgen.auditing.groups.found import Slice, Slices
from synthgen.auditing.groups.joint import joint_name, joint_value
from synthgen.auditing.table import Table, crossed
from synthgen.stats.clusters import FEWEST_FREEDOM
from synthgen.stats.distance import Reference
from synthgen.stats.estimates import Estimate, Floats, Ints, wilson
from synthgen.stats.slices import SliceCells, SliceTests, examine

SHOWN = 10
_LEVEL = 0.05


class _Group(NamedTuple):
    """SliceCells that are tested together: one attribute, or two, in all classes or overall."""

    attributes: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    places: tuple[str, ...]
    basis: str
    cells: SliceCells
    searched: np.ndarray

    @property
    def overall(self) -> bool:
        return self.places == (OVERALL,)

    def measured(self, costs: Costs) -> tuple[str, ...]:
        """Return whose shares tell the design effects: both attributes, if their combination was not measured."""
        together = joint_name(self.attributes)
        return (
            (together,)
            if together in costs.effects
            else tuple(name for name in self.attributes if name in costs.effects)
        )

    def columns(self, name: str) -> Ints:
        """Return the position of the value of `name` in each column."""
        if name not in self.attributes:
            return np.arange(len(self.values))
        each = [values[self.attributes.index(name)] for values in self.values]
        place = {value: index for index, value in enumerate(dict.fromkeys(each))}
        return np.array([place[value] for value in each])


def find_slices(
    table: Table, references: Mapping[str, Reference], known: Collection[str], costs: Costs | None = None
) -> Slices:
    """Search every share of a value, and of a pair of values, in every class and overall.

    The reference of a share is the target, if there is one: of two attributes, the product of their targets. Otherwise
    it is the share in the other classes, or for a pair what independence in the same place would give. Of two slices
    that say the same, such as the shares of only two values, one is searched. The shares are those of the answers, not
    corrected for a judge's errors.

    Args:
        costs: what images cost that depend on each other; by default, what the clusters of the table show alone.
    """
    costs = costs or Costs()
    groups = [_costed(group, costs) for group in _groups(table, references)]
    searched = sum(int(group.searched.sum()) for group in groups)
    skipped = sum(int((~group.searched.any(1)).sum()) for group in groups)
    if not searched:
        return Slices(0, MIN_CELL, skipped, 0, ())

    tests = [examine(group.cells, group.searched, searched) for group in groups]
    adjusted = _holm(np.concatenate([test.p_value[group.searched] for group, test in zip(groups, tests, strict=True)]))
    found: list[tuple[float, int, int, float]] = []
    start = beyond = 0
    for number, (group, test) in enumerate(zip(groups, tests, strict=True)):
        where = np.flatnonzero(group.searched)
        own = adjusted[start : start + len(where)]
        start += len(where)
        beyond += int((own < _LEVEL).sum())
        for place, p_value in zip(where[own < _LEVEL], own[own < _LEVEL], strict=True):
            found.append((-float(test.at_least.flat[place]), number, int(place), float(p_value)))

    worst = [
        _slice(groups[number], tests[number], place, p_value, known, costs)
        for _, number, place, p_value in sorted(found)[:SHOWN]
    ]
    return Slices(searched, MIN_CELL, skipped, beyond, tuple(worst))


def _slice(group: _Group, test: SliceTests, index: int, adjusted: float, known: Collection[str], costs: Costs) -> Slice:
    row, column = divmod(index, len(group.values))
    count, images = int(group.cells.count[row, column]), int(group.cells.images[row, column])
    hidden = len(group.attributes) > 1 and 0 < count < MIN_CELL
    reference = float(test.reference[row, column])
    return Slice(
        place=group.places[row],
        attributes=group.attributes,
        values=group.values[column],
        images=images,
        count=None if hidden else count,
        share=None if hidden else _share(group, row, column, costs),
        reference=reference,
        basis=group.basis,
        deviation=None if hidden else count / images - reference,
        at_least=float(test.at_least[row, column]),
        p_value=float(test.p_value[row, column]),
        adjusted=adjusted,
        known=all(name in known for name in group.attributes),
    )


def _share(group: _Group, row: int, column: int, costs: Costs) -> Estimate | None:
    """Return a share with the interval that the table of shares has, or would have, for it."""
    count, images = int(group.cells.count[row, column]), int(group.cells.images[row, column])
    place = 0 if group.overall else row + 1
    found = []
    for part in group.measured(costs):
        effect = costs.effect_of(part, place)
        cost = effect.of(int(group.columns(part)[column])) if effect is not None else None
        if effect is not None and cost is not None:
            found.append(effect.interval(count, images, cost))
    return max((each for each in found if each), key=lambda each: each.half_width, default=wilson(count, images))


def _costed(group: _Group, costs: Costs) -> _Group:
    """Let a group's tests allow for the design effects of its shares, and leave out what is worth too few images."""
    names, cells = group.measured(costs), group.cells
    parts = []
    for name in names:
        own = costs.of_shares(name, int(group.columns(name).max()) + 1, group.overall)
        parts.append(np.ones(cells.count.shape) if own is None else own[:, group.columns(name)])
    if not parts or (cells.freedom is None and max(each.max(initial=1.0) for each in parts) <= 1):
        return group

    # Two attributes are associated with a smaller effect than that of either: see `Costs.of_association`.
    cost = np.min(parts, axis=0) if group.basis == "independence" else np.max(parts, axis=0)
    freedom = costs.freedom(names, group.overall)
    freedom = freedom if cells.freedom is None else np.minimum(freedom, cells.freedom)
    beside = cost
    if group.basis == "the other classes":
        images = cells.images
        spent, rest = images * cost, images.sum(0) - images
        beside = np.maximum((spent.sum(0) - spent) / np.maximum(rest, 1), 1.0)
        if costs.more and (whole := costs.of_shares(names[0], cells.count.shape[1], True)) is not None:
            beside = np.maximum(beside, whole)
    searched = group.searched & (cells.images / cost >= MIN_CELL)
    return group._replace(cells=replace(cells, costs=(cost, beside), freedom=freedom), searched=searched)


def _groups(table: Table, references: Mapping[str, Reference]) -> Iterator[_Group]:
    for name in table.attributes:
        yield from _of_one(table, name, references.get(name))
    for pair in combinations(table.attributes, 2):
        yield from _of_two(table, pair, references)


def _places(table: Table) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (OVERALL,), tuple(map(place_of, table.classes))


def _of_one(table: Table, name: str, reference: Reference | None) -> Iterator[_Group]:
    """Yield the shares of one attribute: overall if there is a target, and in each class."""
    values = table.attributes[name].values
    by_class = table.counts(name)[:, : len(values)]
    clusters = _clusters(table, table.attributes[name].codes, len(values))
    labels = tuple((value,) for value in values)
    overall, classes = _places(table)
    if reference is not None:
        for places, counts, kinds, groups in (
            (overall, by_class.sum(0, keepdims=True), (None,), _together(clusters)),
            (classes, by_class, table.classes, clusters),
        ):
            wanted = _targets(reference, kinds, values)
            cells = SliceCells.against(counts, wanted, groups)
            searched = _enough(cells) & ~np.isnan(wanted) & _own(len(values) > 2, len(values))
            yield _Group((name,), labels, places, "target", cells, searched)
    elif len(table.classes) > 1:
        cells = SliceCells.against_others(by_class, clusters)
        searched = _enough(cells) & _own(len(values) > 2, len(values))
        yield _Group((name,), labels, classes, "the other classes", cells, searched)


def _of_two(table: Table, pair: tuple[str, str], references: Mapping[str, Reference]) -> Iterator[_Group]:
    first, second = (table.attributes[name] for name in pair)
    shape = len(first.values), len(second.values)
    inside = (first.codes < shape[0]) & (second.codes < shape[1])
    codes = np.where(inside, first.codes * shape[1] + second.codes, shape[0] * shape[1])
    many = shape[0] * shape[1]
    by_class = crossed((table.label, len(table.classes)), (codes, many + 1))[:, :many]
    clusters = _clusters(table, codes, many)
    labels = tuple((one, other) for one in first.values for other in second.values)
    targets = [references.get(name) for name in pair]
    overall, classes = _places(table)
    for places, counts, kinds, groups in (
        (overall, by_class.sum(0, keepdims=True), (None,), _together(clusters)),
        (classes, by_class, table.classes, clusters),
    ):
        if targets[0] is not None and targets[1] is not None:
            own = _targets(targets[0], kinds, first.values)[:, :, None]
            wanted = (own * _targets(targets[1], kinds, second.values)[:, None, :]).reshape(len(kinds), many)
            cells = SliceCells.against(counts, wanted, groups)
            yield _Group(pair, labels, places, "target", cells, _enough(cells) & ~np.isnan(wanted))
        else:
            cells = SliceCells.against_independence(counts, shape, groups)
            searched = _enough(cells) & (cells.spare > 0) & _own(many > 4, many)
            yield _Group(pair, labels, places, "independence", cells, searched)


def _targets(reference: Reference, kinds: Sequence[str | None], values: tuple[str, ...]) -> Floats:
    """Return the target shares of classes, or overall for None; NaN for a class without a target."""
    found = np.full((len(kinds), len(values)), np.nan)
    for row, kind in enumerate(kinds):
        if (target := reference.of(kind)) is not None:
            found[row] = [target.shares.get(value, 0.0) for value in values]
    return found


def _clusters(table: Table, codes: np.ndarray, many: int) -> tuple[Ints, Ints] | None:
    """Count the values of each prompt, [prompts, values], beside the row that a prompt counts in: its class."""
    if table.cluster is None:
        return None
    counted = crossed((table.cluster, len(table.cluster_label)), (np.minimum(codes, many).astype(np.int64), many + 1))
    return counted[:, :many], table.cluster_label


def _together(clusters: tuple[Ints, Ints] | None) -> tuple[Ints, Ints] | None:
    return None if clusters is None else (clusters[0], np.zeros_like(clusters[1]))


def _enough(cells: SliceCells) -> np.ndarray:
    enough = cells.images >= MIN_CELL
    if cells.freedom is not None:
        enough &= (cells.freedom >= FEWEST_FREEDOM)[:, None]
    return enough


def _own(differ: bool, many: int) -> np.ndarray:
    """Tell which cells of a row say something of their own: all, or only the first."""
    return np.full(many, True) if differ else np.arange(many) == 0


def _holm(p_values: Floats) -> Floats:
    """Apply Holm's correction (1979) to all tests."""
    order = np.argsort(p_values, kind="stable")
    stepped = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    found = np.empty_like(p_values)
    found[order] = np.minimum(stepped, 1.0)
    return found


def slice_name(found: Slice) -> str:
    """Name a slice, such as 'class nurse: gender x skin_tone = man, dark'."""
    return f"{found.place}: {joint_name(found.attributes)} = {joint_value(found.values)}"
