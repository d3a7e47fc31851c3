"""Comparisons side by side: two judges of one set, and two sets."""

from collections.abc import Iterator
from dataclasses import dataclass

from synthgen.auditing.agreement import Agreement
from synthgen.auditing.compare import Comparison, Difference
from synthgen.auditing.findings import OVERALL, Findings
from synthgen.auditing.report.chart import Line, Scale, chart
from synthgen.auditing.report.composition import MOST, Chart
from synthgen.auditing.report.words import MEASURES, decimals, percents, points, spoken
from synthgen.pages.page import short
from synthgen.stats.estimates import Estimate

_SHARE = "share of "
_NAMES = {measure.value: name for measure, (name, _) in MEASURES.items()} | {"v": "Cramér’s V", "unknown": "unknown"}


@dataclass(frozen=True, slots=True)
class JudgeComparison:
    agreement: Agreement
    chart: Chart


@dataclass(frozen=True, slots=True)
class Apart:
    """One number of both sets, in words."""

    place: str
    what: str
    first: str
    second: str
    difference: str


@dataclass(frozen=True, slots=True)
class Compared:
    """One attribute in both sets.

    Attributes:
        beyond: numbers whose difference has an interval without 0.
        tested: the number of all differences.
        caveats: why some should not be compared.
    """

    name: str
    charts: tuple[Chart, ...]
    beyond: tuple[Apart, ...]
    tested: int
    left_out: int
    caveats: tuple[str, ...]


def judged(findings: Findings) -> tuple[JudgeComparison, ...]:
    return tuple(_judged(index, each) for index, each in enumerate(findings.agreement))


def _judged(index: int, found: Agreement) -> JudgeComparison:
    lines = [Line(value, found.first[value], found.second.get(value)) for value in found.first]
    title = f"{spoken(found.attribute)}: shares by both judges"
    return JudgeComparison(
        found,
        Chart(
            spoken(found.attribute),
            "of the images that each judge gave a value",
            chart(f"judges-{index}", short(title), lines),
        ),
    )


def compared(comparison: Comparison) -> tuple[Compared, ...]:
    names = dict.fromkeys(each.attribute for each in comparison.differences)
    return tuple(_compared(index, name, comparison) for index, name in enumerate(names))


def _compared(index: int, name: str, comparison: Comparison) -> Compared:
    own = [each for each in comparison.differences if each.attribute == name]
    beyond = [_apart(each) for each in own if each.difference and not each.difference.low <= 0 <= each.difference.high]
    return Compared(
        name,
        tuple(_charts(f"compare-{index}", name, own)),
        tuple(beyond[: 2 * MOST]),
        sum(each.difference is not None for each in own),
        len(beyond[2 * MOST :]),
        tuple(dict.fromkeys(each.caveat for each in own if each.caveat)),
    )


def _charts(key: str, name: str, own: list[Difference]) -> Iterator[Chart]:
    """Draw a chart for each value, with a row for each place."""
    reach = max(
        (
            abs(end)
            for each in own
            if each.what.startswith(_SHARE) and each.difference
            for end in (each.difference.low, each.difference.high)
        ),
        default=1.0,
    )

    for index, what in enumerate(dict.fromkeys(each.what for each in own if each.what.startswith(_SHARE))):
        rows = [each for each in own if each.what == what][: MOST + 1]
        lines = [
            Line(each.place.removeprefix("class "), each.difference, strong=each.place == OVERALL) for each in rows
        ]
        title = short(f"{spoken(name)}: {what}, first minus second")
        scale = Scale((-reach, reach), zero=True)
        yield Chart(
            spoken(what.removeprefix(_SHARE)), "first minus second", chart(f"{key}-{index}", title, lines, scale)
        )


def _apart(each: Difference) -> Apart:
    share = each.what == "unknown" or each.what.startswith(_SHARE)

    def worded(found: Estimate | None) -> str:
        return percents(found) if share else decimals(found)

    difference = points(each.difference) if share else decimals(each.difference)
    what = _NAMES.get(each.what, each.what)
    return Apart(each.place, what, worded(each.first), worded(each.second), difference)
