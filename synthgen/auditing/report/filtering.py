"""How the filters changed the composition: shares before and after them, and losses."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from synthgen.auditing.filters import TOGETHER, Filter, Losses, Pipeline
from synthgen.auditing.findings import OVERALL, Findings
from synthgen.auditing.report.chart import Line, Scale, chart
from synthgen.auditing.report.composition import MOST, Chart
from synthgen.auditing.report.words import p_value, percent, spoken
from synthgen.pages.page import short
from synthgen.spec import ASIDE

FOUR_FIFTHS = 0.8


@dataclass(frozen=True, slots=True)
class Filtered:
    """What the filters did to one attribute.

    Attributes:
        whole: the effect of all filters together, overall.
        sentence: the same in words.
        charts: composition, rate by value, and how unequal each filter is; then each class.
        left_out: the number of classes that are not shown.
    """

    name: str
    whole: Filter
    sentence: str
    charts: tuple[Chart, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Lost:
    """Losses by the groups of one column.

    Attributes:
        groups: the worst first.
        failed, blocked: the tests of whether the groups lose alike, in words; empty if there is none.
    """

    column: str
    groups: tuple[Losses, ...]
    left_out: int
    failed: str
    blocked: str


@dataclass(frozen=True, slots=True)
class Filtering:
    pipeline: Pipeline
    attributes: tuple[Filtered, ...]
    losses: tuple[Lost, ...]


def filtering(findings: Findings) -> Filtering | None:
    pipeline = findings.pipeline
    if pipeline is None:
        return None
    return Filtering(pipeline, tuple(_filtered(findings, pipeline)), tuple(_losses(pipeline)))


def _filtered(findings: Findings, pipeline: Pipeline) -> Iterator[Filtered]:
    for index, attribute in enumerate(findings.attributes):
        own = [each for each in pipeline.filters if each.attribute == attribute.name]
        whole = next((each for each in own if each.filter == TOGETHER and each.class_name is None), None)
        if whole is None:
            continue
        classes = [each for each in own if each.class_name is not None]
        charts = tuple(_charts(f"filter-{index}", whole, own, classes[:MOST]))
        yield Filtered(attribute.name, whole, _sentence(whole), charts, len(classes[MOST:]))


def _charts(key: str, whole: Filter, own: Sequence[Filter], classes: Sequence[Filter]) -> Iterator[Chart]:
    name = spoken(whole.attribute)
    values = [passage for passage in whole.values if passage.name not in ASIDE]
    lines = [Line(each.name, each.share_after, each.share_before) for each in values]
    svg = chart(f"{key}-composition", short(f"{name}: composition before and after the filters"), lines)
    yield Chart("Before and after", "among the images that have a value", svg)

    lines = [Line(each.name, each.rate) for each in whole.values if each.entered]
    svg = chart(f"{key}-rate", short(f"{name}: share that passes the filters"), lines)
    yield Chart("Pass rate", "among the images with this answer", svg)

    lines = [Line(TOGETHER, whole.lowest_to_highest, target=FOUR_FIFTHS, strong=True)]
    lines += [
        Line(each.filter, each.lowest_to_highest, target=FOUR_FIFTHS)
        for each in own
        if each.class_name is None and each.filter != TOGETHER
    ]
    title = short(f"{name}: lowest rate divided by highest, by filter")
    yield Chart("By filter", "lowest rate divided by highest; 1 is even", chart(f"{key}-filters", title, lines, _RATIO))

    if len(classes) > 1:
        lines = [Line(OVERALL, whole.lowest_to_highest, target=FOUR_FIFTHS, strong=True)]
        lines += [Line(each.class_name or "", each.lowest_to_highest, target=FOUR_FIFTHS) for each in classes]
        title = short(f"{name}: lowest rate divided by highest, by class")
        yield Chart(
            "By class", "lowest rate divided by highest; 1 is even", chart(f"{key}-classes", title, lines, _RATIO)
        )


_RATIO = Scale((0.0, 1.0), percent=False)


def _sentence(whole: Filter) -> str:
    values = [each for each in whole.values if each.name not in ASIDE and each.rate is not None]
    if len(values) < 2:
        return whole.reason or "Fewer than two values have images."
    rates = {each.name: each.rate.value for each in values if each.rate}
    low, high = min(rates, key=lambda name: rates[name]), max(rates, key=lambda name: rates[name])
    if rates[low] == rates[high]:
        return f"All values have the same pass rate: {percent(rates[low])}."
    sentence = (
        f"‘{short(low, 60)}’ has a pass rate of {percent(rates[low])}, ‘{short(high, 60)}’ of {percent(rates[high])}"
    )
    test = _test(whole.test.name, whole.test.adjusted or whole.test.p_value) if whole.test else whole.reason or ""
    return f"{sentence} ({test})." if test else f"{sentence}."


def _test(name: str, p: float) -> str:
    return f"{name}, {p_value(p)}"


def _losses(pipeline: Pipeline) -> Iterator[Lost]:
    for column in dict.fromkeys(each.column for each in pipeline.losses):
        groups = [each for each in pipeline.losses if each.column == column]
        groups.sort(key=lambda each: -(each.failed + each.blocked) / max(each.attempts, 1))
        failed, blocked = pipeline.failed_tests.get(column), pipeline.blocked_tests.get(column)
        yield Lost(
            column,
            tuple(groups[:MOST]),
            len(groups[MOST:]),
            _test(failed.name, failed.p_value) if failed else "",
            _test(blocked.name, blocked.p_value) if blocked else "",
        )
