"""What the card of a dataset says besides counts: licences, questions, figures of an audit, a verdict, the command."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pydantic import TypeAdapter

from synthgen.api.licensing import licences_of_plan
from synthgen.errors import StorageError
from synthgen.planning import Plan
from synthgen.records import AskedPoint
from synthgen.store import RunStore
from synthgen.store.layout import AUDIT, AUDIT_JSON, EVALUATION, EVALUATION_JSON

if TYPE_CHECKING:
    from synthgen.dataset.provenance import Provenance

_POINTS: TypeAdapter[tuple[AskedPoint, ...]] = TypeAdapter(tuple[AskedPoint, ...])
_FIGURES = ("10(2)(f)", "10(2)(g)")
"""The points that an audit answers by its figures: what was measured, and which limits were kept."""
_MOST_BYTES = 2**28
_NOT_OURS = (StorageError, OSError, ValueError, KeyError, TypeError, RecursionError)


@dataclass(frozen=True, slots=True)
class RecordedInterval:
    """A difference of accuracy, with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{100 * self.value:+.1f} ({100 * self.low:+.1f} to {100 * self.high:+.1f})"


@dataclass(frozen=True, slots=True)
class RecordedTest:
    """The test of an evaluation."""

    sha256: str


@dataclass(frozen=True, slots=True)
class RecordedJudge:
    """The model whose embeddings learners used."""

    name: str


@dataclass(frozen=True, slots=True)
class RecordedMaking:
    """When an evaluation was made."""

    created: str


@dataclass(frozen=True, slots=True)
class RecordedScores:
    """A difference of scores, of which the accuracy is quoted."""

    accuracy: RecordedInterval


@dataclass(frozen=True, slots=True)
class RecordedFilters:
    """What the filters of the run change; no difference where that was not measured."""

    difference: RecordedScores | None = None


@dataclass(frozen=True, slots=True)
class RecordedEvaluation:
    """What the evaluation inside a run says, as in evaluation.json."""

    verdict: Literal["helps", "harms", "cannot tell"]
    decided_by: str
    difference: RecordedInterval
    learner: str
    seeds: int
    images: dict[str, int]
    test: RecordedTest
    judge: RecordedJudge
    provenance: RecordedMaking
    filters: RecordedFilters = RecordedFilters()

    @property
    def sentences(self) -> tuple[str, ...]:
        """The verdict, and what it is by."""
        tested, real = self.images.get("test", 0), self.images.get("real", 0)
        return (
            f"Evaluated on {self.provenance.created[:10]}, on {tested:,} real test images, with {real:,} others for "
            f"training: {self.verdict}.",
            f"Compared with real images alone, {self.decided_by} changes the accuracy by {self.difference} percentage "
            f"points (95 % interval, {self.seeds} seeds). The learner is {self.learner}, and the judge "
            f"{self.judge.name}.",
            *self._of_filters(),
            f"The test has the sha256 {self.test.sha256}.",
        )

    def _of_filters(self) -> Iterator[str]:
        if self.filters.difference is not None:
            change = self.filters.difference.accuracy
            yield f"Compared with as many images before the filters, accuracy changes by {change} percentage points."


_EVALUATION: TypeAdapter[RecordedEvaluation] = TypeAdapter(RecordedEvaluation)


@dataclass(frozen=True, slots=True)
class RecordedAudit:
    """What the audit inside a run says.

    Attributes:
        created: when it was made.
        images: how many images it is of.
        points: of Article 10(2), as it answered them.
    """

    created: str
    images: int
    points: tuple[AskedPoint, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """Its figures, each once."""
        first = f"Audited on {self.created[:10]}: {self.images:,} images."
        found = (sentence for point in self.points if point.key in _FIGURES for sentence in point.known)
        return tuple(dict.fromkeys((first, *found)))


def with_papers(provenance: Provenance, planned: Plan, store: RunStore) -> Provenance:
    """Add to the facts of a dataset what its card says besides the counts."""
    from synthgen.auditing.questions.of_run import article_10_of_run

    spec, licences, audit = planned.spec, licences_of_plan(planned), audit_in(store)
    evaluation = evaluation_in(store)
    said = spec.metadata.get("license")
    names = [f"{each.model.key} ({each.model.id}): {each}" for each in licences]
    return replace(
        provenance,
        licence=said.strip().lower() if isinstance(said, str) else None,
        licences=tuple(each.as_json() for each in licences),
        questions=article_10_of_run(planned, provenance.tally, names, audit.points if audit else ()),
        audited=audit.sentences if audit else (),
        evaluated=evaluation.sentences if evaluation else (),
        source=spec.source.dataset if planned.sources is not None and spec.source is not None else None,
        remake=_remake(planned),
    )


def audit_in(store: RunStore) -> RecordedAudit | None:
    """Read the audit inside a run; None if there is none, or it is not one that synthgen wrote."""
    try:
        content = json.loads(_text(store, AUDIT, AUDIT_JSON))
        points = _POINTS.validate_python(content["questions"]["article_10"])
        created, images = content["provenance"]["created"], content["findings"]["images"]
    except _NOT_OURS:
        return None
    return RecordedAudit(created, images, points) if isinstance(created, str) and type(images) is int else None


def evaluation_in(store: RunStore) -> RecordedEvaluation | None:
    """Read the evaluation inside a run; None if there is none, or it is not one that synthgen wrote."""
    try:
        return _EVALUATION.validate_json(_text(store, EVALUATION, EVALUATION_JSON))
    except _NOT_OURS:
        return None


def _text(store: RunStore, folder: str, name: str) -> bytes:
    """Return the content of a file in a folder of a run; the empty text if there is none, or it is too large."""
    whole = f"{folder}/{name}"
    text = store.read(whole) if whole in store.names_below(folder) else b""
    return text if len(text) <= _MOST_BYTES else b""


def _remake(planned: Plan) -> str:
    """Write the command that makes the dataset again from its spec."""
    return shlex.join(["synthgen", "run", "spec.yaml", "-o", planned.spec.name])
