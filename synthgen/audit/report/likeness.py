"""How alike images are: among themselves, and to those of a reference set."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from synthgen.audit.embeddings import ClassDiversity, ClassLeakage, NearDuplicate
from synthgen.audit.estimates import Estimate
from synthgen.audit.findings import OVERALL
from synthgen.audit.report.chart import Line, Scale, chart
from synthgen.audit.report.composition import MOST, Chart
from synthgen.audit.report.report import AuditReport, Picture
from synthgen.audit.report.shelves import Shown, shown
from synthgen.page import short

PAIRS = 24
"""Pairs of near-duplicates shown."""
_FREE, _UNIT = Scale(None, percent=False), Scale((0.0, 1.0), percent=False)


@dataclass(frozen=True, slots=True)
class Pair:
    first: Shown
    second: Shown
    cosine: float


@dataclass(frozen=True, slots=True)
class Likeness:
    """Charts with a row for each scope, and pairs that are nearly one image.

    Attributes:
        left_out: classes that are not shown.
        reasons: for which scopes something is missing, and why.
    """

    charts: tuple[Chart, ...]
    pairs: tuple[Pair, ...]
    left_out: int
    reasons: tuple[tuple[str, str], ...]


def diversity(report: AuditReport) -> Likeness | None:
    found = report.diversity
    if found is None:
        return None
    scopes = _rows(found.scopes)
    columns = (
        (
            "diversity-rke",
            "RKE score",
            "effective number, of order 2",
            _FREE,
            [each.rke for each in scopes],
        ),
        ("diversity-vendi", "Vendi score", "effective number of images", _FREE, [each.vendi for each in scopes]),
        ("diversity-distance", "Mean distance", "cosine, of two images", _FREE, [each.distance for each in scopes]),
        (
            "diversity-duplicates",
            "Near-duplicates",
            "images with one in their class",
            Scale(None),
            [each.duplicate_rate for each in scopes],
        ),
    )
    pairs = tuple(_pairs(found.pairs, report.duplicates, report.duplicates))
    charts = tuple(_charts(scopes, columns))
    return Likeness(charts, pairs, len(found.scopes) - len(scopes), _reasons(scopes))


def leakage(report: AuditReport) -> Likeness | None:
    found = report.leakage
    if found is None:
        return None
    scopes = _rows(found.scopes)
    columns = (
        (
            "leakage-duplicates",
            "Near-duplicates",
            "images that nearly are one of the reference’s",
            Scale(None),
            [each.duplicate_rate for each in scopes],
        ),
        (
            "leakage-nearest",
            "Nearest neighbour",
            "median cosine; 1: the same",
            _UNIT,
            [each.nearest for each in scopes],
        ),
        (
            "leakage-coverage",
            "Coverage",
            "share of the reference that the set reaches",
            _UNIT,
            [each.coverage for each in scopes],
        ),
        ("leakage-density", "Density", "1: as the reference itself", _FREE, [each.density for each in scopes]),
        (
            "leakage-kernel",
            "Kernel distance",
            "unbiased; 0: the same",
            Scale(None, percent=False, zero=True),
            [each.kernel_distance for each in scopes],
        ),
    )
    pairs = tuple(_pairs(found.pairs, report.duplicates, report.reference_duplicates))
    charts = tuple(_charts(scopes, columns))
    return Likeness(charts, pairs, len(found.scopes) - len(scopes), _reasons(scopes))


Scope = ClassDiversity | ClassLeakage
S = TypeVar("S", ClassDiversity, ClassLeakage)
Column = tuple[str, str, str, Scale, Sequence[Estimate | None]]


def _rows(scopes: Sequence[S]) -> tuple[S, ...]:
    """Over all, and the classes with the most images, in their order."""
    chosen: list[int] = sorted(range(1, len(scopes)), key=lambda index: -scopes[index].images)[:MOST]
    return tuple(scopes[index] for index in (0, *sorted(chosen)) if index < len(scopes))


def _charts(scopes: Sequence[Scope], columns: Sequence[Column]) -> Iterator[Chart]:
    for key, title, note, scale, estimates in columns:
        if any(estimates):
            pairs = zip(scopes, estimates, strict=True)
            lines = [Line(_name(each), found, strong=each.class_name is None) for each, found in pairs]
            yield Chart(title, note, chart(key, title, lines, scale))


def _pairs(
    pairs: Sequence[NearDuplicate], first: Mapping[str, Picture], second: Mapping[str, Picture]
) -> Iterator[Pair]:
    for pair in pairs[:PAIRS]:
        one = first.get(pair.first, Picture(pair.first, pair.first_class, None))
        other = second.get(pair.second, Picture(pair.second, pair.second_class, None))
        yield Pair(shown(one), shown(other), pair.cosine)


def _reasons(scopes: Sequence[Scope]) -> tuple[tuple[str, str], ...]:
    """Each reason once, with the scopes that it holds for."""
    found: dict[str, list[str]] = {}
    for each in scopes:
        if each.reason:
            found.setdefault(each.reason, []).append(short(_name(each), 40))
    return tuple((", ".join(names), reason) for reason, names in found.items())


def _name(scope: Scope) -> str:
    return OVERALL if scope.class_name is None else scope.class_name
