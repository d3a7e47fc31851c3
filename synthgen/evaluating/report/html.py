"""`report.html` of an evaluation: one file for people to read, print and pass on."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import Environment
from markupsafe import Markup

from synthgen.auditing.report.words import MARKS, capitalized, counted, percent, percents, points
from synthgen.evaluating.arms import REAL, ArmKind
from synthgen.evaluating.contract import TEST_SHARE, VALIDATION_SHARE
from synthgen.evaluating.findings import UsefulnessFindings
from synthgen.evaluating.hardest import HardImage, NearSynthetic
from synthgen.evaluating.report.curve import curve
from synthgen.evaluating.report.report import HARD_SHOWN, SYNTHETIC, TEST, EvaluationReport
from synthgen.evaluating.report.rows import (
    arm_rows,
    class_rows,
    filter_rows,
    group_rows,
    leak_rows,
    left_out,
    rival_rows,
)
from synthgen.inert import inert
from synthgen.pages.page import data_uri, environment, isolated, short
from synthgen.stats.paired import Usefulness

_BACKTICKS = re.compile("`([^`]+)`")
_HEADLINES = {
    Usefulness.HELPS: ("pass", "✓", "Helps"),
    Usefulness.HARMS: ("fail", "✕", "Harms"),
    Usefulness.CANNOT_TELL: ("insufficient", "?", "Cannot tell"),
}


@dataclass(frozen=True, slots=True)
class EvaluationPicture:
    """A picture of the page.

    Attributes:
        caption: what it shows, for who cannot see it.
        uri: None if a browser cannot show it.
        label: its class.
        told: what it is, in a few words.
    """

    id: str
    caption: str
    uri: str | None
    label: str
    told: str


@dataclass(frozen=True, slots=True)
class Hard:
    """A hard test image, and the synthetic ones that are near to it."""

    image: EvaluationPicture
    near: tuple[EvaluationPicture, ...]
    predicted: str
    wrong: int


def write_html(report: EvaluationReport) -> str:
    """Write the page. Equal reports give equal pages."""
    findings = report.findings
    state, sign, headline = _HEADLINES[findings.verdict]
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            title=f"{headline}: an evaluation",
            report=report,
            findings=findings,
            state=state,
            sign=sign,
            headline=headline,
            answer=_answer(findings),
            curve=curve(findings),
            kinds={each.arm.kind.value for each in findings.arms},
            arms=arm_rows(findings),
            rivals=rival_rows(findings),
            filters=filter_rows(findings),
            classes=class_rows(findings),
            groups=group_rows(findings),
            hard=tuple(_hard(report)),
            leaks=leak_rows(findings),
            left_out=[*left_out(findings)],
        )
    )


def _answer(findings: UsefulnessFindings) -> str:
    """Say in a sentence how much the synthetic images change."""
    real, mixed = findings.arm(REAL).scored.scores.accuracy, findings.decisive.scored.scores.accuracy
    difference = findings.decisive.difference
    assert difference is not None, "a mixed arm has a difference"
    change = f"changes the accuracy on real images by {points(difference)} percentage points"
    return f"Adding synthetic images {change}: {percent(mixed.value)} right, and {percent(real.value)} without them."


def _hard(report: EvaluationReport) -> Iterator[Hard]:
    for each in report.findings.hardest.images[:HARD_SHOWN]:
        image = _picture(report, TEST, each, "the test image")
        near = [_near(report, each.nearest, "nearest synthetic")]
        if each.nearest_alike is not None and each.nearest_alike != each.nearest:
            near.append(_near(report, each.nearest_alike, "nearest of its class"))
        yield Hard(image, tuple(near), each.predicted, each.wrong)


def _near(report: EvaluationReport, image: NearSynthetic, told: str) -> EvaluationPicture:
    return _picture(report, SYNTHETIC, image, f"{told}, cosine {image.cosine:.3f}")


def _picture(report: EvaluationReport, kind: str, image: HardImage | NearSynthetic, told: str) -> EvaluationPicture:
    caption = f"a {kind} image of {short(image.label, 60)}"
    return EvaluationPicture(image.id, caption, data_uri(report.pictures.get((kind, image.id))), image.label, told)


def _environment() -> Environment:
    found = environment("synthgen.evaluating.report")
    found.filters |= {"code": _with_code, "capitalize_first": capitalized, "percents": percents}
    found.globals |= {
        "counted": counted,
        "MARKS": MARKS,
        "ArmKind": ArmKind,
        "TEST_PERCENT": f"{TEST_SHARE:.0%}",
        "VALIDATION_PERCENT": f"{VALIDATION_SHARE:.0%}",
    }
    return found


def _with_code(text: str) -> Markup:
    """Escape a sentence, set what is in backticks as code, and isolate names."""
    return Markup(_BACKTICKS.sub(r"<code>\1</code>", str(isolated(inert(text)))))
