"""Why an attempt has its verdict: the rules beside its scores, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, isfinite

from synthgen.ledger.columns import CELL_AIMED, CELL_FILLED, LedgerRow, answers_of, posteriors_of, scores_of
from synthgen.ledger.tally import MEANINGS
from synthgen.pages.score import Score
from synthgen.planning import Plan
from synthgen.planning.rules import rules_of
from synthgen.records import Reason, Rule, Verdict
from synthgen.spec import UNKNOWN


@dataclass(frozen=True, slots=True)
class Checked:
    """A rule on a score, beside the score.

    Attributes:
        value: None if it could not be measured; then the rule rejects.
        floor, ceiling: the limits; None if there is none on that side.
        passed: whether the rule accepts the score.
    """

    reason: str
    score: str
    value: float | None
    floor: float | None
    ceiling: float | None
    passed: bool

    @property
    def sentence(self) -> str:
        """The rule beside the score, in words: `label_posterior is 0.012, expected at least 0.5`."""
        rule = Rule(Reason(self.reason), self.score, _or(self.floor, -inf), _or(self.ceiling, inf))
        value = "could not be measured" if self.value is None else f"is {Score('', self.value, rule).text}"
        return f"{self.score} {value}, expected {rule.limits}"


def checked(planned: Plan, row: LedgerRow) -> Iterator[Checked]:
    """Yield every rule on a score for the attempt's class, beside the score.

    Raises:
        LookupError, ValueError: the row is not one of this plan's ledgers.
    """
    scores = scores_of(row)
    for rule in rules_of(planned.spec, row["class"]):
        value = scores.get(rule.score)
        value = value if value is not None and isfinite(value) else None
        limits = [limit if isfinite(limit) else None for limit in (rule.floor, rule.ceiling)]
        passed = value is not None and rule.allows(value)
        yield Checked(rule.reason.value, rule.score, value, limits[0], limits[1], passed)


def why(planned: Plan, row: LedgerRow, verdict: str | None) -> str:
    """Explain a verdict in a sentence without a full stop.

    Raises:
        LookupError, ValueError: the row is not one of this plan's ledgers.
    """
    if verdict is None:
        return "kept by an earlier version of synthgen: it is judged when its shard is finished"
    reason = row["reason"]
    if verdict == Verdict.ACCEPTED:
        return f"passed every filter{_home(row)}"
    if verdict == Verdict.SURPLUS:
        return f"{MEANINGS[Verdict.SURPLUS]}{_aim(row)}"
    if verdict == Verdict.FAILED:
        return f"{reason}: {row['message'] or MEANINGS.get(reason or '', MEANINGS[Verdict.FAILED])}"
    return f"{MEANINGS.get(reason or '', reason)}: {_details(planned, row)}"


def _home(row: LedgerRow) -> str:
    filled = row[CELL_FILLED]
    return (
        f"; fills the cell {filled}" if row[CELL_AIMED] == filled else f"; aimed at {row[CELL_AIMED]}, fills {filled}"
    )


def _aim(row: LedgerRow) -> str:
    return f"; aimed at the cell {row[CELL_AIMED]}"


def _details(planned: Plan, row: LedgerRow) -> str:
    """Say what decided a rejection: the broken rule, the repeated image, or the answers that no cell asks for."""
    reason = row["reason"]
    if reason == Reason.EARLY:
        return f"after step {row['early_step']}, {row['early_score']:.3g} beside what goes on"
    if reason == Reason.DUPLICATE:
        return f"the image {row['message']}" if row["message"] else "no image was noted"
    if reason == Reason.ATTRIBUTE:
        return ", ".join(_strays(planned, row)) or "no cell asks for its answers"
    broken = [one for one in checked(planned, row) if one.reason == reason and not one.passed]
    return broken[0].sentence if broken else row["message"] or "the limits of now would accept its score"


def _strays(planned: Plan, row: LedgerRow) -> Iterator[str]:
    answers = answers_of(row)
    for entry in planned.spec.wanted:
        name, answer = entry.attribute, answers.get(entry.attribute)
        posteriors = posteriors_of(row, name)
        if answer == UNKNOWN and posteriors:
            likeliest = max(posteriors, key=posteriors.__getitem__)
            least = float(planned.spec.attributes[name].abstain_below)
            yield f"{name} is unknown: {likeliest} has {posteriors[likeliest]:.3g}, expected at least {least:g}"
        else:
            yield f"{name} is {answer!r}"


def _or(value: float | None, other: float) -> float:
    return other if value is None else value
