"""A model's errors by class and group, and what they differ by between groups."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from synthgen.auditing.groups.found import ReferenceGroup
from synthgen.auditing.groups.model_errors import (
    AttributeErrors,
    ClassErrors,
    ErrorContrast,
    ErrorSpread,
    GroupErrors,
    ModelErrors,
)
from synthgen.auditing.table import Table, encode
from synthgen.sets import PREDICTED
from synthgen.stats.contrasts import SharePair, all_ends, spread
from synthgen.stats.estimates import Ints
from synthgen.stats.rates import OF_ALL, OF_CLASS, Outcomes, Rates, rates

if TYPE_CHECKING:
    import pandas as pd

MOST_LISTED = 2000
"""Groups times classes: with more, rates of single classes by group are not listed."""
_NAMED = 20


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """The rates of the groups of one attribute, as arrays, and what images without a group or a prediction add.

    Attributes:
        names: of the groups.
        found: by metric.
        without: the rates of the images without a group.
        missing: images without a prediction, by group and class; the last row is of those without a group.
    """

    names: tuple[str, ...]
    found: Mapping[str, Rates]
    without: Mapping[str, Rates]
    missing: Ints

    def pair(self, metric: str, first: tuple[int, ...], second: tuple[int, ...]) -> SharePair | None:
        """SharePair the rates of two groups, in (group,) or (group, class)."""
        rate = self.found[metric]
        one, other = rate.estimate(*first), rate.estimate(*second)
        if one is None or other is None:
            return None
        own = [int(rate.freedom[place]) for place in (first, second) if rate.freedom[place]]
        return SharePair(one, other, 0.0, min(own, default=None))

    def extremes(self, metric: str, *place: int) -> tuple[float, float]:
        """Return the lowest and highest rate of a group if images without a group or prediction could be anything."""
        rate, without = self.found[metric], self.without[metric]
        rest = (0, *place[1:])
        hits, of = int(rate.hits[place]), int(rate.of[place])
        more, among = int(without.hits[rest]), int(without.of[rest])
        missing = self.missing[[place[0], -1]]
        unseen = int(missing.sum() if metric not in ("recall", "fnr") else missing[:, place[1]].sum())
        low = hits / max(of + among - more + unseen, 1)
        return low, (hits + more + unseen) / max(of + more + unseen, 1)


def read_predictions(table: Table, frame: pd.DataFrame) -> Ints:
    """Return the predicted class of each image: `len(classes)` if it is none of them, -1 if it is missing."""
    codes = encode(frame[PREDICTED], table.classes).astype(np.int64)
    return np.where(codes >= 0, codes, np.where(frame[PREDICTED].notna().to_numpy(), len(table.classes), -1))


def group_by(table: Table, predicted: Ints, name: str | None, whole: bool = False) -> Grouping:
    """Compute the rates by the values of an attribute; with None, of all images as one group.

    Args:
        whole: whether the set itself is asked about, so that its rates have no interval.
    """
    values = ("",) if name is None else table.attributes[name].values
    many = len(values)
    codes = np.zeros(len(table), dtype=np.int64) if name is None else np.minimum(table.attributes[name].codes, many)
    there, classes = predicted >= 0, len(table.classes)
    label, cluster = table.label.astype(np.int64), table.cluster

    def of(which: np.ndarray, group: Ints, groups: int) -> Mapping[str, Rates]:
        own = None if cluster is None else cluster[which]
        return rates(Outcomes(label[which], predicted[which], group, groups, classes, own, whole))

    inside = there & (codes < many)
    outside = there & (codes == many)
    missing = np.bincount(codes[~there] * classes + label[~there], minlength=(many + 1) * classes)
    return Grouping(
        values,
        of(inside, codes[inside].astype(np.int64), many),
        of(outside, np.zeros(int(outside.sum()), dtype=np.int64), 1),
        missing.reshape(many + 1, classes),
    )


def find_errors(
    table: Table,
    frame: pd.DataFrame,
    names: Collection[str],
    known: Collection[str],
    unchecked: Mapping[str, str | None],
    groups: Mapping[str, ReferenceGroup],
    whole: bool = False,
) -> tuple[ModelErrors, dict[str, Grouping]]:
    """Compute the errors of the model, by class and by the groups of each attribute in `names`.

    Also returns the rates by attribute, for gates.
    """
    predicted = read_predictions(table, frame)
    outside = frame[PREDICTED][predicted == len(table.classes)]
    overall = group_by(table, predicted, None, whole)
    groupings = {name: group_by(table, predicted, name, whole) for name in names}
    attributes = tuple(
        _attribute(table, name, each, name in known, unchecked.get(name), groups.get(name))
        for name, each in groupings.items()
    )
    found = ModelErrors(
        int((predicted < 0).sum()),
        len(outside),
        tuple(map(str, outside.value_counts().index[:_NAMED])),
        _group(table, overall, 0, None, listed=True),
        attributes,
    )
    return found, groupings


def _attribute(
    table: Table,
    name: str,
    found: Grouping,
    known: bool,
    unchecked: str | None,
    reference: ReferenceGroup | None,
) -> AttributeErrors:
    listed = len(found.names) * len(table.classes) <= MOST_LISTED
    base = found.names.index(reference.group) if reference else None
    return AttributeErrors(
        attribute=name,
        known=known,
        unchecked=unchecked,
        without_group=int((table.attributes[name].codes >= len(found.names)).sum()),
        reference=reference.group if reference else None,
        groups=tuple(_group(table, found, index, value, listed) for index, value in enumerate(found.names)),
        contrasts=tuple(_contrasts(table, found, base, listed)) if base is not None else (),
        spreads=tuple(_spreads(table, found, listed)),
    )


def _group(table: Table, found: Grouping, index: int, name: str | None, listed: bool) -> GroupErrors:
    of = found.found
    classes = (
        ClassErrors(
            kind,
            int(of["recall"].of[index, place]),
            int(of["precision"].of[index, place]),
            *(of[metric].estimate(index, place) for metric in OF_CLASS),
        )
        for place, kind in enumerate(table.classes)
    )
    accuracy, error = (of[metric].estimate(index) for metric in OF_ALL)
    images, missing = int(of["accuracy"].of[index]), int(found.missing[index].sum())
    return GroupErrors(name, images, missing, accuracy, error, tuple(classes) if listed else ())


def _places(table: Table, listed: bool) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Yield every metric with its place: in words, and as the indices after the group's."""
    for metric in OF_ALL:
        yield "overall", metric, ()
    for index, kind in enumerate(table.classes if listed else ()):
        for metric in OF_CLASS:
            yield f"class {kind}", metric, (index,)


