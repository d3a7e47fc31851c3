"""The records that pass between the rooms: frozen dataclasses with little behaviour of their own.

Images are torch tensors, but nothing here imports torch: planning must not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf, isnan
from typing import TYPE_CHECKING

from synthgen.records.early import CannotLeaveError as CannotLeaveError
from synthgen.records.early import EarlyLook as EarlyLook
from synthgen.records.licences import LicenceNote as LicenceNote
from synthgen.records.pictures import SourcePicture as SourcePicture
from synthgen.records.pictures import SourceRow as SourceRow
from synthgen.records.questions import AskedPoint as AskedPoint
from synthgen.records.tunings import TunedOn as TunedOn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from synthgen.regions.carried import Carried


@dataclass(frozen=True, slots=True)
class Cell:
    """A class combined with values of the balanced attributes, and its quota of accepted images.

    The quota is that of a whole plan, or of one shard.

    Attributes:
        name: unique in the plan and stable; the ledger names cells by it.
        label: the class's position in the spec, which is the dataset's label.
        values: for each balanced attribute, the value that an image must be measured to have.
    """

    name: str
    class_name: str
    label: int
    quota: int
    values: tuple[tuple[str, str], ...] = ()

    def fits(self, class_name: str, attributes: Mapping[str, str]) -> bool:
        """Whether an image of that class with these measured attributes belongs in this cell."""
        return self.class_name == class_name and all(attributes.get(name) == value for name, value in self.values)

    def strays(self, attributes: Mapping[str, str]) -> tuple[str, ...]:
        """Name what keeps an image with these attributes out: `hair=unknown` for each attribute that it misses."""
        return tuple(f"{name}={attributes.get(name)}" for name, value in self.values if attributes.get(name) != value)


@dataclass(frozen=True, slots=True)
class Shard:
    """A stratified slice of the cells' quotas: the unit of work, of commit and of retry."""

    index: int
    cells: tuple[Cell, ...]

    @property
    def quota(self) -> int:
        return sum(cell.quota for cell in self.cells)


DrawnSettings = tuple[tuple[str, str | int | float], ...]
"""What an image drew of the model's settings: keys of `model` that are choices, each with its value."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One attempt at an image: everything that decides what the model is asked for.

    Attributes:
        id: `SSSSS-AAAAAA`, shard and attempt: unique in the run.
        cell: the name of the cell that it aims at.
        variables: the template's resolved variables, in the spec's order.
        seed: seeds the image's own CPU generator; 0 to 2**63 - 1.
        settings: what it drew of the model's settings; nothing where all images have the same.
        source: the id of the picture that it begins from, in the run's set of sources; None where it begins from noise.
        source_label: that picture's class, in runs that change classes; None in others.
        kept: the columns to take over from that picture, as JSON; empty without any.
    """

    id: str
    shard: int
    attempt: int
    cell: str
    class_name: str
    label: int
    template: str
    variables: tuple[tuple[str, str], ...]
    prompt: str
    negative_prompt: str
    seed: int
    settings: DrawnSettings = ()
    source: str | None = None
    source_label: str | None = None
    kept: str = ""


