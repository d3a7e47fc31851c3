"""The audit on a terminal, readable at 80 columns and in a pipe: signs and words, with colour only as an extra."""

from collections.abc import Callable, Iterator
from itertools import islice

from rich import box
from rich.table import Table
from rich.text import Text

from synthgen.auditing.crossings import Crossing
from synthgen.auditing.findings import AttributeFindings, Figure, Findings, Scope, Share
from synthgen.auditing.gates import Check, GateOutcome
from synthgen.auditing.places import JSON, SHARES
from synthgen.auditing.report.alarm import alarm
from synthgen.auditing.report.composition import most_telling, most_telling_shares, row_name
from synthgen.auditing.report.entangled import entangled_line
from synthgen.auditing.report.groups import GroupTable, error_tables, group_tables
from synthgen.auditing.report.inspection_tables import inspection_tables
from synthgen.auditing.report.many_shares import shares_left_out
from synthgen.auditing.report.near import dependence_told, near_told
from synthgen.auditing.report.opinion import opinion_lines
from synthgen.auditing.report.pairs import compared
from synthgen.auditing.report.report import AuditReport
from synthgen.auditing.report.trend_tables import trend_tables
from synthgen.auditing.report.undeclared import undeclared_line
from synthgen.auditing.report.verdict import open_checks, verdict, worst_first
from synthgen.auditing.report.words import (
    FIGURES,
    MARKS,
    counted,
    decimals,
    figure_of,
    percent,
    percents,
    spoken,
)
from synthgen.pages.page import short
from synthgen.stats.distance import Measure

CLASSES, CHECKS, ROWS, VALUES = 12, 6, 20, 20
"""At most this many classes of an attribute, checks of a gate, differences of two sets and values of a class are shown.
Files have all.
"""
_INTERVALS = ("share (95 %)", "error (95 %)")
"""Columns whose cells, a share with its interval, stay in one line."""
_NAMES = 10
"""The first column is no narrower than this, or than its longest name."""
_COLOURS = {GateOutcome.PASS: "green", GateOutcome.FAIL: "red", GateOutcome.INSUFFICIENT: "yellow"}


def render_tables(report: AuditReport, said: Callable[[str], str] = str) -> list[Text | Table]:
    """Render the verdict with its gates, each attribute's shares, distances, crossings, and differences of two sets.

    Args:
        said: how a sentence names arguments, which are in backticks.
    """
    found: list[Text | Table] = [_verdict(report, said)]
    if (ringing := alarm(report)) is not None:
        found.insert(0, Text(f"! {ringing.headline} {said(ringing.sentence)}", "bold yellow"))
    if report.errors_hidden:
        found.append(
            Text("The same model filtered and measured these images, so its errors are invisible here.", "dim")
        )
    if report.findings.gates:
        found.append(_gates(report.findings))
    found += [Text(line) for line in opinion_lines(report.findings.second_opinion)]
    found += [*trend_tables(report.trends, _table), *inspection_tables(report, _table)]
    file = SHARES if shares_left_out(report.findings) else JSON
    found += [_shares(attribute, file) for attribute in report.findings.attributes]
    found += list(_labellers(report.findings))
    found += list(_distances(report.findings))
    found += [_crossing(crossed) for crossed in report.findings.crossings]
    found += [Text(line) for line in (*near_told(report), *dependence_told(report.findings.dependence))]
    found += [_of_groups(each) for each in group_tables(report.findings) if each.brief]
    found += [_of_groups(each, "model's errors, ") for each in error_tables(report.findings)]
    found += list(_differences(report))
    found += [Text(line) for line in (entangled_line(report.findings), undeclared_line(report)) if line]
    return found


def _verdict(report: AuditReport, said: Callable[[str], str]) -> Text:
    told = verdict(report.findings, report.inspection)
    headline = f"{told.sign} {told.headline}: {short(report.title, 60)}".strip()
    return Text("\n".join(filter(None, (headline, told.answer, told.trust, said(told.sentence)))), "bold")


def _gates(findings: Findings) -> Table:
    table = _table("", "", "gate")
    for gate in worst_first(findings.gates):
        table.add_row(_outcome(gate.outcome), Text(short(gate.gate, 160), "bold"))
        bad = open_checks(gate)
        for check in bad[:CHECKS]:
            table.add_row("", _check(check))
        if bad[CHECKS:]:
            table.add_row("", f"{len(bad[CHECKS:])} more in audit.json")
        doubts = dict.fromkeys(_doubt(check) for check in gate.checks if check.unchecked)
        for doubt in islice(doubts, CHECKS):
            table.add_row("", Text(doubt))
        if not gate.checks:
            table.add_row("", Text(short(gate.reason, 200)))
    return table


def _outcome(outcome: GateOutcome) -> Text:
    return Text(f"{MARKS[outcome][1]} {outcome.value}", _COLOURS[outcome])


def _check(check: Check) -> Text:
    found = decimals(check.found, 3) if check.found else short(check.reason, 200)
    if check.note:
        found += f": {check.note}"
    return Text(f"{MARKS[check.outcome][1]} {short(check.place, 40)}: {found}")


def _doubt(check: Check) -> str:
    remedy = f"; {check.remedy}" if check.outcome is GateOutcome.INSUFFICIENT else ""
    return short(f"{check.word}: {check.unchecked}{remedy}", 300)


