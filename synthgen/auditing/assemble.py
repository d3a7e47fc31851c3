"""From findings to a report: add the embeddings' measures, the pictures, and what was not measured."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, TypeVar

from synthgen.auditing.embeddings.findings import ClassDiversity, ClassLeakage
from synthgen.auditing.groups.export import to_export
from synthgen.auditing.input.audit_input import AuditInput, ObservedSet
from synthgen.auditing.input.observations import Observations
from synthgen.auditing.pictures import show_cells, show_pairs, why_hidden
from synthgen.version import __version__

S = TypeVar("S", ClassDiversity, ClassLeakage)

if TYPE_CHECKING:
    from synthgen.auditing.compare import Comparison
    from synthgen.auditing.embeddings import Diversity, Leakage, NearSet
    from synthgen.auditing.findings import Findings
    from synthgen.auditing.report import AskedQuestion, AuditProvenance, AuditReport, NotMeasured


def assemble(
    first: AuditInput,
    seen: ObservedSet,
    findings: Findings,
    real: ObservedSet | None,
    second: ObservedSet | None,
    comparison: Comparison | None,
    seed: int,
    evidence: Sequence[str],
    near: NearSet | None,
) -> AuditReport:
    """Put the report of a set together. `real` is its reference, `second` the set that it is compared with.

    `near` are the near-duplicates of the set; None if no judge looked.
    """
    from synthgen.auditing.report import AuditReport, JudgeInfo

    images, looked = seen
    diversity, leakage = _diversity(near, seed), _leakage(looked, real.looked, seed) if real else None
    order = [None, *findings.classes]
    if diversity is not None:
        diversity = replace(diversity, scopes=_in_order(diversity.scopes, order))
    if leakage is not None:
        leakage = replace(leakage, scopes=_in_order(leakage.scopes, order))
    judges = [JudgeInfo(judge.name, judge.revision) for judge in first.question.judges]
    asked = judges if first.question.attributes else []
    pictures = show_cells(images, looked, [attribute.name for attribute in findings.attributes], seed)
    hidden = why_hidden(images, looked, pictures)

    return AuditReport(
        title=f"Audit of {images.name}",
        set_name=images.name,
        source=images.source,
        judge=asked[0] if asked else None,
        second_judge=asked[1] if len(asked) > 1 else None,
        same_judge=first.same_judge,
        findings=findings,
        provenance=_provenance(first, looked, seed, evidence),
        comparison=comparison,
        compared_with=second.images.name if second else None,
        diversity=diversity,
        leakage=leakage,
        pictures=pictures,
        duplicates=show_pairs(images, looked, _ours(diversity, leakage)),
        reference_duplicates=show_pairs(*real, [pair.second for pair in leakage.pairs]) if real and leakage else {},
        not_measured=(*_not_measured(first, looked, real), *hidden),
        table=to_export(looked.frame, [attribute.name for attribute in findings.attributes]),
    )


def _in_order(scopes: Sequence[S], order: Sequence[str | None]) -> tuple[S, ...]:
    """Put scopes into the order of the set's classes, which is that of all sections; others come last."""
    place = {name: index for index, name in enumerate(order)}
    return tuple(sorted(scopes, key=lambda scope: place.get(scope.class_name, len(place))))


def _provenance(first: AuditInput, looked: Observations, seed: int, evidence: Sequence[str]) -> AuditProvenance:
    from synthgen.auditing.report import AuditProvenance, JudgeInfo
    from synthgen.auditing.trends.sketch import sketch_of

    judges = first.question.judges
    return AuditProvenance(
        __version__,
        datetime.now(UTC).isoformat(timespec="seconds"),
        seed,
        tuple(evidence),
        questions=tuple(_questions(first)),
        embedder=JudgeInfo(judges[0].name, judges[0].revision) if looked.vectors is not None else None,
        ids=sketch_of(first.frame["id"]),
        left_out=len(looked.left_out) if judges or first.bare or looked.left_out else None,
    )


def _questions(first: AuditInput) -> Iterator[AskedQuestion]:
    from synthgen.auditing.report import AskedQuestion

    for name, column in first.question.known.items():
        yield AskedQuestion(name, column, None)
    for name, attribute in first.question.attributes.items():
        asked = json.dumps([attribute.groups, attribute.abstain_below], ensure_ascii=False)
        yield AskedQuestion(name, None, sha256(asked.encode("utf-8", "replace")).hexdigest())


def _ours(diversity: Diversity | None, leakage: Leakage | None) -> list[str]:
    """Return the ids of the set's own images in near-duplicate pairs."""
    among = [name for pair in (diversity.pairs if diversity else ()) for name in (pair.first, pair.second)]
    return among + [pair.first for pair in (leakage.pairs if leakage else ())]


def _diversity(near: NearSet | None, seed: int) -> Diversity | None:
    from synthgen.auditing.embeddings import diversity_of

    return diversity_of(near, seed) if near is not None else None


def _leakage(looked: Observations, real: Observations, seed: int) -> Leakage | None:
    from synthgen.auditing.embeddings import measure_leakage

    if looked.vectors is None or real.vectors is None:
        return None
    ours, theirs = looked.frame, real.frame
    return measure_leakage(
        ours["id"].tolist(),
        ours["label"].tolist(),
        looked.vectors,
        theirs["id"].tolist(),
        theirs["label"].tolist(),
        real.vectors,
        seed,
    )


def _not_measured(first: AuditInput, looked: Observations, real: ObservedSet | None) -> list[NotMeasured]:
    from synthgen.auditing.report import NotMeasured

    found = []
    if first.subject.run is None:
        found.append(NotMeasured("bias made by filters", "the set has no ledger of what was rejected"))
    if looked.vectors is None:
        found.append(NotMeasured("diversity and leakage", "no judge was named to look at the images"))
    if real is None:
        found.append(NotMeasured("leakage and bias amplification", "no real set was given as a reference"))
    elif looked.vectors is not None and real.looked.vectors is None:
        found.append(NotMeasured("leakage", f"no judge looked at the images of {real.images.name}"))
    return found
