"""Gates on a model's errors by group."""

from collections.abc import Iterator, Sequence

from synthgen.auditing.gates import Found, Gate, Worst
from synthgen.auditing.groups.contrast_gates import beyond
from synthgen.auditing.groups.errors import Grouping, contrast
from synthgen.auditing.groups.group_lines import DIFFERENCE, split_measure
from synthgen.auditing.groups.model_errors import AttributeErrors
from synthgen.stats.contrasts import Kind, size_of
from synthgen.stats.estimates import Estimate

JUDGED = "the groups are this judge's answers, which nothing checks"
KNOW = "a column with the groups would settle it"
_WITHIN = {"error": "fnr", "accuracy": "recall"}
"""The error of one class is the share of its images that are predicted wrong."""


def error_places(gate: Gate, found: AttributeErrors, grouping: Grouping, classes: Sequence[str]) -> dict[str, Found]:
    """Return what decides a gate on a rate, or on its difference or ratio, for each group that it is about."""
    metric, kind = split_measure(gate.measure)
    assert metric is not None, "a gate on a model's errors"
    base = grouping.names.index(found.reference) if found.reference is not None else None
    places = {}
    for place, own, index in _places(gate, metric, classes):
        for group, name in enumerate(grouping.names):
            if kind is None:
                places[f"{place}{name}"] = _rate(found, grouping, own, (group, *index))
            elif base is not None and group != base:
                places[f"{place}{name}"] = _contrast(gate, found, grouping, place, own, (group, *index), (base, *index))
    return places


def _places(gate: Gate, metric: str, classes: Sequence[str]) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    if gate.within == "dataset":
        yield "", metric, ()
        return
    for index, kind in enumerate(classes):
        yield f"class {kind}, ", _WITHIN.get(metric, metric), (index,)


def _rate(found: AttributeErrors, grouping: Grouping, metric: str, place: tuple[int, ...]) -> Found:
    rate = grouping.found[metric]
    estimate = rate.estimate(*place)
    worst = None
    if estimate is not None:
        worst = _worst(grouping, estimate, *grouping.extremes(metric, *place), found.known)
    return Found(
        estimate,
        "no image of this group has this rate",
        found.unchecked,
        KNOW,
        "more images",
        freedom=int(rate.freedom[place]) or None,
        worst=worst,
    )


def _contrast(
    gate: Gate,
    found: AttributeErrors,
    grouping: Grouping,
    place: str,
    metric: str,
    first: tuple[int, ...],
    second: tuple[int, ...],
) -> Found:
    compared = contrast(grouping, place, metric, first, second)
    kind: Kind = "difference" if gate.measure.endswith(DIFFERENCE) else "ratio"
    estimate = compared.difference and size_of(compared.difference) if kind == "difference" else compared.ratio
    pair = grouping.pair(metric, first, second)
    ends = grouping.extremes(metric, *first), grouping.extremes(metric, *second)
    worst = None
    if estimate is not None:
        tried = [(one, other) for one in ends[0] for other in ends[1]]
        if kind == "ratio":
            figures = [one / other for one, other in tried if other]
        else:
            figures = [abs(one - other) for one, other in tried]
            figures += [0.0] if len({one > other for one, other in tried}) > 1 else []
        worst = _worst(grouping, estimate, min(figures, default=0.0), max(figures, default=0.0), found.known)
    detail = f"{metric} {pair.first.value:.3f} beside {pair.second.value:.3f} of {compared.reference}" if pair else ""
    return Found(
        estimate,
        compared.reason,
        found.unchecked,
        KNOW,
        "more images",
        detail=detail,
        worst=worst,
        beyond=beyond(pair, kind, gate),
    )


def _worst(grouping: Grouping, found: Estimate, least: float, most: float, known: bool) -> Worst | None:
    unseen = int(grouping.missing.sum()) + int(grouping.without["accuracy"].of[0])
    if not unseen:
        return None
    low = max(0.0, min(least, found.value) - (found.value - found.low))
    high = max(most, found.value) + (found.high - found.value)
    remedy = "their groups and predictions would settle it" if known else KNOW
    return Worst(Estimate(found.value, low, high), f"{unseen:,} images", remedy)
