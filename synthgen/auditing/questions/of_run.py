"""What a run itself knows of the questions that are asked of its dataset, with or without an audit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from synthgen.auditing.questions.article_10 import article_10
from synthgen.auditing.questions.facts import (
    GENERATED,
    Facts,
    filter_sentences,
    listed,
    model_sentences,
    prompt_sentences,
)
from synthgen.auditing.report.words import counted, spoken
from synthgen.pages.page import short
from synthgen.records import AskedPoint
from synthgen.spec import size_in_words

if TYPE_CHECKING:
    from synthgen.ledger.tally import Tally
    from synthgen.planning import Plan
    from synthgen.spec import Spec

_LONG = 60


def article_10_of_run(
    planned: Plan, tally: Tally, licences: Iterable[str], audited: Iterable[AskedPoint] = ()
) -> tuple[AskedPoint, ...]:
    """Answer the points (a) to (h) of Article 10(2) by what a run knows.

    Args:
        licences: what is known of each model's licence.
        audited: the points as an audit of the run answered them; what it knows is added.
    """
    facts = Facts({subject: tuple(found) for subject, found in _facts(planned, tally, licences).items()}, {})
    by_audit = {point.key: point for point in audited}
    return tuple(_with_audit(point, by_audit.get(point.key)) for point in article_10(facts))


def _with_audit(point: AskedPoint, audited: AskedPoint | None) -> AskedPoint:
    known = audited.known if audited is not None else ()
    return replace(point, known=tuple(dict.fromkeys((*point.known, *known))))


def _facts(planned: Plan, tally: Tally, licences: Iterable[str]) -> Mapping[str, Iterator[str]]:
    spec = planned.spec
    return {
        "design": _design(spec),
        "prompts": prompt_sentences(spec),
        "filters": filter_sentences(spec),
        "origin": _origin(planned),
        "model": iter((*model_sentences(planned), *(f"Licence of {each}." for each in licences))),
        "labels": _labels(spec),
        "losses": _losses(tally),
        "targets": _targets(spec),
        "attributes": _attributes(spec),
        "instances": iter([f"{counted(tally.accepted, 'image')} were accepted, of {spec.total:,} asked for."]),
        "classes": _classes(tally),
        "splits": _splits(spec),
        "gates": _gates(spec),
        "gaps": _gaps(spec, tally),
    }


def _design(spec: Spec) -> Iterator[str]:
    yield f"{counted(len(spec.classes), 'class', 'classes')}: {listed(list(spec.classes))}."
    yield f"The spec asks for {counted(spec.total, 'image')}."
    for entry in spec.balance:
        target = entry.target if isinstance(entry.target, str) else "shares of its own"
        yield f"The quotas balance {spoken(entry.attribute)} within each class: {short(str(target), _LONG)}."


def _origin(planned: Plan) -> Iterator[str]:
    spec = planned.spec
    if planned.sources is not None and spec.source is not None:
        yield f"Every image was made by a diffusion model from a picture of {short(spec.source.dataset, _LONG)}."
        yield "Those pictures were collected by somebody, and may show people: their origin is not known here."
    else:
        yield GENERATED
    yield f"Images are made from seeds that derive from {spec.seed}; the plan is {planned.fingerprint[:16]}."


def _labels(spec: Spec) -> Iterator[str]:
    yield "A label is the class that the image was asked to show, or that of the picture that it began from."
    if spec.filters.label is not None:
        yield "A judge agreed with it (filters.label). No person is known to have checked it."
    for name in spec.attributes:
        yield f"{short(spoken(name), _LONG)}: by a judge."


def _losses(tally: Tally) -> Iterator[str]:
    lost = ", ".join(f"{reason} {count:,}" for reason, count in tally.others.items())
    yield f"Of {counted(tally.attempted, 'attempt')}, these were not accepted: {lost or 'none'}."


def _targets(spec: Spec) -> Iterator[str]:
    if spec.balance:
        yield f"Shares were asked for of {listed([spoken(each.attribute) for each in spec.balance])}."
    else:
        yield "No shares were asked for but those of the classes, so none is called right or wrong."


def _attributes(spec: Spec) -> Iterator[str]:
    if spec.attributes:
        yield f"Measured, as a judge perceives it: {listed([spoken(name) for name in spec.attributes])}."
    else:
        yield "No attribute was measured."


def _classes(tally: Tally) -> Iterator[str]:
    least = min(tally.classes, key=lambda kind: kind.accepted, default=None)
    if least is not None:
        yield f"The smallest class is {short(least.name, _LONG)} with {least.accepted:,} accepted."


def _splits(spec: Spec) -> Iterator[str]:
    yield f"Splits: {', '.join(f'{name} has {size_in_words(size)}' for name, size in spec.output.splits.items())}."


def _gates(spec: Spec) -> Iterator[str]:
    if spec.gates:
        yield f"An audit checks {counted(len(spec.gates), 'limit')} of the spec (gates)."


def _gaps(spec: Spec, tally: Tally) -> Iterator[str]:
    if tally.missing:
        yield f"{counted(tally.missing, 'image')} are missing: their budget of attempts was spent."
    yield "Not known here: what the model was trained on, and what it does not show."
    if not spec.attributes:
        yield "No attribute of the images was measured, so no bias was looked for."
