"""The shares of one attribute, over all and in each class, as charts and as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from synthgen.audit.distance import Measure
from synthgen.audit.findings import OVERALL, AttributeFindings, Figure, Scope, Share
from synthgen.audit.report.chart import Line, Scale, chart
from synthgen.audit.report.words import FIGURES, MEASURES, spoken
from synthgen.page import short

MOST = 24
"""Classes shown; of more, those with the most telling distance or, without one, with the most images."""
_PLAIN = (Figure.RAW, Figure.CLUSTERED)
_CHARTED = (Measure.TV, Measure.ENTROPY, Measure.MIN_MAX_RATIO)


@dataclass(frozen=True, slots=True)
class Chart:
    title: str
    note: str
    svg: Markup


@dataclass(frozen=True, slots=True)
class Composition:
    """
    Attributes:
        corrected: whether the quoted figures are not the answers as they are.
        left_out: classes that are not shown.
        unsure: whether a band shows what images that are 'unknown' could make of a share.
    """

    findings: AttributeFindings
    overall: Scope
    figure: tuple[str, str] | None
    scopes: tuple[Scope, ...]
    left_out: int
    corrected: bool
    unsure: bool
    charts: tuple[Chart, ...]
    distance_charts: tuple[Chart, ...]


def composition(key: str, attribute: AttributeFindings) -> Composition:
    """`key` begins the ids of its charts."""
    overall, classes = attribute.scopes[0], attribute.scopes[1:]
    shown = (overall, *_most_telling(classes))
    figure = overall.quote.figure
    return Composition(
        findings=attribute,
        overall=overall,
        figure=FIGURES[figure] if figure else None,
        scopes=shown,
        left_out=len(attribute.scopes) - len(shown),
        corrected=any(scope.quote.figure not in (*_PLAIN, None) for scope in shown),
        unsure=any(_band(scope, share) is not None for scope in shown for share in scope.shares),
        charts=tuple(_charts(key, attribute, shown)) if overall.images else (),
        distance_charts=tuple(_distance_charts(key, attribute, shown)),
    )


def _most_telling(classes: Sequence[Scope]) -> list[Scope]:
    """In their order."""
    if len(classes) <= MOST:
        return list(classes)

    def telling(scope: Scope) -> tuple[float, int]:
        far = next((each.found.low for each in scope.distances if each.measure is Measure.TV), -1.0)
        return far, scope.images

    chosen = {scope.class_name for scope in sorted(classes, key=telling, reverse=True)[:MOST]}
    return [scope for scope in classes if scope.class_name in chosen]


def _charts(key: str, attribute: AttributeFindings, scopes: Sequence[Scope]) -> list[Chart]:
    found = []
    for index, value in enumerate(attribute.values):
        lines = [_line(scope, scope.shares[index]) for scope in scopes]
        title = f"{spoken(attribute.name)}: share of {value}"
        found.append(Chart(spoken(value), "", chart(f"{key}-share-{index}", short(title), lines)))
    if any(scope.unknown for scope in scopes):
        lines = [Line(row_name(scope), scope.unknown_share, strong=scope.class_name is None) for scope in scopes]
        svg = chart(f"{key}-unknown", short(f"{spoken(attribute.name)}: share of unknown"), lines)
        found.append(Chart("unknown", "of all images", svg))
    return found


def _line(scope: Scope, share: Share) -> Line:
    figure = scope.quote.figure
    plain = share.clustered or share.raw
    return Line(
        row_name(scope),
        share.of(figure),
        plain if figure not in (*_PLAIN, None) else None,
        scope.reference.get(share.value) if scope.reference else None,
        _band(scope, share),
        strong=scope.class_name is None,
    )


def _band(scope: Scope, share: Share) -> tuple[float, float] | None:
    """What the unknown images could make of a share that is not corrected for them."""
    least, most = share.if_unknown_none, share.if_unknown_all
    if not scope.unknown or least is None or most is None or scope.quote.figure not in _PLAIN:
        return None
    return least, most


def _distance_charts(key: str, attribute: AttributeFindings, scopes: Sequence[Scope]) -> list[Chart]:
    found = []
    for index, measure in enumerate(_CHARTED):
        lines = [_distance_line(scope, measure) for scope in scopes]
        if any(line.first for line in lines):
            name, meaning = MEASURES[measure]
            title = short(f"{spoken(attribute.name)}: {name} from the reference")
            scale = Scale((0.0, 1.0) if measure.falls else None, percent=False)
            found.append(Chart(name, meaning, chart(f"{key}-distance-{index}", title, lines, scale)))
    return found


def _distance_line(scope: Scope, measure: Measure) -> Line:
    there = next((each for each in scope.distances if each.measure is measure), None)
    agrees = 1.0 if measure.falls else 0.0
    band = (min(agrees, there.chance_limit), max(agrees, there.chance_limit)) if there else None
    return Line(row_name(scope), there.found if there else None, band=band, strong=scope.class_name is None)


def row_name(scope: Scope) -> str:
    return OVERALL if scope.class_name is None else scope.class_name
