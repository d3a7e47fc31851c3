"""Whether asking about the set itself, and not about its source, would decide a gate that is open."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from synthgen.auditing.findings import REAL, AttributeFindings, Findings, Scope
from synthgen.auditing.gate_lines import parse_gate
from synthgen.auditing.gates import Check, Gate, GateOutcome, GateResult
from synthgen.auditing.groups.contrast_gates import contrast_places
from synthgen.auditing.groups.found import ReferenceGroup
from synthgen.auditing.groups.group_lines import split_measure
from synthgen.auditing.inspection.gates import is_image_gate
from synthgen.auditing.unanswered import worst_case
from synthgen.errors import UsageError
from synthgen.stats.estimates import point


def about_set_decides(findings: Findings) -> bool:
    """Tell whether with `about="set"` some gate that is open now would pass or fail.

    Then the figures of known columns and of images have no sampling interval. What images without a value could make of
    them stays, and so does a judge's error.
    """
    return findings.about == "source" and any(_decided(gate, findings) for gate in findings.gates)


def _decided(result: GateResult, findings: Findings) -> bool:
    if result.outcome is not GateOutcome.INSUFFICIENT:
        return False
    found = list(_outcomes(result, findings))
    return GateOutcome.FAIL in found or (bool(found) and GateOutcome.INSUFFICIENT not in found)


def _outcomes(result: GateResult, findings: Findings) -> Iterator[GateOutcome]:
    """Yield what the open checks would become."""
    attributes = {each.name: each for each in (*findings.attributes, *findings.joint)}
    names = {each.name: each.values for each in findings.attributes}
    groups = {each.of: each for each in findings.groups.references} if findings.groups else {}
    try:
        gate = None if is_image_gate(result.gate) else parse_gate(result.gate, names)
    except UsageError:  # a value's own name reads like a limit: nothing is promised
        return
    for check in result.checks:
        if check.outcome is not GateOutcome.INSUFFICIENT:
            continue
        if check.found is None or check.unchecked:
            yield GateOutcome.INSUFFICIENT
        elif gate is None:
            yield GateOutcome.PASS  # or it fails: what images show is counted
        else:
            yield _of_attribute(gate, check, attributes[gate.attribute], groups)


def _of_attribute(
    gate: Gate, check: Check, attribute: AttributeFindings, groups: Mapping[str, ReferenceGroup]
) -> GateOutcome:
    scope = next((each for each in attribute.scopes if each.place == check.place), attribute.scopes[0])
    if check.found is None or not _is_exact(gate, scope, attribute):
        return GateOutcome.INSUFFICIENT
    exact = point(check.found.value)
    metric, contrast = split_measure(gate.measure)
    if contrast and metric is None:
        worst = contrast_places(gate, _pointed(attribute), groups)[check.place].worst
        exact = worst.estimate if worst else exact
    elif gate.measure not in ("unknown", "v") and metric is None:
        exact = worst_case(gate, scope, exact) or exact
    kept = {(end <= gate.limit) == gate.most or end == gate.limit for end in (exact.low, exact.high)}
    if len(kept) > 1:
        return GateOutcome.INSUFFICIENT
    return GateOutcome.PASS if kept == {True} else GateOutcome.FAIL


def _is_exact(gate: Gate, scope: Scope, attribute: AttributeFindings) -> bool:
    """Tell whether the figure of a gate has no interval about the set, but for images without a value."""
    if gate.measure == "unknown":
        return True
    if not attribute.known and scope.labelled < scope.images:
        return False
    return attribute.reference != REAL or gate.measure in ("share", "v") or split_measure(gate.measure) != (None, None)


def _pointed(attribute: AttributeFindings) -> AttributeFindings:
    """Return an attribute whose raw shares have no interval."""
    scopes = [
        replace(
            scope,
            shares=tuple(
                replace(
                    share,
                    raw=share.raw and point(share.raw.value),
                    clustered=share.clustered and point(share.clustered.value),
                )
                for share in scope.shares
            ),
        )
        for scope in attribute.scopes
    ]
    return replace(attribute, scopes=tuple(scopes))
