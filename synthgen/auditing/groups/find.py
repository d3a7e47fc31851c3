"""Comparing groups in an audited table, and deciding the gates on them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from synthgen.auditing.findings import AttributeFindings
from synthgen.auditing.gates import Found, Gate
from synthgen.auditing.groups.contrast_gates import contrast_places
from synthgen.auditing.groups.contrasts import between_classes, between_values, spreads
from synthgen.auditing.groups.costs import Costs
from synthgen.auditing.groups.error_gates import JUDGED, error_places
from synthgen.auditing.groups.errors import Grouping, find_errors
from synthgen.auditing.groups.found import Contrast, GroupFindings, ReferenceGroup
from synthgen.auditing.groups.group_lines import split_measure
from synthgen.auditing.groups.model_errors import ModelErrors
from synthgen.auditing.groups.references import CLASS, reference_groups
from synthgen.auditing.groups.slices import find_slices
from synthgen.auditing.groups.stratified import find_stratified
from synthgen.auditing.table import Table
from synthgen.sets import PREDICTED

if TYPE_CHECKING:
    import pandas as pd

    from synthgen.stats.distance import Reference

MANY_CLASSES = 100
"""With more classes, shares beside those of a reference are listed only where one was named."""


@dataclass(frozen=True, slots=True, eq=False)
class GroupQuestion:
    """What is asked about groups.

    Attributes:
        reference_groups: those that the user named.
        known: attributes that are taken as true, joint ones included.
        references: the targets of attributes.
        joints: the joint attributes of the table.
        whole: whether the set itself is asked about, and not its source.
        costs: what images cost that depend on each other, with `whole` too.
    """

    reference_groups: Mapping[str, str]
    known: Collection[str]
    references: Mapping[str, Reference]
    joints: Collection[str]
    whole: bool = False
    costs: Costs = field(default_factory=Costs)


Places = Callable[[Gate], dict[str, Found] | None]
"""Returns what decides a gate on groups; None for any other gate."""


def find_groups(
    table: Table,
    plain: Table,
    frame: pd.DataFrame,
    found: Sequence[AttributeFindings],
    asked: GroupQuestion,
) -> tuple[GroupFindings, Places]:
    """Compare groups.

    Args:
        table: with joint attributes; `plain` is without them, and has the clusters of the source with `whole`, too.
        found: what was measured, joint attributes included.
    """
    classes = {name: int((plain.label == index).sum()) for index, name in enumerate(plain.classes)}
    groups = reference_groups(asked.reference_groups, found, classes)
    errors: ModelErrors | None = None
    groupings: dict[str, Grouping] = {}
    if PREDICTED in frame.columns:
        names = [each.name for each in found]
        unchecked = {name: None if name in asked.known else JUDGED for name in names}
        errors, groupings = find_errors(table, frame, names, asked.known, unchecked, groups, asked.whole)

    own = [each for each in found if each.name not in asked.joints]
    result = GroupFindings(
        references=tuple(groups.values()),
        contrasts=tuple(_contrasts(own, groups, len(plain.classes))),
        spreads=tuple(spread for each in own for spread in spreads(each)),
        slices=find_slices(plain, asked.references, asked.known, asked.costs) if own else None,
        stratified=find_stratified(plain, asked.costs) if len(own) > 1 else (),
        errors=errors,
        caveats=tuple(_caveats(errors, own)),
    )
    return result, _places({each.name: each for each in found}, groups, errors, groupings, plain.classes)


def _contrasts(
    found: Sequence[AttributeFindings], groups: Mapping[str, ReferenceGroup], classes: int
) -> Iterator[Contrast]:
    for each in found:
        listed = classes <= MANY_CLASSES or (each.name in groups and groups[each.name].declared)
        yield from (
            contrast for contrast, *_ in between_values(each, each.scopes if listed else each.scopes[:1], groups)
        )
        if classes <= MANY_CLASSES or (CLASS in groups and groups[CLASS].declared):
            yield from (contrast for contrast, *_ in between_classes(each, groups))


def _places(
    found: Mapping[str, AttributeFindings],
    groups: Mapping[str, ReferenceGroup],
    errors: ModelErrors | None,
    groupings: Mapping[str, Grouping],
    classes: Sequence[str],
) -> Places:
    of_errors = {each.attribute: each for each in errors.attributes} if errors else {}

    def places(gate: Gate) -> dict[str, Found] | None:
        metric, contrast = split_measure(gate.measure)
        if metric is not None:
            return error_places(gate, of_errors[gate.attribute], groupings[gate.attribute], classes)
        return contrast_places(gate, found[gate.attribute], groups) if contrast else None

    return places


def _caveats(errors: ModelErrors | None, found: Sequence[AttributeFindings]) -> Iterator[str]:
    if errors is None:
        return
    if errors.missing:
        yield f"{errors.missing:,} images have no prediction, and are in no rate of the model's errors"
    if errors.outside:
        shown = ", ".join(map(repr, errors.outside_names[:5]))
        yield f"{errors.outside:,} predictions are none of the classes ({shown}): each counts as an error"
    if judged := [each.name for each in found if not each.known]:
        yield f"the model's errors by {', '.join(judged)} are by the groups that the judge sees, which nothing checks"
