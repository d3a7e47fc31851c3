"""Gates: limits that an audit must keep, read from a line or from the spec, and judged by intervals."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from synthgen.audit.estimates import Estimate
from synthgen.errors import UsageError
from synthgen.spec import Gate as SpecGate

FORM = "'ATTRIBUTE [within class | over all]: MEASURE <= LIMIT', such as 'skin_tone within class: tv <= 0.1'"
MEASURES = ("tv", "entropy", "min_max_ratio", "js", "unknown", "v")
_SHARE = re.compile(r"(?:share|prevalence) of (?P<value>.+)")
_LINE = re.compile(
    r"(?P<attribute>.+?)(?:\s+(?P<within>within class|within dataset|over all))?\s*:\s*"
    r"(?P<measure>.+?)\s*(?P<sign><=|>=|≤|≥)\s*(?P<limit>\S+)"
)


class Outcome(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    INSUFFICIENT = "insufficient data"


@dataclass(frozen=True, slots=True)
class Gate:
    """
    Attributes:
        within: 'class': each class must keep the limit; 'dataset': the set as a whole.
        measure: one of `MEASURES`, or 'share', which is of `value`.
        most: whether `limit` is the most that is allowed; else it is the least.
    """

    attribute: str
    within: Literal["class", "dataset"]
    measure: str
    most: bool
    limit: float
    value: str | None = None

    def __str__(self) -> str:
        where = "within class" if self.within == "class" else "over all"
        measure = f"share of {self.value}" if self.value is not None else self.measure
        return f"{self.attribute} {where}: {measure} {'<=' if self.most else '>='} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Check:
    """A gate in one place.

    Attributes:
        place: the class, or 'all'.
        found: what was measured; None where it could not be.
        reason: of the outcome, in words.
    """

    place: str
    found: Estimate | None
    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class GateResult:
    """
    Attributes:
        gate: as a line.
        outcome: fail, if a check fails; else insufficient data, if one lacks them; else pass.
    """

    gate: str
    outcome: Outcome
    reason: str
    checks: tuple[Check, ...]


def parse_gate(text: str, attributes: Mapping[str, Sequence[str]]) -> Gate:
    """Read a line such as `skin_tone within class: tv <= 0.1`.

    `within class` is what is meant without it; `v`, which compares classes, is always over all. A limit may be a
    percentage.

    Raises:
        UsageError: the line is no gate, or names what the audit does not have.
    """
    matched = _LINE.fullmatch(text.strip())
    if matched is None:
        raise UsageError(f"gate {text!r}: not understood", hint=f"Expected {FORM}.")
    attribute = matched["attribute"].strip()
    measure, value = _measure(text, matched["measure"])
    within: Literal["class", "dataset"] = "class"
    if measure == "v" and matched["within"] == "within class":
        raise UsageError(f"gate {text!r}: 'v' compares the classes with each other", hint="Write 'over all'.")
    if measure == "v" or matched["within"] in ("within dataset", "over all"):
        within = "dataset"
    gate = Gate(attribute, within, measure, matched["sign"] in ("<=", "≤"), _limit(text, matched["limit"]), value)
    return checked(gate, attributes)


def from_spec(gate: SpecGate, attributes: Mapping[str, Sequence[str]]) -> Gate:
    """Raises:
    UsageError: the audit does not have the attribute.
    """
    return checked(Gate(gate.attribute, gate.within, "tv", True, gate.max_tv), attributes)


def checked(gate: Gate, attributes: Mapping[str, Sequence[str]]) -> Gate:
    """Raises:
    UsageError: the gate names an attribute or a value that is not there.
    """
    if gate.attribute not in attributes:
        there = ", ".join(attributes) or "none"
        raise UsageError(f"gate '{gate}': there is no attribute {gate.attribute!r}", hint=f"There are {there}.")
    if gate.value is not None and gate.value not in attributes[gate.attribute]:
        there = ", ".join(attributes[gate.attribute])
        raise UsageError(f"gate '{gate}': {gate.attribute} has no value {gate.value!r}", hint=f"It has {there}.")
    return gate


def decide(gate: Gate, places: Mapping[str, tuple[Estimate | None, str | None]]) -> GateResult:
    """Judge what was found in each place: an estimate, or None and why.

    A limit is kept if the whole interval keeps it, and broken if the whole interval breaks it; if the limit lies within
    the interval, the data do not suffice to say. What was not measured has not passed.
    """
    checks = tuple(_check(gate, place, found, why) for place, (found, why) in places.items())
    if not checks:
        return GateResult(str(gate), Outcome.INSUFFICIENT, "there is nothing to measure", ())
    for outcome in (Outcome.FAIL, Outcome.INSUFFICIENT):
        if there := [check for check in checks if check.outcome is outcome]:
            more = f", and {len(there) - 1} more" if len(there) > 1 else ""
            return GateResult(str(gate), outcome, f"{there[0].place}: {there[0].reason}{more}", checks)
    return GateResult(str(gate), Outcome.PASS, "every interval lies on the right side of the limit", checks)


def _check(gate: Gate, place: str, found: Estimate | None, why: str | None) -> Check:
    if found is None:
        return Check(place, None, Outcome.INSUFFICIENT, why or "it was not measured")
    seen = f"{found.value:.3f} (95 % interval {found.low:.3f} to {found.high:.3f})"
    low, high = (found.low, found.high) if gate.most else (-found.high, -found.low)
    limit = gate.limit if gate.most else -gate.limit
    side = "most" if gate.most else "least"
    if high <= limit:
        return Check(place, found, Outcome.PASS, f"{seen}; at {side} {gate.limit:g} is allowed")
    if low > limit:
        return Check(place, found, Outcome.FAIL, f"{seen}; at {side} {gate.limit:g} is allowed")
    reason = f"{seen} crosses the limit {gate.limit:g}: more images, or labels, would narrow it"
    return Check(place, found, Outcome.INSUFFICIENT, reason)


def _measure(text: str, measure: str) -> tuple[str, str | None]:
    if measure in MEASURES:
        return measure, None
    if measure == "share of unknown":
        return "unknown", None
    if share := _SHARE.fullmatch(measure):
        return "share", share["value"].strip()
    hint = f"Expected one of {', '.join(MEASURES)}, or 'share of VALUE'."
    raise UsageError(f"gate {text!r}: there is no measure {measure!r}", hint=hint)


def _limit(text: str, limit: str) -> float:
    number, percent = limit.removesuffix("%"), limit.endswith("%")
    try:
        found = float(number) / (100 if percent else 1)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise UsageError(f"gate {text!r}: the limit {limit!r} is no share", hint="Expected 0 to 1, or 0% to 100%.")
    return found
