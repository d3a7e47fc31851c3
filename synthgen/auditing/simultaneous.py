"""Intervals of one attribute's quoted shares that hold together, in all classes at once."""

from collections.abc import Sequence
from dataclasses import replace

from synthgen.auditing.findings import AttributeFindings, Figure, Scope, Share
from synthgen.stats.estimates import Estimate
from synthgen.stats.simultaneous import scaled_together, wilson_together


def with_simultaneous(found: Sequence[AttributeFindings]) -> list[AttributeFindings]:
    """Give each quoted share its simultaneous interval.

    The family of an attribute is every quoted interval overall and in each class: one for each value, or a single one
    where there are two values, since both ends of one are those of the other. Bonferroni's level makes no assumption
    about how they depend on each other.
    """
    return [_of(attribute) for attribute in found]


def _of(attribute: AttributeFindings) -> AttributeFindings:
    each = 1 if len(attribute.values) == 2 else len(attribute.values)
    comparisons = each * sum(any(map(_uncertain, _quoted(scope))) for scope in attribute.scopes)
    scopes = tuple(
        replace(
            scope,
            shares=tuple(replace(share, simultaneous=_joint(scope, share, comparisons)) for share in scope.shares),
        )
        for scope in attribute.scopes
    )
    return replace(attribute, scopes=scopes, comparisons=comparisons)


def _quoted(scope: Scope) -> list[Estimate]:
    return [found for share in scope.shares if (found := share.of(scope.quote.figure)) is not None]


def _uncertain(found: Estimate) -> bool:
    return found.low < found.high


def _joint(scope: Scope, share: Share, comparisons: int) -> Estimate | None:
    quoted, figure = share.of(scope.quote.figure), scope.quote.figure
    if quoted is None or not _uncertain(quoted):
        return quoted
    if figure is Figure.RAW:
        return wilson_together(share.count, scope.valued, comparisons)
    if figure is Figure.CLUSTERED:
        return wilson_together(share.count, scope.valued, comparisons, share.design_effect or 1.0, scope.freedom)
    return scaled_together(quoted, comparisons)
