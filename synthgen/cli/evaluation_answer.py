"""The answer of `synthgen evaluate`: what is printed, and the reason for exit code 4."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from synthgen.cli.answer import Answer
from synthgen.cli.cells import aligned, shown
from synthgen.cli.session import session
from synthgen.errors import GateFailed, GateUndecided

if TYPE_CHECKING:
    from rich.console import RenderableType

    from synthgen.api.evaluation import Evaluation
    from synthgen.evaluating.findings import UsefulnessFindings
    from synthgen.spec.errors_file import ErrorsFile
    from synthgen.stats.estimates import Estimate

_WORST, _NAME = 3, 16
_WIDTH = 70


def answer_of_evaluation(
    found: "Evaluation", document: Path, page: Path, *, saved: str | None = None, suggested: str | None = None
) -> Answer:
    """Show the verdict and every arm, and fail if a gate does.

    Args:
        saved: where the learner was saved.
        suggested: the file of errors, as its user named it.
    """
    findings, said = found.findings, session.names.rendered
    scored = findings.decisive.scored.difference
    assert scored is not None, "a mixed arm has a difference"

    lines: list[RenderableType] = [
        f"verdict   {findings.verdict.value}: {findings.reason}",
        f"by        {findings.decided_by}, the best ratio in validation",
        f"accuracy  {_signed(scored.accuracy)} compared with real images alone",
        f"balanced  {_signed(scored.balanced)} in balanced accuracy",
        f"worst     {_signed(scored.worst)} in the accuracy of the worst class",
        *([f"group     {_signed(scored.worst_group)} in that of the worst group"] if scored.worst_group else []),
        *(f"{'' if number else 'rivals':<9} {line}" for number, line in enumerate(_rivals(findings))),
        *(f"{'' if number else 'filters':<9} {line}" for number, line in enumerate(_filters(findings))),
        "",
        *aligned([("trained on", "images", "right", "against real alone", "Holm p"), *_rows(findings)]),
        "",
        *(f"gate      {check.gate}: {check.outcome.value}" for check in found.gates),
        *(f"classes   {line}" for line in _lost(scored.classes)),
        *(f"{shown(name):<9} {line}" for name, values in scored.groups.items() for line in _lost(values)),
        *(line for note in _notes(findings) for line in _wrapped("note", said(note))),
        *([f"learner   {shown(saved)}"] if saved is not None else []),
        *(_aims(found.suggested) if found.suggested is not None else ()),
        *([] if suggested is None else [f"errors    {shown(suggested)}: a spec names it in 'counts' and 'balance'"]),
        f"figures   {document}",
        f"look at   {page}",
    ]
    return Answer(result=found.to_dict(), lines=lines, error=_failure(found))


def _rivals(findings: "UsefulnessFindings") -> Iterator[str]:
    for name, apart in findings.rivals.items():
        yield f"{_signed(apart.accuracy)} compared with {name}"


def _filters(findings: "UsefulnessFindings") -> list[str]:
    """Say what the filters change or, of a run, why that was not measured."""
    from synthgen.evaluating.attempts import NO_RUN

    found = findings.filters
    if found.difference is not None:
        return [f"{_signed(found.difference.accuracy)} compared with unfiltered images"]
    return [] if found.reason == NO_RUN else wrap(f"not compared: {found.reason}", _WIDTH)


def _rows(findings: "UsefulnessFindings") -> Iterator[tuple[str, ...]]:
    for each in findings.arms:
        right, adjusted = each.scored.scores.accuracy, each.scored.adjusted
        more = _signed(each.difference) if each.difference is not None else "-"
        chance = "-" if adjusted is None else "<0.001" if adjusted < 0.001 else f"{adjusted:.3f}"
        yield each.arm.name, f"{each.images:,.0f}", f"{right.value:.3f}", more, chance


def _aims(errors: "ErrorsFile") -> Iterator[str]:
    """Show where the next images should go, the largest shares first, and what could not be measured."""
    for what, measured in {"classes": errors.classes, **errors.groups}.items():
        order = sorted(measured, key=lambda name: -measured[name].share)
        most = [f"{_brief(name)} {measured[name].share:.0%}" for name in order[:_WORST]]
        more = [f"{len(order) - _WORST:,} more"] if len(order) > _WORST else []
        yield f"aim       {_brief(what)}: {', '.join([*most, *more])}"
    for note in errors.notes:
        yield from _wrapped("aim", note)


def _wrapped(title: str, text: str) -> Iterator[str]:
    lines = wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
    yield from (f"{'' if number else title:<9} {line}" for number, line in enumerate(lines))


def _brief(name: str) -> str:
    line = shown(name)
    return line if len(line) <= _NAME else f"{line[: _NAME - 3]}..."


def _lost(differences: "Mapping[str, Estimate]") -> Iterator[str]:
    """Show the classes or groups that lost most, of those whose interval lies below 0."""
    below = ((each.value, name) for name, each in differences.items() if each.high < 0)
    lost = [name for _, name in sorted(below)]
    for name in lost[:_WORST]:
        yield f"{shown(name)} {_signed(differences[name])}"
    if len(lost) > _WORST:
        yield f"and {len(lost) - _WORST:,} more whose interval lies below 0"


def _notes(findings: "UsefulnessFindings") -> Iterator[str]:
    counts = ", ".join(f"{count:,} {title}" for title, count in findings.counts.items())
    yield f"images used: {counts}"
    yield f"learner {findings.learner}, {findings.seeds} seeds"
    for check in findings.checks:
        if check.test or check.train:
            both = [f"{len(check.test):,} that the test has"] if check.test else []
            both += [f"{len(check.train):,} that the real set has"] if check.train else []
            yield f"left out of {check.images:,} {check.title} images: {' and '.join(both)}"
    for title, reasons in findings.left_out.items():
        for reason, count in reasons.items():
            yield f"{title}: {count:,} images {reason} were left out"
    yield from findings.notes


def _signed(found: "Estimate") -> str:
    return f"{found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f})"


def _failure(found: "Evaluation") -> GateFailed | None:
    """Return the reason for exit code 4: a gate failed or is undecided."""
    failed = [check for check in found.gates if check.outcome == "fail"]
    unsure = [check for check in found.gates if check.outcome == "insufficient data"]
    if not failed and not unsure:
        return None
    lines = [f"{check.outcome}: {check.gate}: {check.reason}" for check in (*failed, *unsure)]
    kind = GateFailed if failed else GateUndecided
    return kind("\n".join(lines))
