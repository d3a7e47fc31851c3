"""Two audited sets side by side, with intervals on what differs."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from synthgen.auditing.findings import AttributeFindings, Figure, Findings, Scope
from synthgen.stats.estimates import Estimate, difference

_OTHER_MIX = 0.05
"""If the shares of a class in two sets differ by more than this, the comparison has a caveat."""
_WORD = "figures of the judge's answers, which nothing checks on both sets"


@dataclass(frozen=True, slots=True)
class Difference:
    """One number of both sets.

    Attributes:
        place: 'overall' or a class.
        what: 'share of VALUE', 'tv', 'entropy', 'min_max_ratio', 'js', 'v', 'unknown'.
        difference: first minus second; more than chance if 0 is outside its interval. None if either is missing.
        first_figure, second_figure: which figure of each set was used; None for numbers that have only one.
        caveat: why the two should not be compared, in words.
    """

    attribute: str
    place: str
    what: str
    first: Estimate | None
    second: Estimate | None
    difference: Estimate | None
    first_figure: Figure | None
    second_figure: Figure | None
    caveat: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two audited sets compared.

    Attributes:
        left_out: attributes and classes that only one set has, or that have other values, in words.
        caveats: what else a reader must know.
    """

    first_images: int
    second_images: int
    differences: tuple[Difference, ...]
    left_out: tuple[str, ...]
    caveats: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def compare(first: Findings, second: Findings) -> Comparison:
    """Compare shares, distances, abstention and association of two sets that share no images.

    The quoted figures are compared. Intervals are Newcombe's where both are raw, and by the same rule (MOVER) from the
    intervals of each otherwise.
    """
    others = {attribute.name: attribute for attribute in second.attributes}
    found, left_out = [], []
    for attribute in first.attributes:
        other = others.pop(attribute.name, None)
        if other is None or set(other.values) != set(attribute.values):
            left_out.append(f"attribute {attribute.name}: {'not in the second' if other is None else 'other values'}")
            continue
        found += list(_of_attribute(attribute, other))
    left_out += [f"attribute {name}: not in the first" for name in others]
    left_out += [f"class {name}: not in the second" for name in first.classes if name not in second.classes]
    left_out += [f"class {name}: not in the first" for name in second.classes if name not in first.classes]
    return Comparison(first.images, second.images, tuple(found), tuple(left_out), tuple(_caveats(first, second)))


def _caveats(first: Findings, second: Findings) -> Iterator[str]:
    yield "the intervals assume that the sets share no images: shared ones make the sets look more alike than they are"
    mixes = [{name: many / max(found.images, 1) for name, many in found.classes.items()} for found in (first, second)]
    names = {*mixes[0], *mixes[1]}
    apart = {name: abs(mixes[0].get(name, 0.0) - mixes[1].get(name, 0.0)) for name in names}
    if apart and max(apart.values()) > _OTHER_MIX:
        name = max(sorted(apart), key=lambda name: apart[name])
        shares = " and ".join(f"{mix.get(name, 0.0):.0%}" for mix in mixes)
        yield f"the sets mix classes differently ({name}: {shares}): that alone may make overall figures differ"


def _of_attribute(first: AttributeFindings, second: AttributeFindings) -> Iterator[Difference]:
    others = {scope.class_name: scope for scope in second.scopes}
    for scope in first.scopes:
        if (other := others.get(scope.class_name)) is not None:
            yield from _of_scope(first, second, scope, other)
    v = first.association.v, second.association.v
    yield _row(first.name, first.scopes[0].place, "v", *v, (None, None), None if first.known else _WORD)


def _of_scope(
    attribute: AttributeFindings, other_attribute: AttributeFindings, first: Scope, second: Scope
) -> Iterator[Difference]:
    name, figures = attribute.name, (first.quote.figure, second.quote.figure)
    plain = (Figure.RAW, Figure.CLUSTERED)

    caveat = None
    if None not in figures and (figures[0] in plain) != (figures[1] in plain):
        caveat = f"one set's figure is corrected and the other's is not ({figures[0]}, {figures[1]})"
    elif first.quote.unchecked or second.quote.unchecked:
        caveat = _WORD

    others = {share.value: share for share in second.shares}
    for share in first.shares:
        found = share.of(figures[0]), others[share.value].of(figures[1])
        yield _row(name, first.place, f"share of {share.value}", *found, figures, caveat)
    yield _row(name, first.place, "unknown", first.unknown_share, second.unknown_share, (None, None), None)
    if first.reference != second.reference:
        caveat = f"the references differ: {attribute.reference or 'none'} and {other_attribute.reference or 'none'}"
    distances = {distance.measure: distance.found for distance in second.distances}
    for distance in first.distances:
        found = distance.found, distances.get(distance.measure)
        yield _row(name, first.place, distance.measure.value, *found, figures, caveat)


def _row(
    attribute: str,
    place: str,
    what: str,
    first: Estimate | None,
    second: Estimate | None,
    figures: tuple[Figure | None, Figure | None],
    caveat: str | None,
) -> Difference:
    apart = difference(first, second) if first is not None and second is not None else None
    return Difference(attribute, place, what, first, second, apart, *figures, caveat)
