"""The wording of the report: numbers with their intervals, and names in plain words."""

import shlex
from collections.abc import Mapping

from synthgen.auditing.findings import AttributeFindings, Figure
from synthgen.auditing.gates import GateOutcome
from synthgen.auditing.p_values import p_text
from synthgen.auditing.report.report import JudgeCheck
from synthgen.stats.distance import Measure
from synthgen.stats.estimates import Estimate

EN, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"

MARKS: Mapping[GateOutcome, tuple[str, str]] = {
    GateOutcome.PASS: ("pass", "✓"),
    GateOutcome.FAIL: ("fail", "✕"),
    GateOutcome.INSUFFICIENT: ("insufficient", "?"),
}
"""By outcome: its class in the style sheet, and its sign, so that colour is not needed."""

FIGURES: Mapping[Figure, tuple[str, str]] = {
    Figure.RAW: ("as measured", ""),
    Figure.CLUSTERED: ("as measured", ""),
    Figure.MATRIX: (
        "corrected by a confusion matrix",
        "Correct if the judge makes errors as often in these images, and in each of their classes, as it did where the "
        "matrix was measured. Stereotypes violate this.",
    ),
    Figure.LABELS: (
        "corrected by labels",
        "A random part of this set was labelled by hand, so nothing needs to be assumed about the judge.",
    ),
    Figure.WIDENED: (
        "as measured, widened",
        "The interval is widened by the share of errors that the judge was seen to make elsewhere. It may make more of "
        "them here.",
    ),
    Figure.AGREED: (
        "as measured, two judges agree",
        "The interval is widened by the share of images on which an independent judge differs. Errors that both judges "
        "make in the same way are not covered.",
    ),
}
"""By figure: its name, and what it assumes."""

_KNOWN = ("taken as true", "")


def figure_of(attribute: AttributeFindings, figure: Figure) -> tuple[str, str]:
    """Return the name of a figure of an attribute, and what it assumes."""
    return _KNOWN if attribute.known else FIGURES[figure]


MEASURES: Mapping[Measure, tuple[str, str]] = {
    Measure.TV: ("total variation", "the share of images that would have to change; 0 = equal to the target"),
    Measure.ENTROPY: ("normalised entropy", "1 = equal to the target; lower if some values are rarer"),
    Measure.MIN_MAX_RATIO: (
        "smallest to largest",
        "the smallest share divided by the largest, each relative to its target; 1 = equal to the target",
    ),
    Measure.JS: ("Jensen" + EN + "Shannon", "divergence, base 2; 0 = equal to the target"),
}


def spoken(name: str) -> str:
    """Turn a name from a spec into words: 'skin_tone' is 'skin tone'."""
    return name.replace("_", " ").strip() or name


def capitalized(text: str) -> str:
    """Capitalize only the first letter: the rest may contain names."""
    return text[:1].upper() + text[1:]


def percent(value: float, digits: int = 1) -> str:
    return f"{100 * value:z.{digits}f}\N{NO-BREAK SPACE}%".replace("-", MINUS)


def percents(found: Estimate | None) -> str:
    """Write a share with its interval in percent, such as '20.9 % (16.8-25.3)'."""
    if found is None:
        return "none"
    if found.low == found.high:
        return percent(found.value)
    return f"{percent(found.value)} ({_bare(found.low)}{_to(found.low)}{_bare(found.high)})"


def ends(found: Estimate) -> str:
    """Write an interval without its share in percent, such as '16.8-25.3 %'."""
    return f"{_bare(found.low)}{_to(found.low)}{percent(found.high)}"


def points(found: Estimate | None) -> str:
    """Write a difference of shares with its interval, in percentage points."""
    if found is None:
        return "none"
    value, low, high = (f"{100 * each:+z.1f}".replace("-", MINUS) for each in (found.value, found.low, found.high))
    return f"{value} ({low} to {high})"


def decimals(found: Estimate | None, digits: int = 2) -> str:
    if found is None:
        return "none"
    value, low, high = (f"{each:z.{digits}f}".replace("-", MINUS) for each in (found.value, found.low, found.high))
    return value if found.low == found.high else f"{value} ({low}{_to(found.low)}{high})"


def p_value(value: float | None) -> str:
    if value is None:
        return EN
    return p_text(value)


def counted(many: int, one: str, more: str | None = None) -> str:
    """Write a count with its noun, such as '1 image' or '1,201 images'."""
    return f"{many:,} {one if many == 1 else more or one + 's'}"


def how_to_check(check: JudgeCheck) -> str:
    """Explain how to check the judge, with the command on a line of its own to copy."""
    drawn = _DRAWN if check.command is None else f"\n  {check.command}\n"
    table = shlex.quote(check.table)
    return f"{labels_wanted(check)}:{drawn}Then fill in {table} and audit again with {_labels(check.table)}."


_DRAWN = " call `synthgen.export_labels` with the same arguments. "


def labels_wanted(check: JudgeCheck) -> str:
    if check.labelled is not None:
        there = f"complete {shlex.quote(check.labelled)} and audit again with {_labels(check.labelled)}"
        return f"To check the judge on this set, {there}, or draw a new sample of {check.labels:,} images"
    return f"To check the judge on this set, label at least {check.labels:,} images by eye"


def _labels(table: str) -> str:
    """Write the argument that takes the filled-in table."""
    return f'`labels="{table}"`'


def _bare(value: float) -> str:
    return f"{100 * value:z.1f}".replace("-", MINUS)


def _to(low: float) -> str:
    return EN if low >= 0 else " to "
