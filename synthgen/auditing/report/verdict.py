"""The verdict at the top of the report. It depends only on gates that somebody declared."""

from collections.abc import Sequence
from dataclasses import dataclass

from synthgen.auditing.findings import Findings
from synthgen.auditing.gates import LABELS_SETTLE, WORD, GateOutcome, GateResult
from synthgen.auditing.quote import UNCHECKED
from synthgen.auditing.report.words import MARKS, capitalized, counted


@dataclass(frozen=True, slots=True)
class Headline:
    """The verdict of an audit, in words.

    Attributes:
        state: 'pass', 'fail', 'insufficient' or 'none'.
        sign: shows the state without colour.
    """

    state: str
    sign: str
    headline: str
    sentence: str


def verdict(findings: Findings) -> Headline:
    if not findings.images:
        return Headline("insufficient", "?", "Nothing to audit", "There are no images: nothing was measured.")
    outcome = findings.outcome
    if outcome is None:
        return _without_gates(findings)
    state, sign = MARKS[outcome]
    headline, sentence = _HEADLINES[outcome], _sentence(findings.gates)
    if findings.on_trust:
        headline += f", {WORD}"
        sentence = f"{sentence.removesuffix('.')}, {WORD}: {_why(findings.on_trust)} (--trust-judge)."
    elif any(check.remedy == LABELS_SETTLE for gate in findings.gates for check in gate.checks):
        sentence += f" Where nothing checks the judge, {LABELS_SETTLE}."
    return Headline(state, sign, headline, sentence)


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


def _without_gates(findings: Findings) -> Headline:
    if any(attribute.reference for attribute in findings.attributes):
        sentence = (
            "No gate was declared, so there is nothing to pass or to fail. Distances from the declared references "
            "stand below, beside what chance alone would show."
        )
    else:
        sentence = (
            "No reference was declared, and no shares are right by nature. The figures say what is in the set, not "
            "whether it should be."
        )
    return Headline("none", "", "No verdict", sentence)


def _sentence(gates: Sequence[GateResult]) -> str:
    many = {outcome: sum(gate.outcome is outcome for gate in gates) for outcome in GateOutcome}
    if many[GateOutcome.PASS] == len(gates):
        kept = "The gate holds" if len(gates) == 1 else f"All {len(gates)} gates hold"
        return f"{kept}: every interval lies wholly on the right side of its limit."
    told = []
    if many[GateOutcome.FAIL]:
        told.append(f"{many[GateOutcome.FAIL]} of {counted(len(gates), 'gate')} {_is(many[GateOutcome.FAIL])} broken")
    if many[GateOutcome.INSUFFICIENT]:
        of = "" if told else f" of {counted(len(gates), 'gate')}"
        told.append(f"for {many[GateOutcome.INSUFFICIENT]}{of} the data do not suffice")
    if many[GateOutcome.PASS]:
        told.append(f"{many[GateOutcome.PASS]} {'holds' if many[GateOutcome.PASS] == 1 else 'hold'}")
    return capitalized("; ".join(told)) + "."


def _is(many: int) -> str:
    return "is" if many == 1 else "are"
