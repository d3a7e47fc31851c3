"""The audit on a terminal, readable at 80 columns and in a pipe: signs and words, and colour only besides."""

from collections.abc import Iterator
from itertools import islice

from rich import box
from rich.table import Table
from rich.text import Text

from synthgen.audit.distance import Measure
from synthgen.audit.findings import AttributeFindings, Findings, Scope, Share
from synthgen.audit.gates import Check, Outcome
from synthgen.audit.report.composition import most_telling, row_name
from synthgen.audit.report.pairs import compared
from synthgen.audit.report.report import AuditReport
from synthgen.audit.report.verdict import verdict, worst_first
from synthgen.audit.report.words import FIGURES, MARKS, decimals, percent, percents, spoken
from synthgen.page import short

CLASSES, CHECKS, ROWS = 12, 6, 20
"""Shown at most: classes of an attribute, checks of a gate, differences of two sets. The files have all."""
_COLOURS = {Outcome.PASS: "green", Outcome.FAIL: "red", Outcome.INSUFFICIENT: "yellow"}


def render_tables(report: AuditReport) -> list[Table]:
    """The verdict with its gates, then each attribute's shares and distances, then two sets' differences."""
    found = [_verdict(report)]
    found += [_shares(attribute) for attribute in report.findings.attributes]
    found += list(_distances(report.findings))
    found += list(_differences(report))
    return found


def _verdict(report: AuditReport) -> Table:
    told = verdict(report.findings)
    table = _table(f"{told.sign} {told.headline}: {short(report.title, 60)}\n{told.sentence}".strip(), "", "gate")
    if report.same_judge:
        table.caption = "The judge is also the filter: its own errors cannot show here."
    for gate in worst_first(report.findings.gates):
        table.add_row(_outcome(gate.outcome), Text(short(gate.gate, 160), "bold"))
        bad = [check for check in gate.checks if check.outcome is not Outcome.PASS]
        for check in bad[:CHECKS]:
            table.add_row("", _check(check))
        if bad[CHECKS:]:
            table.add_row("", f"{len(bad[CHECKS:])} more in audit.json")
        if not gate.checks:
            table.add_row("", Text(short(gate.reason, 200)))
    return table


def _outcome(outcome: Outcome) -> Text:
    return Text(f"{MARKS[outcome][1]} {outcome.value}", _COLOURS[outcome])


def _check(check: Check) -> Text:
    found = decimals(check.found, 3) if check.found else short(check.reason, 200)
    return Text(f"{MARKS[check.outcome][1]} {short(check.place, 40)}: {found}")


def _shares(attribute: AttributeFindings) -> Table:
    overall = attribute.scopes[0]
    figure = f", {FIGURES[overall.quote.figure][0]}" if overall.quote.figure else ""
    wanted = f"wanted: {short(attribute.reference, 40)}" if attribute.reference else "no reference, so no verdict"
    table = _table(
        f"{short(spoken(attribute.name), 40)}{figure}",
        "",
        "value",
        ">images",
        ">share (95 %)",
        ">wanted",
        caption=wanted,
    )
    shown = (overall, *most_telling(attribute.scopes[1:], CLASSES))
    for scope in shown:
        for row in _scope(scope):
            table.add_row(*row)
        table.add_section()
    if len(shown) < len(attribute.scopes):
        table.caption = f"{wanted}; {len(attribute.scopes) - len(shown)} more classes in audit.json"
    return table


def _scope(scope: Scope) -> Iterator[tuple[Text, ...]]:
    """The name of the scope once, beside its first value; images that are unknown in the last line."""
    name = short(row_name(scope), 24)
    for share in scope.shares:
        yield Text(name, "bold"), *_share(scope, share)
        name = ""
    aside = [("unknown", scope.unknown, scope.unknown_share)]
    if scope.not_applicable:
        aside.append(("not applicable", scope.not_applicable, None))
    for answer, many, found in aside:
        of_all = Text(f"{percent(found.value)} of all" if found else "", "dim")
        yield Text(), Text(answer, "dim"), Text(f"{many:,}", "dim"), of_all, Text()


def _share(scope: Scope, share: Share) -> tuple[Text, ...]:
    wanted = percent(scope.reference.get(share.value, 0.0)) if scope.reference else ""
    found = percents(share.of(scope.quote.figure))
    return Text(short(share.value, 24)), Text(f"{share.count:,}"), Text(found), Text(wanted)


def _distances(findings: Findings) -> Iterator[Table]:
    """Total variation, with what chance would show; one table for all attributes."""
    table = _table(
        "distance from the reference",
        "attribute",
        "where",
        ">total variation (95 %)",
        ">by chance",
        caption="by chance: the most that 19 of 20 samples of this size from the reference itself would show",
    )
    for attribute in findings.attributes:
        name = short(spoken(attribute.name), 24)
        for scope in (attribute.scopes[0], *most_telling(attribute.scopes[1:], CLASSES)):
            for far in (each for each in scope.distances if each.measure is Measure.TV):
                where = Text(short(row_name(scope), 24))
                table.add_row(Text(name, "bold"), where, Text(decimals(far.found)), Text(f"≤ {far.chance_limit:.2f}"))
                name = ""
    if table.rows:
        yield table


def _differences(report: AuditReport) -> Iterator[Table]:
    if report.comparison is None:
        return
    names = f"{short(report.set_name, 30)} less {short(report.compared_with or 'the second set', 30)}"
    table = _table(f"{names}, beyond chance", "attribute", "what", "where", ">difference (95 %)")
    rows = ((each.name, apart) for each in compared(report.comparison) for apart in each.beyond)
    for name, apart in islice(rows, ROWS):
        texts = (spoken(name), apart.what, apart.place.removeprefix("class "), apart.difference)
        table.add_row(*(Text(short(text, 30)) for text in texts))
    if not table.rows:
        table.caption = "no difference is beyond chance"
    yield table


def _table(title: str, *columns: str, caption: str = "") -> Table:
    """Columns that begin with '>' stand to the right."""
    table = Table(
        title=Text(title, "bold"),
        caption=Text(caption, "dim"),
        box=box.SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
        pad_edge=False,
        min_width=min(78, max(map(len, title.splitlines()), default=0)),  # a title does not widen its table
    )
    for column in columns:
        table.add_column(
            column.removeprefix(">"), justify="right" if column.startswith(">") else "left", overflow="fold"
        )
    return table
