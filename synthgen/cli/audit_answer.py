"""The answer of `synthgen audit`: what is printed, and the reason for exit code 4."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.cli.answer import Answer
from synthgen.cli.cells import shown
from synthgen.cli.session import session
from synthgen.errors import GateFailed, GateUndecided, UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from synthgen.api.audit_result import Audit
    from synthgen.auditing.to_label import ToLabel


def answer_of_audit(found: "Audit", document: Path, report: Path, allow_insufficient: bool) -> Answer:
    """Show the tables, and fail if a gate does."""
    from synthgen.auditing.places import SHARES
    from synthgen.auditing.report import how_to_check, shares_left_out

    said = session.names.rendered
    lines: list[RenderableType] = [each for table in found.rendered(said) for each in (table, "")]
    lines += [f"note      {said(caveat)}" for caveat in found.notes]
    lines += [f"figures   {document}", f"look at   {report}"]
    if left_out := shares_left_out(found.findings):
        lines.append(f"shares    {document.with_name(SHARES)}, all of them: audit.json lacks {left_out:,} in classes")
    if found.report.judge_check and allow_insufficient:
        lines.append(f"note      {said(how_to_check(found.report.judge_check))}")
    return Answer(result=found.to_dict(), lines=lines, error=_failure(found, allow_insufficient))


def answer_of_sample(drawn: "ToLabel") -> Answer:
    """Say what to do with a sample that was drawn for labelling."""
    from synthgen.auditing.quote import FEWEST_LABELS

    lines = [
        f"look at   {drawn.page}",
        f"fill in   {drawn.table}",
        f"then      the same command, with --import-labels {drawn.table} instead of --export-labels",
    ]
    if drawn.few:
        few = ", ".join(f"{shown(name)} ({many})" for name, many in islice(drawn.few.items(), 6))
        more = f" and {len(drawn.few) - 6} more" if len(drawn.few) > 6 else ""
        lines.append(
            f"note      too few images to correct the shares of these classes on their own, which takes "
            f"{FEWEST_LABELS}: {few}{more}"
        )
    return Answer(result={"page": str(drawn.page), "table": str(drawn.table), "few": dict(drawn.few)}, lines=lines)


def _failure(found: "Audit", allow_insufficient: bool) -> GateFailed | None:
    """Return the reason for exit code 4: a gate failed or is undecided, or there was nothing to measure."""
    from synthgen.auditing.report.words import counted

    if not found.findings.images:
        if out := found.report.provenance.left_out:
            what = f"none of the set's {counted(out, 'image')} could be used, so nothing was measured"
            return GateFailed(what, hint="The notes say why.")
        return GateFailed("the set has no images, so nothing was measured", hint="Check the set and the split.")
    failed = [gate for gate in found.findings.gates if gate.outcome == "fail"]
    unsure = [gate for gate in found.findings.gates if gate.outcome == "insufficient data"]
    if not failed and (allow_insufficient or not unsure):
        return None
    lines = [f"{gate.outcome}: {gate.gate}: {gate.reason}" for gate in (*failed, *unsure)]
    kind = GateFailed if failed else GateUndecided
    return kind("\n".join(lines), hint="\n".join(_hints(found, bool(failed))) or None)


def _hints(found: "Audit", failed: bool) -> Iterator[str]:
    """Say what would decide the undecided gates."""
    from synthgen.auditing.report import how_to_check
    from synthgen.auditing.whole_set import about_set_decides

    if found.report.judge_check is not None:
        yield how_to_check(found.report.judge_check)
    checks = [check for gate in found.findings.gates for check in gate.checks]
    if any(check.unchecked and check.outcome == "insufficient data" for check in checks):
        yield "--trust-judge accepts the judge's answers unchecked."
    if any(gate.gate.startswith("images left out") for gate in found.findings.gates):
        yield "Mend these images or remove them from the set; --allow-left-out SHARE accepts them."
    if about_set_decides(found.findings):
        yield "--about set asks only about this set, and not about what its source would make."
    if not failed:
        yield "--allow-insufficient accepts undecided gates."


def pairs(argument: str, given: Sequence[str] | None) -> dict[str, str]:
    """Split each NAME=VALUE at its first `=`.

    Raises:
        UsageError: one has no name or no value, or a name is given twice.
    """
    found: dict[str, str] = {}
    for text in given or ():
        name, _, value = (part.strip() for part in text.partition("="))
        if not (name and value):
            raise UsageError(f"{text!r}: expected NAME=VALUE, such as skin_tone=COLUMN", argument=argument)
        if name in found:
            raise UsageError(f"{name!r} is given twice", argument=argument, hint="Give each attribute once.")
        found[name] = value
    return found
