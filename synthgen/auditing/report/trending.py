"""What moved since earlier audits, in words and charts."""

from collections.abc import Iterator
from dataclasses import dataclass

from synthgen.auditing.inspection.findings import IssueKind
from synthgen.auditing.report.composition import Chart
from synthgen.auditing.report.inspected import ISSUES
from synthgen.auditing.report.line_chart import line_chart
from synthgen.auditing.report.words import MEASURES, decimals, p_value, percents, points, spoken
from synthgen.auditing.trends.findings import Movement, Trends
from synthgen.pages.page import short
from synthgen.stats.estimates import Estimate

ROWS, _CHARTS, _COUNTS = 60, 24, 40
_SHARE = "share of "
_NAMES = {measure.value: name for measure, (name, _) in MEASURES.items()} | {
    "rke": "RKE score",
    "vendi": "Vendi score",
}
_NUMBERS = {*_NAMES, "mean distance"}


@dataclass(frozen=True, slots=True)
class ShownMovement:
    """A movement in words."""

    subject: str
    what: str
    place: str
    version: str
    earlier: str
    now: str
    difference: str
    p: str


@dataclass(frozen=True, slots=True)
class ShownVersion:
    """A version in words: `key` is its number, as in the charts."""

    key: str
    place: str
    created: str
    images: int
    not_compared: tuple[str, ...]
    caveats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trending:
    """The section of the page.

    Attributes:
        columns: the names of the versions, 'now' last.
        counts: what was counted in each version, where that changed.
    """

    versions: tuple[ShownVersion, ...]
    columns: tuple[str, ...]
    moved: tuple[ShownMovement, ...]
    more: int
    charts: tuple[Chart, ...]
    counts: tuple[tuple[str, tuple[str, ...]], ...]
    more_counts: int
    gates: tuple[tuple[str, tuple[str, ...]], ...]


def trending(found: Trends | None) -> Trending | None:
    """Prepare the section of the page; None if no earlier audit was given."""
    if found is None:
        return None
    columns = (*(_key(version) for version in range(len(found.versions))), "now")
    changed = [each for each in found.counts if len({*each.values} - {None}) > 1]
    return Trending(
        versions=tuple(
            ShownVersion(columns[at], each.place, each.created, each.images, each.not_compared, each.caveats)
            for at, each in enumerate(found.versions)
        ),
        columns=columns,
        moved=tuple(map(shown_movement, found.moved[:ROWS])),
        more=len(found.moved[ROWS:]),
        charts=tuple(_charts(found, columns)),
        counts=tuple((_counted(each.what), tuple(map(_number, each.values))) for each in changed[:_COUNTS]),
        more_counts=len(changed[_COUNTS:]),
        gates=tuple((each.gate, tuple(outcome or "not given" for outcome in each.outcomes)) for each in found.gates),
    )


def shown_movement(found: Movement) -> ShownMovement:
    """Write a movement in words."""
    number = found.what in _NUMBERS

    def worded(each: Estimate) -> str:
        return decimals(each) if number else percents(each)

    what = found.what.removeprefix(_SHARE)
    issue = next((kind for kind in IssueKind if kind == found.what and found.subject == "images"), None)
    return ShownMovement(
        subject=spoken(found.subject),
        what=ISSUES[issue][0] if issue else _NAMES.get(what, what),
        place=found.place.removeprefix("class "),
        version=_key(found.version),
        earlier=worded(found.earlier),
        now=worded(found.now),
        difference=decimals(found.difference) if number else points(found.difference),
        p=p_value(found.adjusted),
    )


def _key(version: int) -> str:
    return f"v{version + 1}"


def _charts(found: Trends, columns: tuple[str, ...]) -> Iterator[Chart]:
    for index, course in enumerate(found.courses[:_CHARTS]):
        if course.values[-1] is None or all(each is None for each in course.values[:-1]):
            continue
        what = course.what.removeprefix(_SHARE)
        title = short(f"{spoken(course.subject)}: {what} over the versions")
        yield Chart(
            short(f"{spoken(course.subject)}: {what}", 60),
            "share overall, with its 95 % interval",
            line_chart(f"trend-{index}", title, columns, course.values),
        )


def _counted(what: str) -> str:
    issue = next((kind for kind in IssueKind if kind == what), None)
    return ISSUES[issue][0] if issue else what


def _number(value: int | None) -> str:
    return "\N{EN DASH}" if value is None else f"{value:,}"
