"""Gates applied to findings."""

from collections.abc import Mapping, Sequence

from synthgen.audit.distance import Measure
from synthgen.audit.estimates import Estimate
from synthgen.audit.findings import OVERALL, AttributeFindings, Scope
from synthgen.audit.gates import Gate, GateResult, checked, decide, from_spec, parse_gate
from synthgen.errors import UsageError
from synthgen.spec import Gate as SpecGate


def read_gates(
    gates: Sequence[Gate | SpecGate | str], attributes: Mapping[str, Sequence[str]], referenced: Sequence[str]
) -> list[Gate]:
    """In whatever form they were given. `referenced` are the attributes that have a reference.

    Raises:
        UsageError: a line is no gate, names what is not there, or asks for the distance from a reference that is not.
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


def apply_gates(gates: Sequence[Gate], found: Sequence[AttributeFindings]) -> tuple[GateResult, ...]:
    by_name = {attribute.name: attribute for attribute in found}
    return tuple(decide(gate, _places(gate, by_name[gate.attribute])) for gate in gates)


def _places(gate: Gate, attribute: AttributeFindings) -> dict[str, tuple[Estimate | None, str | None]]:
    if gate.measure == "v":
        association = attribute.association
        return {OVERALL: (association.v, association.reason)}
    scopes = attribute.scopes[1:] if gate.within == "class" else attribute.scopes[:1]
    return {scope.place: _found(gate, scope) for scope in scopes}


def _found(gate: Gate, scope: Scope) -> tuple[Estimate | None, str | None]:
    """The quoted figure, or that of the judge's abstention."""
    if gate.measure == "unknown":
        return scope.unknown_share, "there are no images"
    if gate.measure == "share":
        share = next(share for share in scope.shares if share.value == gate.value)
        return share.of(scope.quote.figure), scope.quote.reason
    distance = next((each for each in scope.distances if each.measure == gate.measure), None)
    return (distance.found if distance else None), scope.no_distance
