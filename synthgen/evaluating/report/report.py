"""What the page of an evaluation shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from synthgen.evaluating.findings import UsefulnessFindings
from synthgen.evaluating.gates import UsefulnessCheck
from synthgen.evaluating.provenance import EvaluationProvenance

HARD_SHOWN = 12
"""At most this many hard images are shown."""
TEST, SYNTHETIC = "test", "synthetic"

EvaluationPictures = Mapping[tuple[str, str], bytes | None]
"""Small pictures, by `TEST` or `SYNTHETIC` and id; None where one cannot be shown."""


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """What the page of an evaluation shows.

    Attributes:
        judge, revision: whose embeddings the learners used.
    """

    findings: UsefulnessFindings
    gates: tuple[UsefulnessCheck, ...]
    judge: str
    revision: str
    seed: int
    provenance: EvaluationProvenance
    pictures: EvaluationPictures = field(default_factory=dict)
