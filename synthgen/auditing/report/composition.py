"""The shares of one attribute, overall and in each class, as charts and as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from synthgen.auditing.findings import OVERALL, AttributeFindings, Figure, Scope, Share
from synthgen.auditing.report.chart import Line, Scale, chart, reach
from synthgen.auditing.report.words import MEASURES, figure_of, spoken
from synthgen.pages.page import short
from synthgen.stats.distance import Distance, Measure
from synthgen.stats.estimates import Estimate

MOST = 24
"""At most this many classes are shown: farthest from the target or, without one, with the most images."""
_PLAIN = (Figure.RAW, Figure.CLUSTERED, Figure.WIDENED, Figure.AGREED)
_CHARTED = (Measure.TV, Measure.ENTROPY, Measure.MIN_MAX_RATIO)


@dataclass(frozen=True, slots=True)
class Chart:
    title: str
    note: str
    svg: Markup


@dataclass(frozen=True, slots=True)
class CompositionChart:
    """The shares of one attribute, ready for the page.

    Attributes:
        corrected: whether some quoted figures are corrected, and not the raw answers.
        quoted_otherwise: classes whose figure to quote differs from the overall one.
        left_out: the number of classes that are not shown.
        distance: the total variation overall.
        farthest: the class with the greatest total variation, and that.
        unsure: whether a band shows how far 'unknown' images could change a share.
        joint: whether any share has a simultaneous interval of its own.
    """

    findings: AttributeFindings
    overall: Scope
    figure: tuple[str, str] | None
    scopes: tuple[Scope, ...]
    quoted_otherwise: tuple[Scope, ...]
    left_out: int
    corrected: bool
    unsure: bool
    joint: bool
    distance: Distance | None
    farthest: tuple[str, Distance] | None
    charts: tuple[Chart, ...]
    distance_charts: tuple[Chart, ...]


def composition(key: str, attribute: AttributeFindings) -> CompositionChart:
    """Draw the shares of one attribute. The ids of its charts begin with `key`."""
    overall, classes = attribute.scopes[0], attribute.scopes[1:]
    shown = (overall, *most_telling(classes, MOST))
    figure = overall.quote.figure
    alike = _PLAIN if figure in _PLAIN else (figure,)  # plain figures differ only in their intervals
    return CompositionChart(
        findings=attribute,
        overall=overall,
        figure=figure_of(attribute, figure) if figure else None,
        scopes=shown,
        quoted_otherwise=tuple(scope for scope in shown if scope.quote.figure not in (*alike, None)),
        left_out=len(attribute.scopes) - len(shown),
        corrected=any(scope.quote.figure not in (*_PLAIN, None) for scope in shown),
        unsure=any(_band(scope, share) is not None for scope in shown for share in scope.shares),
        joint=any(_outer(scope, share) is not None for scope in shown for share in scope.shares),
        distance=_variation(overall),
        farthest=_farthest(classes),
        charts=tuple(_charts(key, attribute, shown)) if overall.images else (),
        distance_charts=tuple(_distance_charts(key, attribute, shown)),
    )


def most_telling(classes: Sequence[Scope], most: int) -> list[Scope]:
    """Choose the classes that are certainly far from the target or else have many images, in their order."""
    if len(classes) <= most:
        return list(classes)

    def telling(scope: Scope) -> tuple[float, int]:
        far = _variation(scope)
        return far.found.low if far else -1.0, scope.images

    chosen = {scope.class_name for scope in sorted(classes, key=telling, reverse=True)[:most]}
    return [scope for scope in classes if scope.class_name in chosen]


def most_telling_shares(scope: Scope, most: int) -> Sequence[Share]:
    """Choose the values that are farthest from the target, or else have the most images, in their order."""
    if len(scope.shares) <= most:
        return scope.shares

    def telling(place: int) -> tuple[float, int]:
        share = scope.shares[place]
        found = share.of(scope.quote.figure)
        far = abs(found.value - scope.reference.get(share.value, 0.0)) if found and scope.reference else 0.0
        return -far, -share.count

    return [scope.shares[place] for place in sorted(sorted(range(len(scope.shares)), key=telling)[:most])]


def _variation(scope: Scope) -> Distance | None:
    return next((each for each in scope.distances if each.measure is Measure.TV), None)


def _farthest(classes: Sequence[Scope]) -> tuple[str, Distance] | None:
    found = [(scope.class_name or "", far) for scope in classes if (far := _variation(scope)) is not None]
    return max(found, key=lambda each: each[1].found.value, default=None)


def _charts(key: str, attribute: AttributeFindings, scopes: Sequence[Scope]) -> list[Chart]:
    lines = {
        value: [_line(scope, scope.shares[index]) for scope in scopes] for index, value in enumerate(attribute.values)
    }
    unknown = [Line(row_name(scope), scope.unknown_share, strong=scope.class_name is None) for scope in scopes]
    scale = Scale((0.0, reach([*unknown, *(line for each in lines.values() for line in each)])))
    found, name = [], spoken(attribute.name)
    for index, (value, own) in enumerate(lines.items()):
        svg = chart(f"{key}-share-{index}", short(f"{name}: share of {value}"), own, scale)
        found.append(Chart(spoken(value), "", svg))
    if any(scope.unknown for scope in scopes):
        svg = chart(f"{key}-unknown", short(f"{name}: share of unknown"), unknown, scale)
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
        outer=_outer(scope, share),
    )


def _outer(scope: Scope, share: Share) -> Estimate | None:
    quoted = share.of(scope.quote.figure)
    return share.simultaneous if quoted and share.simultaneous != quoted else None


def _band(scope: Scope, share: Share) -> tuple[float, float] | None:
    """Return the range of an uncorrected share, depending on what the unknown images could be."""
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
            title = short(f"{spoken(attribute.name)}: {name} from the target")
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
