"""Gates of an evaluation: limits that the difference of the deciding arm must keep, judged by its interval."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from synthgen.auditing.gates import GateOutcome
from synthgen.errors import UsageError
from synthgen.evaluating.attempts import KEEP_IMAGES
from synthgen.evaluating.findings import BLIND, UsefulnessFindings
from synthgen.stats.estimates import Estimate

EXAMPLE = "accuracy: difference >= 0.01"
_LINE = re.compile(r"(?P<measure>.+?)\s*:\s*(?P<figure>.+?)\s*(?P<sign><=|>=|≤|≥)\s*(?P<limit>\S+)")
_WORST_GROUP = "worst group"
_FILTERS = "filters"
_MEASURES = ("accuracy", "balanced accuracy", "worst class", _WORST_GROUP, _FILTERS)


@dataclass(frozen=True, slots=True)
class UsefulnessGate:
    """A limit on a difference from real images alone or, of the filters, from as many unfiltered images.

    Attributes:
        measure: 'accuracy', 'balanced accuracy', 'worst class', 'worst group' or 'filters'.
        most: whether `limit` is an upper limit; otherwise it is a lower one.
    """

    measure: str
    most: bool
    limit: float

    def __str__(self) -> str:
        return f"{self.measure}: difference {'<=' if self.most else '>='} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class UsefulnessCheck:
    """A gate with its outcome.

    Attributes:
        reason: for the outcome, in words.
    """

    gate: UsefulnessGate
    found: Estimate
    outcome: GateOutcome
    reason: str


def parse_usefulness_gates(lines: Sequence[str], *, grouped: bool = False) -> tuple[UsefulnessGate, ...]:
    """Read lines such as `accuracy: difference >= 0.01`. A limit may be a percentage.

    Args:
        grouped: whether groups are measured.

    Raises:
        UsageError: a line is something else, or names what is not measured.
    """
    gates = tuple(_parsed(line) for line in lines)
    for line, gate in zip(lines, gates, strict=True):
        if gate.measure == _WORST_GROUP and not grouped:
            hint = "Name the column of the groups with `group`."
            raise UsageError(f"gate {line!r}: no groups are measured", argument="gates", hint=hint)
    return gates


def check_filter_gates(gates: Sequence[UsefulnessGate], why: str | None) -> None:
    """Check that no gate is on the filters, where there are no unfiltered images.

    Args:
        why: there are none; None if there are.

    Raises:
        UsageError: one is.
    """
    for gate in gates:
        if why is not None and gate.measure == _FILTERS:
            what = f"gate {str(gate)!r}: nothing shows what the filters change: {why}"
            raise UsageError(what, argument="gates", hint=f"Leave it out, or give a run with {KEEP_IMAGES}.")


def decide_usefulness_gates(
    gates: Sequence[UsefulnessGate], findings: UsefulnessFindings
) -> tuple[UsefulnessCheck, ...]:
    """Decide gates by the interval of the arm that the verdict is on. A blind experiment decides none."""
    scored = findings.decisive.scored.difference
    assert scored is not None, "a mixed arm has a difference"
    filters = findings.filters.difference.accuracy if findings.filters.difference is not None else None
    measured = (scored.accuracy, scored.balanced, scored.worst, scored.worst_group, filters)
    by_measure = {name: each for name, each in zip(_MEASURES, measured, strict=True) if each is not None}
    return tuple(_decided(gate, by_measure[gate.measure], findings.blind) for gate in gates)


def _decided(gate: UsefulnessGate, found: Estimate, blind: bool) -> UsefulnessCheck:
    shown = f"{found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f})"
    if blind:
        return UsefulnessCheck(gate, found, GateOutcome.INSUFFICIENT, BLIND)
    kept, broken = found.low >= gate.limit, found.high < gate.limit
    if gate.most:
        kept, broken = found.high <= gate.limit, found.low > gate.limit
    if kept:
        return UsefulnessCheck(gate, found, GateOutcome.PASS, f"{shown} keeps the limit")
    if broken:
        return UsefulnessCheck(gate, found, GateOutcome.FAIL, f"{shown} is beyond the limit")
    reason = f"{shown} lies on both sides of the limit; more test images would narrow it"
    return UsefulnessCheck(gate, found, GateOutcome.INSUFFICIENT, reason)


def _parsed(line: str) -> UsefulnessGate:
    matched = _LINE.fullmatch(line.strip())
    if matched is None or matched["figure"] != "difference":
        others = ", ".join(map(repr, _MEASURES[1:]))
        hint = f"Expected such as {EXAMPLE!r}; in place of 'accuracy' also {others}."
        raise UsageError(f"gate {line!r}: not understood", argument="gates", hint=hint)
    measure = " ".join(matched["measure"].split())
    if measure not in _MEASURES:
        hint = f"Measured are {', '.join(map(repr, _MEASURES))}."
        raise UsageError(f"gate {line!r}: {measure!r} is not measured", argument="gates", hint=hint)
    return UsefulnessGate(measure, matched["sign"] in ("<=", "≤"), _limit(line, matched["limit"]))


def _limit(line: str, text: str) -> float:
    try:
        limit = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        limit = math.nan
    if not -1 <= limit <= 1:
        hint = "A difference of shares is from -1 to 1: write 0.01 or 1%."
        raise UsageError(f"gate {line!r}: {text!r} is not a limit", argument="gates", hint=hint)
    return limit
