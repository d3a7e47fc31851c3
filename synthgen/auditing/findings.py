"""What an audit found: plain values, in stable names, that turn into JSON as they are."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from synthgen.auditing.agreement import Agreement
from synthgen.auditing.crossings import Crossing
from synthgen.auditing.filters import Pipeline
from synthgen.auditing.gates import GateResult, Outcome
from synthgen.stats.amplification import Amplification
from synthgen.stats.association import Association
from synthgen.stats.distance import Distance
from synthgen.stats.estimates import Estimate

OVERALL, REAL = "over all", "the real set"
"""A place, and the source of a reference that was measured and not declared."""


def place_of(class_name: str | None) -> str:
    return OVERALL if class_name is None else f"class {class_name}"


class Figure(StrEnum):
    """Which of the figures for a share.

    RAW is what was answered, with Wilson's interval; CLUSTERED the same share, its interval for images that are alike
    where their prompt is; MATRIX is corrected by a confusion matrix; LABELS by a labelled subsample.
    """

    RAW = "raw"
    CLUSTERED = "clustered"
    MATRIX = "matrix"
    LABELS = "labels"


@dataclass(frozen=True, slots=True)
class Quote:
    """
    Attributes:
        figure: that a reader should quote; None where there is none.
        unchecked: why it is the judge's word alone, which no gate takes unless it is told to; None where it is not.
    """

    figure: Figure | None
    reason: str
    unchecked: str | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """One value of an attribute, among the images that have a value.

    Attributes:
        count: images that were answered so.
        if_unknown_none, if_unknown_all: the share, had no image that is 'unknown' this value, or every one.
        raw, clustered, matrix, labels: see `Figure`; None where it cannot be had, and `Scope.missing` says why.
    """

    value: str
    count: int
    if_unknown_none: float | None
    if_unknown_all: float | None
    raw: Estimate | None
    clustered: Estimate | None
    matrix: Estimate | None
    labels: Estimate | None

    def of(self, figure: Figure | None) -> Estimate | None:
        found: Estimate | None = getattr(self, figure.value) if figure else None
        return found


@dataclass(frozen=True, slots=True)
class Power:
    """How sure so many images can be.

    Attributes:
        half_width: of the interval of a share of one half, with the images that have a value. None without any.
        images_needed: so that it is at most 0.05, at the abstention and the likeness of images seen here.
    """

    half_width: float | None
    images_needed: int


@dataclass(frozen=True, slots=True)
class Scope:
    """An attribute in one class, or over all.

    Attributes:
        class_name: None over all.
        valued: images that have a value: neither 'unknown' nor 'not applicable'.
        unknown_share: of the images.
        prompts: how many there are; None where none are known, or every image has its own.
        design_effect: by what the likeness of images of one prompt multiplies the variance. None if it is not known.
        labelled: images with a label.
        missing: per figure that there is none of, the reason.
        quote: also says what the distances are of.
        distances: of the quoted figure from the reference; empty where there is none to measure.
        raw_distances: those of the raw figure, if another is quoted.
        no_distance: why there are none.
    """

    class_name: str | None
    images: int
    valued: int
    unknown: int
    not_applicable: int
    unknown_share: Estimate | None
    prompts: int | None
    design_effect: float | None
    labelled: int
    shares: tuple[Share, ...]
    missing: Mapping[str, str]
    quote: Quote
    reference: Mapping[str, float] | None
    distances: tuple[Distance, ...]
    raw_distances: tuple[Distance, ...]
    no_distance: str | None
    power: Power
    caveats: tuple[str, ...]

    @property
    def place(self) -> str:
        return place_of(self.class_name)


@dataclass(frozen=True, slots=True)
class AttributeFindings:
    """
    Attributes:
        known: taken from the table as true, and not judged.
        reference: in words, what the shares are measured against; None: no verdict.
        scopes: over all first, then each class.
    """

    name: str
    values: tuple[str, ...]
    known: bool
    reference: str | None
    scopes: tuple[Scope, ...]
    association: Association


@dataclass(frozen=True, slots=True)
class Findings:
    """
    Attributes:
        classes: images of each; a class that was declared and has none is there with 0.
        undeclared: those of them that were not declared.
        confidence: of every interval.
        seed: of every draw: the same table gives the same findings, in whatever order its rows stand.
        trust_judge: whether gates were told to take the judge's word where nothing checks it.
        labels_needed: images to draw for labels, so that each place where a gate is undecided since nothing checks the
            judge there gets enough of them; None where there is none.
        pipeline, crossings, amplification, agreement: None or empty, if not asked for.
    """

    images: int
    classes: Mapping[str, int]
    undeclared: tuple[str, ...]
    confidence: float
    seed: int
    attributes: tuple[AttributeFindings, ...]
    crossings: tuple[Crossing, ...]
    pipeline: Pipeline | None
    amplification: tuple[Amplification, ...]
    agreement: tuple[Agreement, ...]
    gates: tuple[GateResult, ...]
    caveats: tuple[str, ...]
    trust_judge: bool = False
    labels_needed: int | None = None

    @property
    def on_trust(self) -> str | None:
        """Why some gate rests on the judge's word alone, by which it was decided; None where none does."""
        checks = [check for gate in self.gates for check in gate.checks] if self.trust_judge else []
        return next((check.unchecked for check in checks if check.unchecked), None)

    @property
    def outcome(self) -> Outcome | None:
        """Of all gates; None without gates."""
        there = {gate.outcome for gate in self.gates}
        return next(
            (outcome for outcome in (Outcome.FAIL, Outcome.INSUFFICIENT, Outcome.PASS) if outcome in there), None
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON: no value in it is NaN or infinite."""
        return asdict(self)