Pictures = Callable[[Candidate], SourcePicture]
"""Opens the picture that a candidate begins from."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a candidate gave no image: neither accepted nor rejected.

    Attributes:
        kind: a short stable word, such as `not_finite` or `safety_checker`.
    """

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A candidate and its image, or why there is none.

    Attributes:
        image: uint8 [3, height, width] on the generator's device; None after a failure, or if it was stopped early.
        seconds: the batch's time divided by its size.
        batch_size: size of the batch that it was rendered in.
        carried: where the object is, as the source picture or what looked at the image says; None if neither does.
        early: what was seen after the first steps, where attempts may be stopped there. One that was has neither image
            nor failure.
    """

    candidate: Candidate
    image: Tensor | None
    failure: Failure | None
    seconds: float
    batch_size: int
    carried: Carried | None = None
    early: EarlyLook | None = None


class Reason(StrEnum):
    """Why an image was rejected. The first that applies, in this order."""

    EARLY = "early"  # its first steps predicted that another rule would
    BLANK = "blank"
    BLURRED = "blurred"
    NOISY = "noisy"
    UNSAFE = "unsafe"  # shows a concept that the spec rejects
    LABEL = "label"
    CLIP = "clip"
    KEPT = "kept"  # lost what should stay of its picture
    CHANGED = "changed"  # too much like its picture, or no nearer to the prompt
    BOX = "box"  # a box does not show the class, or there is none
    LEARNER = "learner"  # too easy or too hard for the learner
    MEASURE = "measure"  # a measure of a plug-in; the message names it
    DUPLICATE = "duplicate"
    ATTRIBUTE = "attribute"  # no cell wants what was measured, or it could not be measured


@dataclass(frozen=True, slots=True)
class Rule:
    """A limit on a score: rejects an image whose score falls below `floor` or rises above `ceiling`."""

    reason: Reason
    score: str
    floor: float = -inf
    ceiling: float = inf

    def allows(self, value: float) -> bool:
        """Whether `value` is within the limits. NaN never is: it compares false with everything."""
        return self.floor <= value <= self.ceiling

    @property
    def limits(self) -> str:
        """The limits in words."""
        least = [f"at least {self.floor:g}"] if self.floor > -inf else []
        return " and ".join(least + ([f"at most {self.ceiling:g}"] if self.ceiling < inf else []))

    def explain(self, scores: Mapping[str, float]) -> str | None:
        """Say what the reason alone does not: which measure rejected the image, and how; None for other reasons."""
        if self.reason not in (Reason.MEASURE, Reason.LEARNER):
            return None
        score = scores[self.score]
        found = "could not be measured" if isnan(score) else f"is {score:.4g}"
        return f"{self.score} {found}: expected {self.limits}"

    def implies(self, other: Rule) -> bool:
        """Whether this rule rejects everything that `other`, a rule on the same score, rejects."""
        return self.floor >= other.floor and self.ceiling <= other.ceiling


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a judge measured on an image, and whether a rule rejects it.

    Attributes:
        scores: by name; the names are the judge's `score_names`. NaN where a score could not be computed.
        attributes: for each attribute of the spec, the measured value, `unknown` or `not applicable`.
        posteriors: for each attribute, the probability of each answer.
        message: details of the reason that the scores do not give, such as which image a duplicate repeats.
        phash: the image's perceptual hash, 256 bits; it and the embedding serve to find duplicates across shards.
        embedding: the image's embedding, of length 1; None where a judge has none.
    """

    scores: Mapping[str, float]
    attributes: Mapping[str, str]
    reason: Reason | None
    posteriors: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    phash: bytes = b""
    embedding: NDArray[np.float16] | None = None
    message: str | None = None


class Verdict(StrEnum):
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SURPLUS = "surplus"  # good, but every cell that it fits is full
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Judged:
    """A candidate's verdict. `assessment` is None exactly without an image; `cell`, which it fills, unless accepted."""

    rendered: Rendered
    assessment: Assessment | None
    verdict: Verdict
    cell: str | None


@dataclass(frozen=True, slots=True)
class File:
    """A committed file: its name relative to the run, size in bytes, sha256 in hex."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What one or more shards could not fill within their budget of attempts.

    Attributes:
        attempts: how many attempts were aimed at this cell.
        hits: how many of those were good and measured to belong to it.
        accepted: images in the cell, including those aimed at another.
        spare: attempts beyond the budget, which shared a batch with the last ones that were needed.
        misses: outcomes of the other attempts: the reason of a rejection or the kind of a failure; for images that
            passed every filter and belong elsewhere, what they were measured to be, such as `hair=unknown`. An image
            that misses two attributes counts under both.
    """

    cell: str
    missing: int
    attempts: int
    hits: int
    accepted: int
    spare: int = 0
    misses: Mapping[str, int] = field(default_factory=dict)

    @property
    def to_fill(self) -> float | None:
        """Attempts that the missing images would take at the yield so far; None if no attempt was a hit."""
        return self.missing * self.attempts / self.hits if self.hits else None


@dataclass(frozen=True, slots=True)
class ShardRecord:
    """What was committed for one shard: the content of `done/NNNNN.json`.

    Attributes:
        images: the accepted rows with pixels.
        ledger: every candidate.
        counts, reasons: attempts by verdict; rejected images by reason, and failures by kind.
        provenance: versions, device, dtype, threads: host-independent facts about where it was made.
        by_class: attempts by class and verdict; empty in the records of earlier versions.
    """

    shard: int
    fingerprint: str
    images: File
    ledger: File
    counts: Mapping[str, int]
    reasons: Mapping[str, int]
    shortfalls: tuple[Shortfall, ...]
    seconds: float
    provenance: Mapping[str, str] = field(default_factory=dict)
    by_class: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
