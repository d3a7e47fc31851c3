"""Gates on differences and ratios to a reference group."""

from collections.abc import Callable, Mapping

from synthgen.auditing.basis import word_of
from synthgen.auditing.findings import AttributeFindings, Figure
from synthgen.auditing.gates import LABELS_SETTLE, Found, Gate, Worst
from synthgen.auditing.groups.contrasts import QuotedShare, between_classes, between_values, pair_of
from synthgen.auditing.groups.found import Contrast, ReferenceGroup
from synthgen.auditing.groups.group_lines import DIFFERENCE
from synthgen.stats.contrasts import Kind, SharePair, size_of
from synthgen.stats.estimates import Estimate

_ANSWERED = (Figure.RAW, Figure.CLUSTERED)


def contrast_places(gate: Gate, attribute: AttributeFindings, groups: Mapping[str, ReferenceGroup]) -> dict[str, Found]:
    """Return what decides a gate on a difference or a ratio, for each group that is compared."""
    if gate.within == "between":
        compared = between_classes(attribute, groups)
        return {f"class {each.group}, {each.value}": _found(gate, attribute, each, *of) for each, *of in compared}
    scopes = attribute.scopes[1:] if gate.within == "class" else attribute.scopes[:1]
    compared = between_values(attribute, scopes, groups)
    return {f"{each.place}, {each.group}": _found(gate, attribute, each, *of) for each, *of in compared}


def _found(gate: Gate, attribute: AttributeFindings, contrast: Contrast, side: QuotedShare, base: QuotedShare) -> Found:
    kind: Kind = "difference" if gate.measure == DIFFERENCE else "ratio"
    figure = contrast.difference and size_of(contrast.difference) if kind == "difference" else contrast.ratio
    narrows = "labels" if contrast.unchecked else "more labels, or images,"
    if attribute.known or all(each.scope.labelled >= each.scope.images for each in (side, base)):
        narrows = "more images"
    return Found(
        figure,
        contrast.reason or "no image has a value",
        contrast.unchecked,
        narrows=narrows,
        detail=f"{_percent(contrast.share)} beside {_percent(contrast.reference_share)} of {contrast.reference}",
        beyond=beyond(pair_of(side, base), kind, gate),
        worst=_worst(kind, figure, side, base, attribute.known) if figure else None,
        word=word_of(side.scope if side.scope.quote.unchecked else base.scope),
    )


def beyond(pair: SharePair | None, kind: Kind, gate: Gate) -> Callable[[int], float] | None:
    """Return the test of a gate's limit for two shares."""
    return (lambda tests: pair.beyond(kind, gate.limit, gate.most)) if pair is not None else None


def _percent(found: Estimate | None) -> str:
    return "none" if found is None else f"{100 * found.value:.1f}%"


def _worst(kind: Kind, found: Estimate, side: QuotedShare, base: QuotedShare, known: bool) -> Worst | None:
    """Return what images without a value could make of a difference or a ratio, whatever they truly show."""
    unknown = side.scope.unknown + (base.scope.unknown if base.scope is not side.scope else 0)
    if not unknown or any(each.scope.quote.figure not in _ANSWERED for each in (side, base)):
        return None
    if side.scope is base.scope:  # all of them in one of the two groups, which keeps the other as rare as can be
        images = side.scope.valued + side.scope.unknown
        counts = side.share.count, base.share.count
        tried = [
            ((counts[0] + more) / images, (counts[1] + other) / images)
            for more, other in ((unknown, 0), (0, unknown), (0, 0))
        ]
    else:
        ends = [(each.share.if_unknown_none or 0.0, each.share.if_unknown_all or 0.0) for each in (side, base)]
        tried = [(share, other) for share in ends[0] for other in ends[1]]
    if kind == "ratio":
        figures = [share / other for share, other in tried if other]
    else:
        figures = [abs(share - other) for share, other in tried]
        signs = {share > other for share, other in tried}
        figures += [0.0] if len(signs) > 1 else []
    low = max(0.0, min(*figures, found.value) - (found.value - found.low))
    high = max(*figures, found.value) + (found.high - found.value)
    remedy = "their values would settle it" if known else LABELS_SETTLE
    return Worst(Estimate(found.value, low, high), f"{unknown:,} images", remedy)
