"""How similar images are: to each other, and to those of a reference set."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from synthgen.auditing.embeddings import ClassDiversity, ClassLeakage, NearDuplicate
from synthgen.auditing.findings import OVERALL
from synthgen.auditing.report.chart import Line, Scale, chart
from synthgen.auditing.report.composition import MOST, Chart
from synthgen.auditing.report.near import apart_told
from synthgen.auditing.report.report import AuditReport, ReportPicture
from synthgen.auditing.report.shelves import Shown, shown
from synthgen.auditing.report.words import counted
from synthgen.pages.page import short
from synthgen.stats.estimates import Estimate

PAIRS = 24
"""At most this many pairs of near-duplicates are shown."""
_FREE, _SHARES, _UNIT = Scale(None, percent=False), Scale(None), Scale((0.0, 1.0), percent=False)


@dataclass(frozen=True, slots=True)
class Pair:
    first: Shown
    second: Shown
    cosine: float


@dataclass(frozen=True, slots=True)
class Likeness:
    """Charts with a row for each scope, and pairs of near-duplicates.

    Attributes:
        left_out: the number of classes that are not shown.
        reasons: for which scopes something is missing, and why.
        source: what figures were estimated from, where an index was searched; empty if every pair was compared.
        apart: in what the pairs differ, in words; empty if they differ in nothing known.
    """

    charts: tuple[Chart, ...]
    pairs: tuple[Pair, ...]
    left_out: int
    reasons: tuple[tuple[str, str], ...]
    source: str
    apart: str = ""


def diversity(report: AuditReport) -> Likeness | None:
    found = report.diversity
    if found is None:
        return None
    scopes = _rows(found.scopes)
    pairs = tuple(_pairs(found.pairs, report.duplicates, report.duplicates))
    charts = tuple(_diversity_charts(scopes, found.source))
    return Likeness(charts, pairs, len(found.scopes) - len(scopes), _reasons(scopes), found.source, apart_told(found))


def leakage(report: AuditReport) -> Likeness | None:
    found = report.leakage
    if found is None:
        return None
    scopes = _rows(found.scopes)
    pairs = tuple(_pairs(found.pairs, report.duplicates, report.reference_duplicates))
    charts = tuple(_leakage_charts(scopes, found.source))
    return Likeness(charts, pairs, len(found.scopes) - len(scopes), _reasons(scopes), found.source, apart_told(found))


LikenessScope = ClassDiversity | ClassLeakage
S = TypeVar("S", ClassDiversity, ClassLeakage)


def _rows(scopes: Sequence[S]) -> tuple[S, ...]:
    """Choose the overall scope and the classes with the most images, in their order."""
    chosen: list[int] = sorted(range(1, len(scopes)), key=lambda index: -scopes[index].images)[:MOST]
    return tuple(scopes[index] for index in (0, *sorted(chosen)) if index < len(scopes))


def _diversity_charts(scopes: Sequence[ClassDiversity], source: str) -> Iterator[Chart]:
    images = counted(max((each.compared for each in scopes), default=0), "image")
    lines = [_line(each, each.rke) for each in scopes]
    yield from _drawn("diversity-rke", "RKE score", f"effective number, order 2, among {images}", lines, _FREE)
    lines = [_line(each, each.vendi) for each in scopes]
    yield from _drawn("diversity-vendi", "Vendi score", f"effective number among {images}", lines, _FREE)
    lines = [_line(each, each.distance) for each in scopes]
    yield from _drawn("diversity-distance", "Mean distance", "cosine distance between two images", lines, _FREE)
    lines = [_line(each, each.duplicate_rate) for each in scopes]
    note = _noted("share of images with a near-duplicate in their class", source)
    yield from _drawn("diversity-duplicates", "Near-duplicates", note, lines, _SHARES)


def _leakage_charts(scopes: Sequence[ClassLeakage], source: str) -> Iterator[Chart]:
    most = max((each.compared for each in scopes), default=0)
    parts, wholes = f"from up to {most:,} images of each", f"from up to {2 * most:,} images of each"
    lines = [_line(each, each.duplicate_rate) for each in scopes]
    note = _noted("share of images that nearly repeat one of the reference", source)
    yield from _drawn("leakage-duplicates", "Near-duplicates", note, lines, _SHARES)

    lines = [_line(each, each.nearest) for each in scopes]
    note = _noted("median cosine; 1: identical", source)
    yield from _drawn("leakage-nearest", "Nearest neighbour", note, lines, _UNIT)

    lines = [replace(_line(each, each.coverage), target=each.usual_coverage) for each in scopes]
    note = _noted("share of the reference that the set covers", parts)
    yield from _drawn("leakage-coverage", "Coverage", note, lines, _UNIT)
    lines = [_line(each, each.density) for each in scopes]
    yield from _drawn("leakage-density", "Density", _noted("1: like the reference itself", parts), lines, _FREE)

    lines = [replace(_line(each, each.kernel_distance), band=_chance(each)) for each in scopes]
    note = _noted("unbiased; 0: identical", wholes)
    yield from _drawn("leakage-kernel", "Kernel distance", note, lines, replace(_FREE, zero=True))


def _noted(note: str, source: str) -> str:
    return f"{note}; {source}" if source else note


def _line(scope: LikenessScope, found: Estimate | None) -> Line:
    return Line(_name(scope), found, strong=scope.class_name is None)


def _chance(scope: ClassLeakage) -> tuple[float, float] | None:
    return None if scope.chance_kernel_distance is None else (0.0, max(0.0, scope.chance_kernel_distance))


def _drawn(key: str, title: str, note: str, lines: Sequence[Line], scale: Scale) -> Iterator[Chart]:
    if any(line.first for line in lines):
        yield Chart(title, note, chart(key, title, lines, scale))


def _pairs(
    pairs: Sequence[NearDuplicate], first: Mapping[str, ReportPicture], second: Mapping[str, ReportPicture]
) -> Iterator[Pair]:
    for pair in pairs[:PAIRS]:
        one = first.get(pair.first, ReportPicture(pair.first, pair.first_class, None))
        other = second.get(pair.second, ReportPicture(pair.second, pair.second_class, None))
        yield Pair(shown(one), shown(other), pair.cosine)


def _reasons(scopes: Sequence[LikenessScope]) -> tuple[tuple[str, str], ...]:
    """List each reason once, with its scopes."""
    found: dict[str, list[str]] = {}
    for each in scopes:
        if each.reason:
            found.setdefault(each.reason, []).append(short(_name(each), 40))
    return tuple((", ".join(names), reason) for reason, names in found.items())


def _name(scope: LikenessScope) -> str:
    return OVERALL if scope.class_name is None else scope.class_name