def _contrasts(table: Table, found: Grouping, base: int, listed: bool) -> Iterator[ErrorContrast]:
    for place, metric, index in _places(table, listed):
        for group in range(len(found.names)):
            if group != base:
                yield contrast(found, place, metric, (group, *index), (base, *index))


def contrast(
    found: Grouping, place: str, metric: str, first: tuple[int, ...], second: tuple[int, ...]
) -> ErrorContrast:
    """Compare a rate in two groups."""
    pair = found.pair(metric, first, second)
    ratio = pair.ratio() if pair else None
    reason = None
    names = found.names[first[0]], found.names[second[0]]
    if pair is None:
        empty = names[0] if not found.found[metric].of[first] else names[1]
        reason = f"no images of {empty} have this rate"
    elif ratio is None:
        reason = f"no ratio: the rate of {names[1]} is, or may be, 0"
    return ErrorContrast(place, metric, *names, pair.difference() if pair else None, ratio, reason)


def _spreads(table: Table, found: Grouping, listed: bool) -> Iterator[ErrorSpread]:
    for place, metric, index in _places(table, listed):
        rate = found.found[metric]
        there = [
            (name, estimate)
            for group, name in enumerate(found.names)
            if (estimate := rate.estimate(group, *index)) is not None
        ]
        if (apart := spread(all_ends([estimate for _, estimate in there]))) is not None:
            names = there[apart.lowest][0], there[apart.highest][0]
            yield ErrorSpread(place, metric, apart.difference, apart.ratio, *names)
