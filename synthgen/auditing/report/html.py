"""`report.html`: one file for people to read, print and pass on."""

import re

from jinja2 import Environment
from markupsafe import Markup

from synthgen.auditing.command_line import EXPORT_LABELS
from synthgen.auditing.report import words
from synthgen.auditing.report.alarm import alarm
from synthgen.auditing.report.composition import composition
from synthgen.auditing.report.entangled import entanglement
from synthgen.auditing.report.filtering import filtering
from synthgen.auditing.report.groups import error_tables, group_tables
from synthgen.auditing.report.inspected import ISSUES, inspected
from synthgen.auditing.report.likeness import diversity, leakage
from synthgen.auditing.report.many_shares import shares_left_out
from synthgen.auditing.report.near import EFFECT_IS, dependence_told, effects_told
from synthgen.auditing.report.opinion import KINDS, second_opinion
from synthgen.auditing.report.pairs import compared, judged
from synthgen.auditing.report.relations import amplification_charts, association_chart, crossed
from synthgen.auditing.report.report import AuditReport
from synthgen.auditing.report.shelves import shelves
from synthgen.auditing.report.trending import trending
from synthgen.auditing.report.undeclared import undeclared
from synthgen.auditing.report.verdict import open_checks, verdict, worst_first
from synthgen.inert import inert
from synthgen.pages.page import environment, isolated

_BACKTICKS = re.compile("`([^`]+)`")


def write_html(report: AuditReport) -> str:
    """Write the whole report. Equal reports give equal pages."""
    findings = report.findings

    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            findings=findings,
            gates=worst_first(findings.gates),
            title=report.title,
            verdict=verdict(findings, report.inspection),
            alarm=alarm(report),
            compositions=[composition(f"attribute-{index}", each) for index, each in enumerate(findings.attributes)],
            association=association_chart(findings),
            amplification=list(amplification_charts(findings)),
            crossings=crossed(findings),
            group_tables=group_tables(findings),
            error_tables=error_tables(findings),
            filtering=filtering(findings),
            entanglement=entanglement(findings),
            judges=judged(findings),
            opinion=second_opinion(findings.second_opinion),
            KINDS=KINDS,
            comparison=compared(report.comparison) if report.comparison else (),
            diversity=diversity(report),
            leakage=leakage(report),
            shelves=shelves(report),
            undeclared=undeclared(report),
            dependence=[*dependence_told(findings.dependence), *effects_told(findings)],
            EFFECT_IS=EFFECT_IS,
            inspected=inspected(report),
            trending=trending(report.trends),
            shares_left_out=shares_left_out(findings),
        )
    )


def write_fragment(report: AuditReport) -> str:
    """Write a fragment of a page for notebooks: the verdict, the gates and the shares."""
    return (
        _environment()
        .get_template("fragment.html.j2")
        .render(
            report=report,
            findings=report.findings,
            gates=worst_first(report.findings.gates),
            verdict=verdict(report.findings, report.inspection),
            alarm=alarm(report),
        )
    )


def _environment() -> Environment:
    found = environment("synthgen.auditing.report")
    found.filters |= {
        "spoken": words.spoken,
        "capitalize_first": words.capitalized,
        "percent": words.percent,
        "percents": words.percents,
        "ends": words.ends,
        "decimals": words.decimals,
        "p": words.p_value,
        "code": _with_code,
    }
    found.globals |= {
        "counted": words.counted,
        "labels_wanted": words.labels_wanted,
        "EXPORT_LABELS": EXPORT_LABELS,
        "open_checks": open_checks,
        "MARKS": words.MARKS,
        "MEASURES": words.MEASURES,
        "FIGURES": words.FIGURES,
        "issue_names": ISSUES,
    }
    return found


def _with_code(text: str) -> Markup:
    """Escape a sentence, set what is in backticks, such as the name of an argument, as code, and isolate names."""
    return Markup(_BACKTICKS.sub(r"<code>\1</code>", str(isolated(inert(text)))))
