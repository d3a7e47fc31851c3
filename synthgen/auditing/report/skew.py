"""The answer of an audit in a sentence: what is skewed, where, by how much, and how sure that is."""

from collections.abc import Sequence

from synthgen.auditing.deviations import deviations, listed
from synthgen.auditing.findings import AttributeFindings, Figure, Findings, Scope
from synthgen.auditing.report.words import capitalized, spoken
from synthgen.pages.page import short
from synthgen.stats.distance import Distance, Measure
from synthgen.stats.estimates import ALPHA

_NAMED, _LONG = 3, 40
"""At most this many attributes are named, and this many letters of a name."""
_VAGUE = 0.2
"""Intervals that reach farther than this rule out no skew that matters."""


def answer(findings: Findings) -> str | None:
    """Say what is skewed, where, by how much and how sure that is; None if no attribute has a target.

    A place is skewed if its total variation from the target is more than chance explains, with Holm's correction for
    the places that are tested together.
    """
    sentences = [_of(attribute) for attribute in findings.attributes if attribute.reference]
    told = [each for each in sentences if each]
    if len(told) > _NAMED:
        told = [*told[:_NAMED], f"{len(told) - _NAMED} more attributes are below."]
    return " ".join(told) or None


def _of(attribute: AttributeFindings) -> str | None:
    name, tested = short(spoken(attribute.name), _LONG), [(scope, _tv(scope)) for scope in attribute.scopes]
    measured = [(scope, tv) for scope, tv in tested if tv is not None]
    if not measured:
        return None
    judged = any(scope.quote.unchecked for scope, _ in measured)
    subject = f"If the unchecked judge is right, {name}" if judged else capitalized(name)

    skewed = [(scope, tv) for scope, tv in measured if (tv.p_value if tv.adjusted is None else tv.adjusted) < ALPHA]
    classes = [(scope, tv) for scope, tv in measured if scope.class_name is not None]
    skewed_classes = [each for each in skewed if each[0].class_name is not None]
    if not skewed:
        return f"{subject}{_valued(attribute.scopes[0])} {_without_skew(measured)}"

    scope, tv = max(skewed_classes or skewed, key=lambda each: each[1].found.value)
    name = short(scope.class_name or "", 2 * _LONG)
    if scope.class_name is None:
        where = "overall"
    elif len(classes) == 1:
        where = f"in {name}"
    else:
        most = ", most in " if len(skewed_classes) > 1 else ", "
        where = f"in {len(skewed_classes)} of {len(classes)} classes{most}{name}"
    return f"{subject}{_valued(attribute.scopes[0])} is skewed {where}: {_detail(scope, tv)}."


def _without_skew(measured: Sequence[tuple[Scope, Distance]]) -> str:
    """Say how far off the shares may be, and where, if no skew is beyond chance."""
    off = max(tv.found.high for _, tv in measured)
    if off <= _VAGUE:
        return f"shows no skew beyond chance; the intervals reach up to {100 * off:.0f}% off target."
    whole = next((tv.found.high for scope, tv in measured if scope.class_name is None), off)
    classes = [tv.found.high for scope, tv in measured if scope.class_name is not None]
    if whole > _VAGUE or not classes:
        return f"shows no skew beyond chance, but there is too little data: it may be {100 * off:.0f}% off."
    vague = sum(high > _VAGUE for high in classes)
    where = f"{vague:,} of {len(classes):,} classes" if len(classes) > 1 else "its class"
    return (
        f"shows no skew beyond chance: overall, the intervals reach up to {100 * whole:.0f}% off target, but in {where}"
        f" there is too little data, and it may be {100 * off:.0f}% off."
    )


def _valued(overall: Scope) -> str:
    """Say that most images have no value, if the shares leave them out."""
    if overall.quote.figure not in (Figure.RAW, Figure.CLUSTERED) or 2 * overall.valued >= overall.images:
        return ""
    return f", known of {overall.valued:,} of {overall.images:,} images,"


def _detail(scope: Scope, tv: Distance) -> str:
    off = deviations(scope, together=True)
    if not off:
        return f"about {100 * tv.found.value:.0f}% of the images would have to change"
    return listed([each._replace(value=short(each.value, _LONG)) for each in off])


def _tv(scope: Scope) -> Distance | None:
    return next((each for each in scope.distances if each.measure is Measure.TV), None)
