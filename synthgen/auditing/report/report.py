"""An audit as it is handed on: what was found, and all that a reader must know to judge it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from synthgen.auditing.compare import Comparison
from synthgen.auditing.embeddings import Diversity, Leakage
from synthgen.auditing.findings import Findings


@dataclass(frozen=True, slots=True)
class Judge:
    """The model that measured the attributes.

    Attributes:
        revision: a commit or a hash; None where none is known.
    """

    name: str
    revision: str | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """
    Attributes:
        synthgen: the version that audited.
        created: when, as ISO 8601 with the zone.
        seed: of every draw.
    """

    synthgen: str
    created: str
    seed: int


@dataclass(frozen=True, slots=True)
class JudgeCheck:
    """How to check the judge on the audited set, where gates are undecided for the want of it.

    Attributes:
        labels: images to label, at least.
        command: of a shell, that draws them and writes a page of them and a table to fill in; None where what was asked
            cannot be written as a command.
        table: what the command writes; `--import-labels` takes it.
        labelled: the table that was imported, and has too few; or the one that was drawn before, and was not.
    """

    labels: int
    command: str | None
    table: str
    labelled: str | None


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """`what` in a few words, `why` in a sentence."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Picture:
    """
    Attributes:
        caption: such as the prompt, or how sure the judge was.
        image: a small JPEG, WebP or PNG; None where there is none to show.
    """

    id: str
    caption: str
    image: bytes | None


@dataclass(frozen=True, slots=True)
class Cell:
    """The images of a class that were answered so; the answer may be 'unknown' or 'not applicable'."""

    attribute: str
    class_name: str
    answer: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """
    Attributes:
        set_name: what the audited set is called.
        source: where it came from: a path, or a hub id with its revision.
        judge: None where every attribute was known.
        second_judge: with whose answers `findings.agreement` compares; None without one.
        same_judge: the judge is also the model that filtered the set.
        diversity: None where it was not measured, as `leakage` and `comparison` are.
        compared_with: the name of the second set of `comparison`.
        pictures: a few of each cell, for a reader who trusts the own eyes.
        duplicates, reference_duplicates: by id, the images of the near-duplicate pairs of `diversity` and `leakage`:
            those of the set, and those of the reference.
        not_measured: beside what the findings tell themselves.
        judge_check: None where no gate is undecided for the want of it.
    """

    title: str
    set_name: str
    source: str
    judge: Judge | None
    same_judge: bool
    findings: Findings
    provenance: Provenance
    diversity: Diversity | None = None
    leakage: Leakage | None = None
    comparison: Comparison | None = None
    compared_with: str | None = None
    second_judge: Judge | None = None
    pictures: Mapping[Cell, tuple[Picture, ...]] = field(default_factory=dict)
    duplicates: Mapping[str, Picture] = field(default_factory=dict)
    reference_duplicates: Mapping[str, Picture] = field(default_factory=dict)
    not_measured: tuple[NotMeasured, ...] = ()
    judge_check: JudgeCheck | None = None
