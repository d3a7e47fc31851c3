"""What an evaluation found, and how it is shown and kept."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.files import expanded
from synthgen.inert import inert

if TYPE_CHECKING:
    from synthgen.auditing.gates import GateOutcome
    from synthgen.evaluating.findings import UsefulnessFindings
    from synthgen.evaluating.gates import UsefulnessCheck


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Evaluation:
    """What an evaluation found.

    Attributes:
        findings: every arm with its intervals.
        gates: with their outcomes.
        judge, revision: whose embeddings the learners used.

    Example:
        >>> real = synthgen.render("outputs/few-real", 40, even=True)
        >>> made = synthgen.render("outputs/made", 40, even=True, seed=1)
        >>> found = synthgen.evaluate("outputs/few-real", "outputs/made", learner="knn")
        >>> "arms" in found.to_dict()
        True
    """

    findings: UsefulnessFindings
    gates: tuple[UsefulnessCheck, ...]
    judge: str
    revision: str
    seed: int

    @property
    def verdict(self) -> str:
        """'helps', 'harms' or 'cannot tell'."""
        return self.findings.verdict.value

    @property
    def outcome(self) -> GateOutcome | None:
        """The outcome of all gates together; None without gates."""
        from synthgen.auditing.gates import GateOutcome

        outcomes = {check.outcome for check in self.gates}
        order = (GateOutcome.FAIL, GateOutcome.INSUFFICIENT, GateOutcome.PASS)
        return next((each for each in order if each in outcomes), None)

    def to_dict(self) -> dict[str, object]:
        """Return the content of evaluation.json."""
        from synthgen.evaluating.document import document_of

        return document_of(self.findings, self.gates, self.judge, self.revision, self.seed)

    def write(self, folder: str | os.PathLike[str]) -> Path:
        """Write evaluation.json, whole or not at all. An earlier one there is replaced.

        Raises:
            StorageError: the folder cannot be written.
        """
        from synthgen.evaluating.document import JSON
        from synthgen.pages.page import write_page

        path = expanded(folder) / JSON
        write_page(path, json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n")
        return path

    def __repr__(self) -> str:
        return f"<Evaluation: {self.verdict}, by {inert(self.findings.decided_by)}>"
