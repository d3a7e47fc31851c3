"""The verdict at the top of the report. It depends only on gates that the user gave."""

from collections.abc import Sequence
from dataclasses import dataclass

from synthgen.auditing.basis import AGREEMENT
from synthgen.auditing.findings import Findings
from synthgen.auditing.gates import LABELS_SETTLE, Check, GateOutcome, GateResult
from synthgen.auditing.inspection.findings import Inspection
from synthgen.auditing.quote import UNCHECKED
from synthgen.auditing.report.inspected import summary
from synthgen.auditing.report.skew import answer
from synthgen.auditing.report.trust import trust
from synthgen.auditing.report.words import MARKS, capitalized, counted


@dataclass(frozen=True, slots=True)
class Headline:
    """The verdict of an audit, in words.

    Attributes:
        state: 'pass', 'fail', 'insufficient' or 'none'.
        sign: shows the state without colour.
        answer: what is skewed, where, by how much and how sure; None if no attribute has a target.
        sentence: what became of the gates.
        trust: whether the answer can be trusted; None if nothing was measured.
    """

    state: str
    sign: str
    headline: str
    sentence: str
    answer: str | None = None
    trust: str | None = None


def verdict(findings: Findings, inspection: Inspection | None = None) -> Headline:
    if not findings.images:
        why = "None of its images could be used" if inspection and inspection.left_out else "The set has no images"
        return Headline("insufficient", "?", "Nothing to audit", f"{why}, so nothing was measured.")

    outcome = findings.outcome
    if outcome is None:
        return _without_gates(findings, inspection)
    state, sign = MARKS[outcome]
    headline, sentence = _HEADLINES[outcome], _sentence(findings.gates)
    if AGREEMENT in findings.rests_on and outcome is not GateOutcome.INSUFFICIENT:
        headline += ", by the agreement of independent judges"
    if findings.on_trust:
        headline += f", {findings.trusted}"
        sentence = f"{sentence.removesuffix('.')}, {findings.trusted}: {_why(findings.on_trust)} (`trust_judge`)."
    elif _wants_labels(findings):
        sentence += f" For gates that depend on the unchecked judge, {LABELS_SETTLE}."
    sentence += _basis(findings)
    told = answer(findings)
    if told is None and inspection is not None and not findings.attributes:
        told = summary(inspection)
    return Headline(state, sign, headline, sentence, told, trust(findings))


def _basis(findings: Findings) -> str:
    """Say what decided the gates, unless the judge was trusted, which is said already."""
    if not findings.rests_on or findings.on_trust:
        return ""
    return f" What was decided rests on {' and on '.join(findings.rests_on)}."


def _wants_labels(findings: Findings) -> bool:
    checks = [check for gate in findings.gates for check in gate.checks]
    return any((check.remedy or "").startswith(LABELS_SETTLE) for check in checks)


def _why(unchecked: str) -> str:
    return "nobody has checked it on this set" if unchecked == UNCHECKED else unchecked


_HEADLINES = {
    GateOutcome.PASS: "Pass",
    GateOutcome.FAIL: "Fail",
    GateOutcome.INSUFFICIENT: "Insufficient data",
}


def worst_first(gates: Sequence[GateResult]) -> list[GateResult]:
    return sorted(
        gates, key=lambda gate: (GateOutcome.FAIL, GateOutcome.INSUFFICIENT, GateOutcome.PASS).index(gate.outcome)
    )


def open_checks(gate: GateResult) -> list[Check]:
    """List the checks of a gate that did not pass: those that failed first."""
    found = [check for check in gate.checks if check.outcome is not GateOutcome.PASS]
    return sorted(found, key=lambda check: check.outcome is not GateOutcome.FAIL)


def _without_gates(findings: Findings, inspection: Inspection | None) -> Headline:
    told = answer(findings) or (summary(inspection) if inspection is not None else None)
    if not findings.attributes:
        sentence = (
            "No attribute was measured, because none was given. Name attributes in a spec or in a file of attributes, "
            "or name a column that has them."
        )
    elif any(attribute.reference for attribute in findings.attributes):
        sentence = (
            "No gate was given, so nothing can pass or fail. The distances from the target are shown below, next to "
            "what chance alone would give."
        )
    else:
        sentence = (
            "No target was given, so nothing is marked right or wrong. The figures show what is in the set, not what "
            "should be in it."
        )
    return Headline("none", "", "No verdict", sentence, told, trust(findings))


def _sentence(gates: Sequence[GateResult]) -> str:
    many = {outcome: sum(gate.outcome is outcome for gate in gates) for outcome in GateOutcome}
    if many[GateOutcome.PASS] == len(gates):
        kept = "The gate passed" if len(gates) == 1 else f"All {len(gates)} gates passed"
        return f"{kept}."
    parts = []
    if many[GateOutcome.FAIL]:
        parts.append(f"{many[GateOutcome.FAIL]} of {counted(len(gates), 'gate')} failed")
    if many[GateOutcome.INSUFFICIENT]:
        unsure = many[GateOutcome.INSUFFICIENT]
        of = "" if parts else f" of {counted(len(gates), 'gate')}"
        parts.append(f"not enough data to decide {'the gate' if len(gates) == 1 else f'{unsure}{of}'}")
    if many[GateOutcome.PASS]:
        parts.append(f"{many[GateOutcome.PASS]} passed")
    return capitalized("; ".join(parts)) + "."
