"""Tests that are read together, with the correction for their number."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from synthgen.auditing.findings import AttributeFindings, Scope
from synthgen.stats.association import with_holm
from synthgen.stats.distance import Distance, Measure
from synthgen.stats.estimates import holm


def with_families(found: Sequence[AttributeFindings]) -> list[AttributeFindings]:
    """Apply Holm's correction (1979) to the tests of each family.

    The associations of all attributes with the class are a family. So are, for each measure, the distances of all
    attributes over the whole set, and the distances of one attribute in all classes.
    """
    associations = with_holm([each.association.test for each in found])
    overall = _adjusted([each.scopes[0] for each in found])
    return [
        replace(
            each,
            association=replace(each.association, test=test),
            scopes=(whole, *_adjusted(each.scopes[1:])),
        )
        for each, test, whole in zip(found, associations, overall, strict=True)
    ]


def _adjusted(scopes: Sequence[Scope]) -> list[Scope]:
    by_measure = {measure: holm([_p_value(scope.distances, measure) for scope in scopes]) for measure in Measure}
    return [
        replace(
            scope,
            distances=tuple(
                replace(distance, adjusted=by_measure[distance.measure][index]) for distance in scope.distances
            ),
        )
        for index, scope in enumerate(scopes)
    ]


def _p_value(distances: Iterable[Distance], measure: Measure) -> float | None:
    return next((each.p_value for each in distances if each.measure is measure), None)
