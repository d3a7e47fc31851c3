"""Applying gates to findings."""

from collections.abc import Mapping, Sequence

from synthgen.auditing.findings import OVERALL, REAL, AttributeFindings, Scope
from synthgen.auditing.gates import Found, Gate, GateResult, checked, decide, from_spec, parse_gate
from synthgen.errors import UsageError
from synthgen.spec import GateSpec as SpecGate
from synthgen.stats.distance import Measure

_IMAGES, _LABELS, _MORE_LABELS = "more images", "labels", "more labels, or images,"
"""What narrows an interval: of figures that need no judge, that rest on its word alone, and that are corrected."""
_REAL_UNCHECKED = "the shares of the real set are this judge's answers, which nothing checks there"
_REAL_REMEDY = "declared target shares, or a known column in both sets, would settle it"


def read_gates(
    gates: Sequence[Gate | SpecGate | str], attributes: Mapping[str, Sequence[str]], referenced: Sequence[str]
) -> list[Gate]:
    """Read gates in any of their forms. `referenced` are the attributes that have a reference.

    Raises:
        UsageError: a line is not a valid gate, names something that the audit lacks, or asks for the distance from a
            missing reference.
    """
    found = []
    for given in gates:
        if isinstance(given, str):
            gate = parse_gate(given, attributes)
        elif isinstance(given, SpecGate):
            gate = from_spec(given, attributes)
        else:
            gate = checked(given, attributes)
        if gate.measure in set(Measure) and gate.attribute not in referenced:
            hint = f"Declare what {gate.attribute} should be: uniform, shares, or a real set."
            raise UsageError(f"gate '{gate}': {gate.attribute} has no reference to be distant from", hint=hint)
        found.append(gate)
    return found


def apply_gates(
    gates: Sequence[Gate], found: Sequence[AttributeFindings], trust_judge: bool = False
) -> tuple[GateResult, ...]:
    """Decide every gate. With `trust_judge`, the judge's answers count even where nothing checks them."""
    by_name = {attribute.name: attribute for attribute in found}
    return tuple(decide(gate, _places(gate, by_name[gate.attribute]), trust_judge) for gate in gates)


def _places(gate: Gate, attribute: AttributeFindings) -> dict[str, Found]:
    if gate.measure == "v":
        return {OVERALL: _association(attribute)}
    scopes = attribute.scopes[1:] if gate.within == "class" else attribute.scopes[:1]
    return {scope.place: _found(gate, scope, attribute) for scope in scopes}


def _found(gate: Gate, scope: Scope, attribute: AttributeFindings) -> Found:
    """Return the quoted figure, or the judge's abstention if the gate limits that.

    Abstention is what the judge does, not what it says about an image: its errors do not change it, nor would labels.
    """
    if gate.measure == "unknown":
        return Found(scope.unknown_share, "there are no images", narrows=_IMAGES)

    quoted = scope.quote
    narrows = _LABELS if quoted.unchecked else _MORE_LABELS
    if attribute.known or scope.labelled >= scope.images:
        narrows = _IMAGES
    if gate.measure == "share":
        share = next(share for share in scope.shares if share.value == gate.value)
        return Found(share.of(quoted.figure), quoted.reason, quoted.unchecked, narrows=narrows)

    distance = next((each for each in scope.distances if each.measure == gate.measure), None)
    found = Found(distance.found if distance else None, scope.no_distance, quoted.unchecked, narrows=narrows)
    if attribute.reference == REAL and not attribute.known:
        return found._replace(unchecked=_REAL_UNCHECKED, remedy=_REAL_REMEDY)
    return found


def _association(attribute: AttributeFindings) -> Found:
    """Return the association of the corrected shares if every class has them, else that of the raw answers."""
    found = attribute.association
    if attribute.known:
        return Found(found.v, found.reason, narrows=_IMAGES)
    unchecked = next((scope.quote.unchecked for scope in attribute.scopes[1:] if scope.quote.unchecked), None)
    if unchecked:
        return Found(found.v, found.reason, unchecked, narrows=_LABELS)
    return Found(found.corrected, found.reason or "fewer than two values to compare", narrows=_MORE_LABELS)
