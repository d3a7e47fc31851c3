"""Whether what an audit says can be trusted, in a sentence: what its figures rest on."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from synthgen.auditing.findings import AttributeFindings, Figure, Findings, Scope
from synthgen.auditing.quote import UNCHECKED
from synthgen.auditing.report.words import spoken
from synthgen.pages.page import short

_LONG, _NAMED = 40, 3
"""Letters of an attribute's name, and attributes that are named at most."""


class TrustGround(StrEnum):
    """What an attribute's figures rest on; the gravest first."""

    NOTHING = "nothing"
    IN_PART = "in_part"
    CHECKED = "checked"
    AGREED = "agreed"
    RECORDS = "records"


@dataclass(frozen=True, slots=True)
class AttributeTrust:
    """What the figures of one attribute rest on.

    Attributes:
        ground: 'records' that are taken as true; 'agreed': independent judges that agree; 'checked': labels of this set
            check the judge wherever it was heard; 'in_part': in some places; 'nothing': nobody has checked the judge.
        places: the whole set and its classes, where any image has a value.
        unchecked_places: those where nothing checks the judge.
        reason: why not, in the first of these; None if there is none.
    """

    attribute: str
    ground: TrustGround
    places: int
    unchecked_places: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class AuditTrust:
    """Whether what an audit says can be trusted.

    Attributes:
        ground: the gravest of the attributes'.
        sentence: what the report says first about it.
    """

    ground: TrustGround
    sentence: str
    attributes: tuple[AttributeTrust, ...]


def trust(findings: Findings) -> str | None:
    """Say what the figures rest on; None if nothing was measured."""
    found = trust_of(findings)
    return None if found is None else found.sentence


def trust_of(findings: Findings) -> AuditTrust | None:
    """Return what the figures rest on, attribute by attribute; None if nothing was measured."""
    each = [_attribute(attribute) for attribute in findings.attributes if any(map(_is_valued, attribute.scopes))]
    by_ground = {ground: [one for one in each if one.ground is ground] for ground in TrustGround}
    there = {ground: of for ground, of in by_ground.items() if of}
    if not there:
        return None
    told = [_sentence(ground, of, "" if len(there) == 1 else _names(of)) for ground, of in there.items()]
    return AuditTrust(next(iter(there)), f"Can this be trusted? {' '.join(told)}", tuple(each))


def _is_valued(scope: Scope) -> bool:
    return scope.valued > 0


def _attribute(attribute: AttributeFindings) -> AttributeTrust:
    places = [scope for scope in attribute.scopes if scope.valued]
    unchecked = [] if attribute.known else [scope.quote.unchecked for scope in places if scope.quote.unchecked]
    if attribute.known:
        ground = TrustGround.RECORDS
    elif not unchecked:
        agreed = any(scope.quote.figure is Figure.AGREED for scope in attribute.scopes)
        ground = TrustGround.AGREED if agreed else TrustGround.CHECKED
    else:
        ground = TrustGround.NOTHING if len(unchecked) == len(places) else TrustGround.IN_PART
    return AttributeTrust(attribute.name, ground, len(places), len(unchecked), unchecked[0] if unchecked else None)


def _sentence(ground: TrustGround, attributes: Sequence[AttributeTrust], names: str) -> str:
    of = f" for {names}" if names else ""
    if ground is TrustGround.RECORDS:
        return f"As far as the set’s own records are right{of}: no judge measured it."
    if ground is TrustGround.CHECKED:
        return f"Yes{of}, within the intervals: labels check the judge, and the intervals allow for its errors."
    if ground is TrustGround.AGREED:
        return f"As far as independent judges can tell{of}: they agree, and the intervals allow for where they differ."
    if ground is TrustGround.IN_PART:
        places, checked = attributes[0].places, attributes[0].places - attributes[0].unchecked_places
        return f"In part{of}: labels check the judge in {checked} of {places} places, and elsewhere nothing does."
    return f"Not yet{of}: {short(attributes[0].reason or UNCHECKED, 200)}. Its errors may be larger than any skew."


def _names(attributes: Sequence[AttributeTrust]) -> str:
    names = [short(spoken(each.attribute), _LONG) for each in attributes]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