def _shares(attribute: AttributeFindings, file: str) -> Table:
    """Show the shares of an attribute; more of them are in `file`."""
    overall = attribute.scopes[0]
    figure = f", {figure_of(attribute, overall.quote.figure)[0]}" if overall.quote.figure else ""
    wanted = f"target: {short(attribute.reference, 40)}" if attribute.reference else "no target, so no verdict"
    table = _table(
        f"{short(spoken(attribute.name), 40)}{figure}",
        "",
        "value",
        ">images",
        ">share (95 %)",
        ">target",
        caption=wanted,
    )

    shown = (overall, *most_telling(attribute.scopes[1:], CLASSES))
    for scope in shown:
        for row in _scope(scope, overall.quote.figure, file):
            table.add_row(*row)
        table.add_section()

    if len(shown) < len(attribute.scopes):
        table.caption = Text(f"{wanted}; showing {CLASSES} of {len(attribute.scopes) - 1:,} classes", "dim")
    return table


def _scope(scope: Scope, told: Figure | None, file: str) -> Iterator[tuple[Text, ...]]:
    """Write the rows of a scope: its values, and unknown images in the last row.

    The name of the scope is beside the first value. Below it is its figure, if that differs from the one in the title.
    """
    own = FIGURES[scope.quote.figure][0] if scope.quote.figure else ""
    other = own if told is not None and own != FIGURES[told][0] else ""
    beside = [Text(short(row_name(scope), 24), "bold"), Text(other, "dim")]
    shown = most_telling_shares(scope, VALUES)
    for share in shown:
        yield beside.pop(0) if beside else Text(), *_share(scope, share)
    if hidden := len(scope.shares) - len(shown):
        yield Text(), Text(f"{hidden:,} more values in {file}", "dim"), Text(), Text(), Text()
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
    """Render the total variation beside what chance would show, in one table for all attributes."""
    table = _table(
        "distance from the target",
        "attribute",
        "where",
        ">total variation (95 %)",
        ">by chance",
        caption="by chance: 19 of 20 samples of this size from the target itself are at most this far from it",
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


def _crossing(crossing: Crossing) -> Table:
    """Render a crossing, with the combinations that are farthest from independence first."""
    names = [short(spoken(name), 24) for name in crossing.attributes]
    told = [cell for cell in crossing.cells if cell.count is not None and cell.expected is not None]
    shown = sorted(told, key=lambda cell: -abs((cell.count or 0) - (cell.expected or 0)))[:ROWS]
    table = _table(" × ".join(names), *names, ">images", ">if independent", ">share (95 %)")
    for cell in shown:
        values = (Text(short(value, 24)) for value in cell.values)
        table.add_row(*values, f"{cell.count:,}", f"{cell.expected:,.1f}", percents(cell.share))

    aside = []
    if crossing.suppressed:
        aside.append(
            f"{counted(crossing.suppressed, 'combination')} of fewer than {crossing.min_cell} images not shown"
        )
    if crossing.left_out:
        aside.append(f"{counted(crossing.left_out, 'image')} without a value left out")
    if told[ROWS:]:
        aside.append(f"{len(told[ROWS:])} more in audit.json")
    table.caption = Text("; ".join(aside), "dim")
    return table


def _of_groups(found: GroupTable, of: str = "") -> Text | Table:
    notes = "\n".join(found.notes)
    heading = f"{of}{found.heading}".lower() if of else found.heading[:1].lower() + found.heading[1:]
    if not found.rows:
        return Text(heading, "bold").append(f"\n{notes}", "not bold dim")
    table = _table(heading, found.columns[0], *(f">{column}" for column in found.columns[1:]), caption=notes)
    for row in found.rows[:CLASSES]:
        table.add_row(*(Text(short(cell, 80)) for cell in row))
    for column, name in zip(table.columns, found.columns, strict=True):
        column.no_wrap = name in _INTERVALS
        column.min_width = max(map(len, name.split()))
    table.columns[0].min_width = min(_NAMES, max(len(row[0]) for row in found.rows))
    return table


def _labellers(findings: Findings) -> Iterator[Text]:
    for each in findings.labellers:
        wider = "" if each.error is None else f"; intervals allow for {percent(each.error)} of wrong labels"
        kappa = f", kappa {decimals(each.kappa)}" if each.kappa else ""
        apart = counted(len(each.disagreements), "disagreement")
        yield Text(f"{spoken(each.attribute)}: two labellers, {each.both:,} images twice, {apart}{kappa}{wider}")


def _differences(report: AuditReport) -> Iterator[Text | Table]:
    if report.comparison is None:
        return
    names = f"{short(report.set_name, 30)} minus {short(report.compared_with or 'the second set', 30)}"
    rows = [(each.name, apart) for each in compared(report.comparison) for apart in each.beyond][:ROWS]
    caveats = "\n".join(report.comparison.caveats)

    if not rows:
        yield Text(f"{names}: no difference is beyond chance", "bold").append(f"\n{caveats}", "not bold dim")
        return
    columns = ("attribute", "what", "where", ">difference (95 %)")
    table = _table(f"{names}: differences beyond chance", *columns, caption=caveats)
    for name, apart in rows:
        texts = (spoken(name), apart.what, apart.place.removeprefix("class "), apart.difference)
        table.add_row(*(Text(short(text, 30)) for text in texts))
    yield table


def _table(title: str, *columns: str, caption: str = "") -> Table:
    """Make an empty table. Columns whose names begin with '>' are aligned right."""
    table = Table(
        title=Text(title, "bold"),
        caption=Text(caption, "dim"),
        box=box.SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
        pad_edge=False,
        # Neither title nor caption widens its table.
        min_width=min(78, max(map(len, (*title.splitlines(), *caption.splitlines())), default=0)),
    )
    for column in columns:
        table.add_column(
            column.removeprefix(">"), justify="right" if column.startswith(">") else "left", overflow="fold"
        )
    return table
