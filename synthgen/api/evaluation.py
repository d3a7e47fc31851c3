"""What an evaluation found, and how it is shown and kept."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.api.arguments import path_of
from synthgen.files import expanded
from synthgen.inert import inert

if TYPE_CHECKING:
    from synthgen.auditing.gates import GateOutcome
    from synthgen.evaluating.findings import UsefulnessFindings
    from synthgen.evaluating.gates import UsefulnessCheck
    from synthgen.evaluating.provenance import EvaluationProvenance
    from synthgen.evaluating.report import EvaluationPictures
    from synthgen.spec.errors_file import ErrorsFile


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Evaluation:
    """What an evaluation found.

    Attributes:
        findings: every arm with its intervals.
        gates: with their outcomes.
        judge, revision: whose embeddings the learners used.
        provenance: how it was made.
        pictures: small ones, for the page.
        places: hashes of the places of its sets, into which it is not written.
        suggested: errors in validation, and the shares of the next images that follow; None without `suggest`.

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
    provenance: EvaluationProvenance
    pictures: EvaluationPictures
    places: tuple[str | None, ...] = ()
    suggested: ErrorsFile | None = None

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

        return document_of(
            self.findings, self.gates, self.judge, self.revision, self.seed, self.provenance, self.suggested
        )

    def write(self, folder: str | os.PathLike[str]) -> tuple[Path, Path]:
        """Write evaluation.json and report.html, each whole or not at all. Earlier ones there are replaced.

        Raises:
            UsageError: the folder holds anything but an earlier evaluation, is in one of the sets, or is a run's that
                did not make the synthetic set.
            StorageError: the folder cannot be written.
        """
        from synthgen.evaluating.places import JSON, REPORT, check_evaluation_folder
        from synthgen.evaluating.report import EvaluationReport, write_html
        from synthgen.pages.page import write_page

        folder = expanded(path_of(folder, "folder"))
        check_evaluation_folder(folder, self.provenance.place_sha256, self.places)
        report = EvaluationReport(
            self.findings, self.gates, self.judge, self.revision, self.seed, self.provenance, self.pictures
        )
        document, page = folder / JSON, folder / REPORT
        write_page(document, json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n")
        write_page(page, write_html(report))
        return document, page

    def __repr__(self) -> str:
        return f"<Evaluation: {self.verdict}, by {inert(self.findings.decided_by)}>"
