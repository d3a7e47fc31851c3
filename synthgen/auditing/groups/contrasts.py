"""Shares beside those of a reference group: of one value between classes, and of the values within a class."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthgen.auditing.findings import AttributeFindings, Figure, Scope, Share
from synthgen.auditing.groups.found import Contrast, GroupSpread, ReferenceGroup
from synthgen.auditing.groups.references import CLASS
from synthgen.stats.clusters import FEWEST_FREEDOM
from synthgen.stats.contrasts import SharePair, all_ends, multinomial_correlation, spread
from synthgen.stats.estimates import Estimate

_PLAIN = (Figure.RAW, Figure.CLUSTERED)


@dataclass(frozen=True, slots=True)
class QuotedShare:
    """A quoted share, with the counts that tell what images without a value could make of it."""

    scope: Scope
    share: Share

    @property
    def found(self) -> Estimate | None:
        return self.share.of(self.scope.quote.figure)


def between_classes(
    attribute: AttributeFindings, groups: Mapping[str, ReferenceGroup]
) -> Iterator[tuple[Contrast, QuotedShare, QuotedShare]]:
    """Compare the share of each value in each class with that in the reference class."""
    if CLASS not in groups:
        return
    base = next(scope for scope in attribute.scopes if scope.class_name == groups[CLASS].group)
    for scope in attribute.scopes[1:]:
        if scope is not base:
            for share, other in zip(scope.shares, base.shares, strict=True):
                sides = QuotedShare(scope, share), QuotedShare(base, other)
                names = (str(scope.class_name), str(base.class_name))
                yield _contrast(attribute.name, "classes", "between classes", names, share.value, *sides), *sides


def between_values(
    attribute: AttributeFindings, scopes: Sequence[Scope], groups: Mapping[str, ReferenceGroup]
) -> Iterator[tuple[Contrast, QuotedShare, QuotedShare]]:
    """Compare the share of each value with that of the reference value, in each of the scopes."""
    if attribute.name not in groups:
        return
    reference = groups[attribute.name].group
    for scope in scopes:
        base = next(share for share in scope.shares if share.value == reference)
        for share in scope.shares:
            if share is not base:
                sides = QuotedShare(scope, share), QuotedShare(scope, base)
                names = (share.value, reference)
                yield _contrast(attribute.name, "values", scope.place, names, None, *sides), *sides


def _contrast(
    attribute: str,
    compared: str,
    place: str,
    names: tuple[str, str],
    value: str | None,
    side: QuotedShare,
    base: QuotedShare,
) -> Contrast:
    pair = pair_of(side, base)
    ratio = pair.ratio() if pair else None
    reason = None
    if pair is None:
        empty = side if side.found is None else base
        reason = f"no image of {empty.scope.place} has a value"
    elif ratio is None:
        reason = f"no ratio: the share of {names[1]} is, or may be, 0"
    return Contrast(
        attribute,
        compared,
        place,
        *names,
        value,
        side.found,
        base.found,
        pair.difference() if pair else None,
        ratio,
        reason,
        side.scope.quote.unchecked or base.scope.quote.unchecked,
    )


def pair_of(side: QuotedShare, base: QuotedShare) -> SharePair | None:
    """SharePair two shares. Where their errors may be tied in any way, the interval is the widest."""
    if side.found is None or base.found is None:
        return None
    figures = {side.scope.quote.figure, base.scope.quote.figure}
    clustered = [scope.freedom for scope in (side.scope, base.scope) if scope.quote.figure is Figure.CLUSTERED]
    own = [freedom for freedom in clustered if freedom is not None]  # a known effect, or a bound, has none
    freedom = max(min(own), FEWEST_FREEDOM) if own else None
    if side.scope is not base.scope:
        correlation = -1.0 if Figure.WIDENED in figures else 0.0
    elif figures <= set(_PLAIN):
        correlation = float(multinomial_correlation(np.float64(side.found.value), np.float64(base.found.value)))  # type: ignore[arg-type]
    else:
        correlation = -1.0
    return SharePair(side.found, base.found, correlation, freedom)


def spreads(attribute: AttributeFindings) -> Iterator[GroupSpread]:
    """Compare the extremes among the classes, for each value."""
    for index, value in enumerate(attribute.values):
        there = [
            (str(scope.class_name), estimate)
            for scope in attribute.scopes[1:]
            if (estimate := scope.shares[index].of(scope.quote.figure)) is not None
        ]
        found = spread(all_ends([estimate for _, estimate in there]))
        if found is not None:
            names = there[found.lowest][0], there[found.highest][0]
            yield GroupSpread(attribute.name, value, found.difference, found.ratio, *names)
