"""Applying gates to findings."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from synthgen.auditing.basis import word_of
from synthgen.auditing.deviations import deviations, listed
from synthgen.auditing.findings import OVERALL, REAL, AttributeFindings, Figure, Scope
from synthgen.auditing.gate_lines import checked, from_spec, parse_gate
from synthgen.auditing.gates import (
    LABELS_SETTLE,
    WORD,
    Found,
    Gate,
    GateResult,
    Worst,
    decide,
)
from synthgen.auditing.groups.group_lines import needs_predictions
from synthgen.auditing.groups.joint import parts_of
from synthgen.auditing.matrix_and_labels import beyond_by_labels
from synthgen.auditing.needed import more_told, needed_told
from synthgen.auditing.unanswered import worst_case
from synthgen.errors import UsageError
from synthgen.spec import GateSpec as SpecGate
from synthgen.stats.distance import Distance, Measure
from synthgen.stats.limits import distance_beyond

FEW_CLASSES = 100
"""With more classes than this, only measures of distance that a gate limits are computed, and total variation."""
_IMAGES, _LABELS, _MORE_LABELS = "more images", "labels", "more labels, or images,"
"""What narrows an interval: of figures that need no judge, that rest on its word alone, and that are corrected."""
_REAL_UNCHECKED = "the shares of the real set are this judge's answers, which nothing checks there"
_AGREED_UNCHECKED = "the agreement of judges bounds shares and total variation only"
_REAL_REMEDY = "declared target shares, or a known column in both sets, would settle it"


def read_gates(
    gates: Sequence[Gate | SpecGate | str],
    attributes: Mapping[str, Sequence[str]],
    referenced: Sequence[str],
    has_predictions: bool = False,
) -> list[Gate]:
    """Read gates in any of their forms. `referenced` are the attributes that have a reference.

    Raises:
        UsageError: a line is not a valid gate, names something that the audit lacks, or asks for the distance from a
            missing reference, or for errors without predictions.
    """
    found = []
    for given in gates:
        if isinstance(given, str):
            gate = parse_gate(given, attributes)
        elif isinstance(given, SpecGate):
            gate = from_spec(given, attributes)
        else:
            gate = checked(given, attributes)
        if needs_predictions(gate.measure) and not has_predictions:
            hint = "Name the column of the model's predictions with `predictions`."
            raise UsageError(f"gate '{gate}': there are no predictions", hint=hint)
        lacking = [name for name in parts_of(gate.attribute, attributes) or () if name not in referenced]
        if gate.measure in set(Measure) and lacking and gate.attribute not in referenced:
            hint = "Give target shares of each attribute with `targets`, or a real set with `reference`."
            raise UsageError(f"gate '{gate}': {lacking[0]} has no target to be distant from", hint=hint)
        if gate.measure in set(Measure) and gate.attribute in attributes and gate.attribute not in referenced:
            hint = "Give its target shares with `targets`, or a real set with `reference`."
            raise UsageError(f"gate '{gate}': {gate.attribute} has no target to be distant from", hint=hint)
        found.append(gate)
    return found


def measures_of(gates: Sequence[Gate], attribute: str, classes: int) -> frozenset[Measure]:
    """Return the measures of distance to compute for an attribute: all, or with many classes those that decide.

    Total variation is always among them: a report begins with it.
    """
    if classes <= FEW_CLASSES:
        return frozenset(Measure)
    gated = {gate.measure for gate in gates if gate.attribute == attribute}
    return frozenset(measure for measure in Measure if measure is Measure.TV or measure in gated)


def apply_gates(
    gates: Sequence[Gate],
    found: Sequence[AttributeFindings],
    trust_judge: bool = False,
    seed: int = 0,
    of_groups: Callable[[Gate], dict[str, Found] | None] = lambda gate: None,
) -> tuple[GateResult, ...]:
    """Decide every gate. With `trust_judge`, the judge's answers count even where nothing checks them.

    Args:
        of_groups: returns what decides a gate on groups, and None for another one.
    """
    by_name = {attribute.name: attribute for attribute in found}
    places = ((gate, of_groups(gate)) for gate in gates)
    return tuple(
        decide(gate, _places(gate, by_name[gate.attribute], seed) if own is None else own, trust_judge)
        for gate, own in places
    )


def _places(gate: Gate, attribute: AttributeFindings, seed: int) -> dict[str, Found]:
    if gate.measure == "v":
        return {OVERALL: _association(attribute)}
    scopes = attribute.scopes[1:] if gate.within == "class" else attribute.scopes[:1]
    return {scope.place: _found(gate, scope, attribute, seed) for scope in scopes}


def _found(gate: Gate, scope: Scope, attribute: AttributeFindings, seed: int) -> Found:
    """Return the quoted figure, or the judge's abstention if the gate limits that.

    Abstention is what the judge does, not what it says about an image: its errors do not change it, nor would labels.
    """
    if gate.measure == "unknown":
        return Found(scope.unknown_share, "there are no images", narrows=_IMAGES)

    quoted, few = scope.quote, _too_few(gate, scope)
    narrows = _LABELS if quoted.unchecked or quoted.figure is Figure.AGREED else _MORE_LABELS
    if attribute.known or scope.labelled >= scope.images:
        narrows = few or more_told(scope)
    if gate.measure == "share":
        share = next(share for share in scope.shares if share.value == gate.value)
        figure = share.of(quoted.figure)
        freedom = scope.freedom if quoted.figure in (Figure.CLUSTERED, Figure.AGREED) else None
        found = Found(figure, quoted.reason, quoted.unchecked, narrows=narrows, freedom=freedom, word=word_of(scope))
        if quoted.figure is Figure.MATRIX and figure and share.labels:
            of_all = attribute.scopes[0].shares[scope.shares.index(share)].labels
            found = found._replace(beyond=beyond_by_labels(share.labels, of_all, gate))
        return _with_unanswered(found, gate, scope, attribute)

    if quoted.figure is Figure.AGREED and gate.measure != Measure.TV:
        raw = next((each.found for each in scope.raw_distances if each.measure == gate.measure), None)
        return Found(raw, scope.no_distance, _AGREED_UNCHECKED, narrows=_LABELS)

    distance = next((each for each in scope.distances if each.measure == gate.measure), None)
    beyond = _distance_beyond(distance, gate, scope, seed) if distance else None
    found = Found(
        distance.found if distance else None,
        scope.no_distance,
        quoted.unchecked,
        narrows=narrows,
        beyond=beyond,
        detail=listed(deviations(scope)),
        remedy=f"{LABELS_SETTLE}, and {few}" if few else LABELS_SETTLE,
        word=word_of(scope),
    )
    found = _with_unanswered(found, gate, scope, attribute)
    if attribute.reference == REAL and not attribute.known:
        return found._replace(unchecked=_REAL_UNCHECKED, remedy=_REAL_REMEDY, word=WORD)
    return found


def _too_few(gate: Gate, scope: Scope) -> str | None:
    """Say what it takes before a limit on total variation can be kept, if that is known."""
    if gate.measure != Measure.TV or not gate.most or not scope.reference:
        return None
    worth = scope.valued / max(1.0, scope.design_effect or 1.0)
    distance = next((each.found for each in scope.distances if each.measure is Measure.TV), None)
    return needed_told(list(scope.reference.values()), gate.limit, distance, worth, scope)


def _with_unanswered(found: Found, gate: Gate, scope: Scope, attribute: AttributeFindings) -> Found:
    """Add what images without a value could make of the figure."""
    worst = worst_case(gate, scope, found.estimate) if found.estimate else None
    if worst is None:
        return found
    images = f"{scope.unknown:,} of {scope.images:,} images"
    remedy = "their values would settle it" if attribute.known else LABELS_SETTLE
    return found._replace(worst=Worst(worst, images, remedy))


def _distance_beyond(distance: Distance, gate: Gate, scope: Scope, seed: int) -> Callable[[int], float]:
    figure, limit, plain = scope.quote.figure, gate.limit, distance
    if figure is Figure.AGREED and scope.differ is not None:  # the raw distance, from a limit that is so much farther
        figure = Figure.CLUSTERED if scope.shares[0].clustered else Figure.RAW
        plain = next((each for each in scope.raw_distances if each.measure == gate.measure), distance)
        limit += scope.differ if gate.most else -scope.differ

    def beyond(tests: int) -> float:
        if not 0 <= limit <= 1:
            return 1.0
        if not plain.found.half_width:  # the set itself is asked about
            return 0.0
        shares = [found for share in scope.shares if (found := share.of(figure))]
        wanted = [(scope.reference or {}).get(share.value, 0.0) for share in scope.shares]
        rng = np.random.default_rng([seed, *str(gate).encode(), *scope.place.encode()])
        values = np.array([share.value for share in shares])
        return distance_beyond(plain, values, np.array(wanted), limit, gate.most, rng, tests)

    return beyond


def _association(attribute: AttributeFindings) -> Found:
    """Return the association of the corrected shares if every class has them, else that of the raw answers."""
    found = attribute.association
    if attribute.known:
        return Found(found.v, found.reason, narrows=_IMAGES)
    unchecked = next((scope.quote.unchecked for scope in attribute.scopes[1:] if scope.quote.unchecked), None)
    if unchecked:
        return Found(found.v, found.reason, unchecked, narrows=_LABELS)
    if any(scope.quote.figure is Figure.AGREED for scope in attribute.scopes[1:]):
        return Found(found.v, found.reason, _AGREED_UNCHECKED, narrows=_LABELS)
    return Found(found.corrected, found.reason or "fewer than two values to compare", narrows=_MORE_LABELS)
