"""Gates: limits that an audit must keep, judged by intervals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal, NamedTuple

from synthgen.stats.estimates import Estimate, holm
from synthgen.stats.limits import LEVEL, share_beyond

LABELS_SETTLE = "labels would settle it"
"""The remedy if the judge is in doubt: more images would only make a wrong answer more certain."""
WORD = "on the judge's word alone"


class GateOutcome(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    INSUFFICIENT = "insufficient data"


@dataclass(frozen=True, slots=True)
class Gate:
    """A limit on one measure of an attribute.

    Attributes:
        attribute: an attribute, or several that are crossed, such as 'gender x skin_tone'.
        within: 'class': each class must keep the limit; 'dataset': the set as a whole; 'between': each class beside the
            reference class.
        measure: one of `gate_lines.MEASURES`, or 'share', which is that of `value`; of groups, those of `group_lines`.
        most: whether `limit` is an upper limit; otherwise it is a lower one.
    """

    attribute: str
    within: Literal["class", "dataset", "between"]
    measure: str
    most: bool
    limit: float
    value: str | None = None

    def __str__(self) -> str:
        where = {"class": "within class", "dataset": "overall", "between": "between classes"}[self.within]
        measure = f"share of {self.value}" if self.value is not None else self.measure
        return f"{self.attribute} {where}: {measure} {'<=' if self.most else '>='} {self.limit:g}"


class Worst(NamedTuple):
    """What images without a value could make of a figure.

    Attributes:
        estimate: the figure, with an interval that allows for any values of these images.
        images: how many there are, in words.
        remedy: what would help, in words.
    """

    estimate: Estimate
    images: str
    remedy: str


class Found(NamedTuple):
    """What decides a gate in one place.

    Attributes:
        estimate: None if nothing could be measured.
        why: the reason for that.
        unchecked: why nothing shows that the estimate is right; None if something does.
        remedy: what would help in that case, in words.
        narrows: what would make the interval narrower.
        detail: which values are over or under their target; empty if none are for sure.
        worst: what images without a value could make of the estimate; None if they could not change it.
        freedom: degrees of freedom of the estimate's variance; None if its images are independent.
        beyond: tests whether the limit is kept, as one of so many tests that are made together, and returns the
            one-sided p-value. None for a share, which has a score test.
        word: what an unchecked estimate rests on, in words.
    """

    estimate: Estimate | None
    why: str | None = None
    unchecked: str | None = None
    remedy: str = LABELS_SETTLE
    narrows: str = "more images, or labels,"
    freedom: int | None = None
    detail: str = ""
    worst: Worst | None = None
    beyond: Callable[[int], float] | None = None
    word: str = WORD


@dataclass(frozen=True, slots=True)
class Check:
    """A gate in one place.

    Attributes:
        place: the class, or 'overall'.
        found: what was measured; None if nothing could be.
        reason: for the outcome, in words.
        unchecked: why nothing shows that the figure is right, so that it decides nothing unless the judge is trusted;
            None if something does.
        remedy: what would help in that case.
        adjusted: how likely a figure so far beyond the limit is by chance in any of the places that were tested
            together, if all keep the limit: one-sided, with Holm's correction. None if the interval is not beyond it.
        note: why an interval on one side of the limit decides nothing, in short; None if it decides, or crosses it.
        word: what an unchecked figure rests on, such as "on the judge's word alone"; None if it is checked.
    """

    place: str
    found: Estimate | None
    outcome: GateOutcome
    reason: str
    unchecked: str | None = None
    remedy: str | None = None
    adjusted: float | None = None
    note: str | None = None
    word: str | None = None


@dataclass(frozen=True, slots=True)
class GateResult:
    """The outcome of a gate, and of its checks.

    Attributes:
        gate: as a line.
        outcome: fail if a check fails; else insufficient data if a check lacks data; else pass.
    """

    gate: str
    outcome: GateOutcome
    reason: str
    checks: tuple[Check, ...]


def decide(
    gate: Gate, places: Mapping[str, tuple[Estimate | None, str | None] | Found], trust_judge: bool = False
) -> GateResult:
    """Decide a gate by what was found in each place: an estimate, or None and why.

    A limit is kept if the whole interval keeps it, and broken if the whole interval breaks it. If the limit is inside
    the interval, there is not enough data to decide. What was not measured has not passed. A judge's word alone decides
    nothing, unless `trust_judge`.

    Each end of an interval is missed by chance in 2.5 % of samples. A gate passes if every place keeps the limit, so at
    that level it passes wrongly at most that often (Berger 1982, Technometrics 24). It fails if any place breaks the
    limit, which chance alone makes likely in many classes. So places break it together at that level: Holm's correction
    (1979, Scandinavian J. Statistics 6) of one-sided tests.
    """
    found_in = {place: Found(*found) for place, found in places.items()}
    checks = tuple(_worded(_check(gate, place, found, trust_judge), found) for place, found in found_in.items())
    checks = _together(gate, checks, found_in, trust_judge)
    if not checks:
        return GateResult(str(gate), GateOutcome.INSUFFICIENT, "there is nothing to measure", ())
    for outcome in (GateOutcome.FAIL, GateOutcome.INSUFFICIENT):
        if there := [check for check in checks if check.outcome is outcome]:
            more = f"; and {len(there) - 1} more {'place' if len(there) == 2 else 'places'}" if len(there) > 1 else ""
            return GateResult(str(gate), outcome, f"{there[0].place}: {there[0].reason}{more}", checks)
    kept = "every interval lies on the right side of the limit"
    trusted = next((f"{check.word}: {check.unchecked}" for check in checks if check.unchecked), None)
    return GateResult(str(gate), GateOutcome.PASS, f"{kept}, {trusted}" if trusted else kept, checks)


def _worded(check: Check, found: Found) -> Check:
    return replace(check, word=found.word) if check.unchecked else check


def _check(gate: Gate, place: str, found: Found, trust_judge: bool) -> Check:
    estimate, unchecked = found.estimate, found.unchecked
    if estimate is None:
        return Check(place, None, GateOutcome.INSUFFICIENT, found.why or "it was not measured")
    seen = _seen(estimate)
    if unchecked and not trust_judge:
        reason = f"{unchecked}; {found.remedy} ({found.word}: {seen})"
        return Check(place, estimate, GateOutcome.INSUFFICIENT, reason, unchecked, found.remedy)

    outcome = _outcome(gate, estimate)
    if found.worst and outcome not in (GateOutcome.INSUFFICIENT, _outcome(gate, found.worst.estimate)):
        any_value = f"{found.worst.estimate.low:.3f} to {found.worst.estimate.high:.3f} whatever they show"
        note = f"{found.worst.images} without a value could turn this"
        reason = f"{note}: {seen}, but {any_value}; {found.worst.remedy}"
        return Check(place, estimate, GateOutcome.INSUFFICIENT, reason, unchecked, found.worst.remedy, note=note)
    if outcome is GateOutcome.INSUFFICIENT:
        reason = f"{seen} crosses the limit {gate.limit:g}: {found.narrows} would narrow it"
    else:
        reason = f"{seen}; at {'most' if gate.most else 'least'} {gate.limit:g} is allowed"
        if outcome is GateOutcome.FAIL and found.detail:
            reason += f"; {found.detail}"
    return Check(place, estimate, outcome, reason, unchecked, found.remedy if unchecked else None)


def _together(
    gate: Gate, checks: tuple[Check, ...], found_in: Mapping[str, Found], trust_judge: bool
) -> tuple[Check, ...]:
    """Let a check fail only if its test fails among all those that are made."""
    tests = sum(check.found is not None and (trust_judge or not check.unchecked) for check in checks)
    failing = [check.place for check in checks if check.outcome is GateOutcome.FAIL]
    if tests < 2 or not failing:
        return checks

    p_values = [_p_value(gate, found_in[place], tests) for place in failing]
    adjusted = dict(zip(failing, holm([*p_values, *[1.0] * (tests - len(failing))]), strict=False))
    return tuple(_adjusted(gate, check, found_in[check.place], adjusted.get(check.place), tests) for check in checks)


def _p_value(gate: Gate, found: Found, tests: int) -> float:
    if found.beyond is not None:
        return found.beyond(tests)
    return share_beyond(found.estimate, gate.limit, gate.most, found.freedom, tests) if found.estimate else 1.0


def _adjusted(gate: Gate, check: Check, found: Found, p_value: float | None, tests: int) -> Check:
    if p_value is None or found.estimate is None:
        return check
    if p_value <= LEVEL:
        return replace(check, adjusted=p_value)
    note = f"chance puts one of {tests} places so far beyond it with probability {p_value:.2f}"
    beyond = f"{_seen(found.estimate)} is beyond the limit {gate.limit:g}"
    reason = f"{beyond}; but {note}: {found.narrows} would settle it"
    return replace(
        check, outcome=GateOutcome.INSUFFICIENT, reason=reason, adjusted=p_value, note=f"beyond the limit, but {note}"
    )


def _seen(found: Estimate) -> str:
    sure = "" if found.low == found.high else f" (95 % interval {found.low:.3f} to {found.high:.3f})"
    return f"{found.value:.3f}{sure}"


def _outcome(gate: Gate, found: Estimate) -> GateOutcome:
    low, high = (found.low, found.high) if gate.most else (-found.high, -found.low)
    limit = gate.limit if gate.most else -gate.limit
    if high <= limit:
        return GateOutcome.PASS
    return GateOutcome.FAIL if low > limit else GateOutcome.INSUFFICIENT
