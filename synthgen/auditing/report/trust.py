"""Whether what an audit says can be trusted, in a sentence: what its figures rest on."""

from collections.abc import Sequence
from enum import StrEnum

from synthgen.auditing.findings import AttributeFindings, Figure, Findings
from synthgen.auditing.quote import UNCHECKED
from synthgen.auditing.report.words import spoken
from synthgen.pages.page import short

_LONG, _NAMED = 40, 3
"""Letters of an attribute's name, and attributes that are named at most."""


class _Ground(StrEnum):
    """What an attribute's figures rest on; the gravest first."""

    NOTHING = "nothing"
    IN_PART = "in part"
    CHECKED = "checked"
    AGREED = "agreed"
    RECORDS = "records"


def trust(findings: Findings) -> str | None:
    """Say what the figures rest on; None if nothing was measured."""
    by_ground: dict[_Ground, list[AttributeFindings]] = {}
    for attribute in findings.attributes:
        if any(scope.valued for scope in attribute.scopes):
            by_ground.setdefault(_ground(attribute), []).append(attribute)
    told = [
        _sentence(ground, by_ground[ground], "" if len(by_ground) == 1 else _names(by_ground[ground]))
        for ground in _Ground
        if ground in by_ground
    ]
    return f"Can this be trusted? {' '.join(told)}" if told else None


def _ground(attribute: AttributeFindings) -> _Ground:
    if attribute.known:
        return _Ground.RECORDS
    unchecked = [bool(scope.quote.unchecked) for scope in attribute.scopes if scope.valued]
    if not any(unchecked):
        agreed = any(scope.quote.figure is Figure.AGREED for scope in attribute.scopes)
        return _Ground.AGREED if agreed else _Ground.CHECKED
    return _Ground.NOTHING if all(unchecked) else _Ground.IN_PART


def _sentence(ground: _Ground, attributes: Sequence[AttributeFindings], names: str) -> str:
    of = f" for {names}" if names else ""
    if ground is _Ground.RECORDS:
        return f"As far as the set’s own records are right{of}: no judge measured it."
    if ground is _Ground.CHECKED:
        return f"Yes{of}, within the intervals: labels check the judge, and the intervals allow for its errors."
    if ground is _Ground.AGREED:
        return f"As far as independent judges can tell{of}: they agree, and the intervals allow for where they differ."
    if ground is _Ground.IN_PART:
        places = [scope for scope in attributes[0].scopes if scope.valued]
        checked = sum(not scope.quote.unchecked for scope in places)
        return f"In part{of}: labels check the judge in {checked} of {len(places)} places, and elsewhere nothing does."
    unchecked = next(scope.quote.unchecked for scope in attributes[0].scopes if scope.valued) or UNCHECKED
    return f"Not yet{of}: {short(unchecked, 200)}. Its errors may be larger than any skew."


def _names(attributes: Sequence[AttributeFindings]) -> str:
    names = [short(spoken(attribute.name), _LONG) for attribute in attributes]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
