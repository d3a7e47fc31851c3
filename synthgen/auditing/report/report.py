"""The report of an audit: the findings, and everything a reader needs to know to judge them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from synthgen.auditing.compare import Comparison
from synthgen.auditing.domain import Domain
from synthgen.auditing.embeddings import Diversity, Leakage
from synthgen.auditing.findings import Findings
from synthgen.auditing.inspection.findings import Inspection, IssueRow
from synthgen.auditing.questions.findings import Questions
from synthgen.auditing.trends.findings import Trends
from synthgen.auditing.trends.sketch import IdSketch
from synthgen.auditing.undeclared.findings import Undeclared

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class JudgeInfo:
    """The model that measured the attributes.

    Attributes:
        revision: a commit or a hash; None if it is not known.
    """

    name: str
    revision: str | None = None


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """How an attribute was measured, so that later audits can tell whether they measure the same.

    Attributes:
        column: the column that was taken as true; None if a judge was asked.
        sha256: of the texts that describe its values to the judge, and of the threshold of its abstention; None
            if a column was read.
    """

    attribute: str
    column: str | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class AuditProvenance:
    """How the report was made.

    Attributes:
        synthgen: the version that audited.
        created: the time, in ISO 8601 with the time zone.
        seed: the seed of all random draws.
        evidence: the files that corrected the judge, labels and confusion matrices: each in words, with its sha256.
        questions: how each attribute was measured.
        embedder: the judge whose embeddings `diversity` uses; None without embeddings.
        ids: a sketch of the images' ids; None if they are only the numbers of rows.
        left_out: images that could not be used; None if no image was opened.
        place_sha256: of the set's resolved path, or of its id on the hub: tells whether two reports are of the same
            place, without naming it. None for a set in memory.
    """

    synthgen: str
    created: str
    seed: int
    evidence: tuple[str, ...] = ()
    questions: tuple[AskedQuestion, ...] = ()
    embedder: JudgeInfo | None = None
    ids: IdSketch | None = None
    left_out: int | None = None
    place_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class JudgeCheck:
    """How to check the judge on the audited set, if gates are undecided without that.

    Attributes:
        labels: the least number of images to label.
        command: a shell command that draws them and writes a page of them and a table to fill in; None if the audit
            cannot be written as a command.
        table: the table that the command writes, to be filled in.
        labelled: the table that was imported and has too few labels, or one that was drawn before and not imported.
        again: a shell command that audits with the filled-in table; None where `command` is None.
    """

    labels: int
    command: str | None
    table: str
    labelled: str | None
    again: str | None = None


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """Something that was not measured: `what` in a few words, `why` in a sentence."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class ReportPicture:
    """A picture of the report.

    Attributes:
        caption: the prompt, for example, or the judge's posterior.
        image: a small JPEG, WebP or PNG; None if it cannot be shown.
    """

    id: str
    caption: str
    image: bytes | None


@dataclass(frozen=True, slots=True)
class PictureCell:
    """The images of a class with one answer, which may be 'unknown' or 'not applicable'."""

    attribute: str
    class_name: str
    answer: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The findings of an audit, with everything else that its report shows.

    Attributes:
        set_name: the name of the audited set.
        source: where it came from: a path, or a hub id with its revision.
        judge: None if every attribute was known.
        second_judge: the judge that `findings.agreement` compares with; None without one.
        same_judge: whether the judge is also the model that filtered the set.
        diversity: None if it was not measured; the same holds for `leakage` and `comparison`.
        compared_with: the name of the second set of `comparison`.
        pictures: a few of each cell, so that readers can check the answers themselves.
        duplicates, reference_duplicates: by id, the images of the near-duplicate pairs of `diversity` and `leakage`:
            those of the set, and those of the reference.
        not_measured: in addition to what the findings say is missing.
        inspection: what the images are like without a judge; None if they were not looked at so.
        issue_rows: every issue that `inspection` counts, and `issue_pictures` some of these images by id.
        trends: what moved since earlier audits; None if none were given.
        undeclared: what nobody declared; None if it was not searched. `undeclared_pictures` has its images by id.
        questions: what is asked of a dataset, answered as far as the audit knows.
        judge_check: None if no gate is undecided for lack of labels.
        predictions: the column of the predictions that `findings.groups.errors` counts; None without any.
        table: the class, prediction and groups of every image, for `groups.parquet`; None if they are not at hand.
        domain: whether the set looks like what its judge was checked on; None if that is not known.
    """

    title: str
    set_name: str
    source: str
    judge: JudgeInfo | None
    same_judge: bool
    findings: Findings
    provenance: AuditProvenance
    diversity: Diversity | None = None
    leakage: Leakage | None = None
    comparison: Comparison | None = None
    compared_with: str | None = None
    second_judge: JudgeInfo | None = None
    pictures: Mapping[PictureCell, tuple[ReportPicture, ...]] = field(default_factory=dict)
    duplicates: Mapping[str, ReportPicture] = field(default_factory=dict)
    reference_duplicates: Mapping[str, ReportPicture] = field(default_factory=dict)
    not_measured: tuple[NotMeasured, ...] = ()
    judge_check: JudgeCheck | None = None
    predictions: str | None = None
    table: "pd.DataFrame | None" = field(default=None, compare=False, repr=False)
    inspection: Inspection | None = None
    issue_rows: tuple[IssueRow, ...] = ()
    issue_pictures: Mapping[str, ReportPicture] = field(default_factory=dict)
    trends: Trends | None = None
    questions: Questions | None = None
    domain: Domain | None = None
    undeclared: Undeclared | None = None
    undeclared_pictures: Mapping[str, ReportPicture] = field(default_factory=dict)

    @property
    def errors_hidden(self) -> bool:
        """Whether the judge is also the filter and nothing corrects its errors somewhere."""
        scopes = [scope for each in self.findings.attributes for scope in each.scopes]
        return self.same_judge and (not scopes or any(scope.quote.unchecked for scope in scopes))
