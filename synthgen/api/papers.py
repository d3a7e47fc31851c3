"""What the card of a run's dataset says besides counts: licences, questions, an audit's figures, the command."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from synthgen.api.licensing import licences_of_plan
from synthgen.errors import StorageError
from synthgen.planning import Plan
from synthgen.records import AskedPoint
from synthgen.store import RunStore
from synthgen.store.layout import AUDIT, AUDIT_JSON

if TYPE_CHECKING:
    from synthgen.dataset.provenance import Provenance

_POINTS: TypeAdapter[tuple[AskedPoint, ...]] = TypeAdapter(tuple[AskedPoint, ...])
_FIGURES = ("10(2)(f)", "10(2)(g)")
"""The points that an audit answers by its figures: what was measured, and which limits were kept."""
_MOST_BYTES = 2**28


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
    said = spec.metadata.get("license")
    names = [f"{each.model.key} ({each.model.id}): {each}" for each in licences]
    return replace(
        provenance,
        licence=said.strip().lower() if isinstance(said, str) else None,
        licences=tuple(each.as_json() for each in licences),
        questions=article_10_of_run(planned, provenance.tally, names, audit.points if audit else ()),
        audited=audit.sentences if audit else (),
        source=spec.source.dataset if planned.sources is not None and spec.source is not None else None,
        remake=_remake(planned),
    )


def audit_in(store: RunStore) -> RecordedAudit | None:
    """Read the audit inside a run; None if there is none, or it is not one that synthgen wrote."""
    name = f"{AUDIT}/{AUDIT_JSON}"
    try:
        if name not in store.names_below(AUDIT):
            return None
        text = store.read(name)
        if len(text) > _MOST_BYTES:
            return None
        content = json.loads(text)
        points = _POINTS.validate_python(content["questions"]["article_10"])
        created, images = content["provenance"]["created"], content["findings"]["images"]
    except (StorageError, OSError, ValueError, KeyError, TypeError, RecursionError, ValidationError):
        return None
    return RecordedAudit(created, images, points) if isinstance(created, str) and type(images) is int else None


def _remake(planned: Plan) -> str:
    """Write the command that makes the dataset again from its spec."""
    return shlex.join(["synthgen", "run", "spec.yaml", "-o", planned.spec.name])
