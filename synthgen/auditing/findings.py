"""The findings of an audit: plain values with stable names, ready for JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from synthgen.auditing.agreement import Agreement
from synthgen.auditing.crossings import Crossing
from synthgen.auditing.entanglement import Entanglement
from synthgen.auditing.filters import Pipeline
from synthgen.auditing.gates import GateOutcome, GateResult
from synthgen.auditing.groups.found import GroupFindings
from synthgen.auditing.labellers import Labellers
from synthgen.auditing.second_opinion import SecondOpinion
from synthgen.auditing.shared import Dependence
from synthgen.stats.amplification import Amplification
from synthgen.stats.association import Association
from synthgen.stats.distance import Distance
from synthgen.stats.estimates import Estimate

OVERALL, REAL = "overall", "the real set"
"""The name of the whole set as a place, and the source of a reference that was measured and not declared."""


def place_of(class_name: str | None) -> str:
    return OVERALL if class_name is None else f"class {class_name}"


class Figure(StrEnum):
    """The kinds of figure for a share.

    RAW is what was answered, with Wilson's interval. CLUSTERED is the same share, with an interval that allows for the
    similarity of images that share a prompt, a seed or a source, and of near-duplicates. MATRIX is corrected by a
    confusion matrix, LABELS by a labelled subsample. WIDENED is what was answered, give or take the share of errors
    that labels of the set, or a matrix, showed. AGREED is what was answered, give or take the share of images on which
    an independent judge differs.
    """

    RAW = "raw"
    CLUSTERED = "clustered"
    MATRIX = "matrix"
    LABELS = "labels"
    WIDENED = "widened"
    AGREED = "agreed"


@dataclass(frozen=True, slots=True)
class Quote:
    """Which figure a reader should quote, and why.

    Attributes:
        figure: the figure to quote; None if there is none.
        unchecked: why the figure rests on the judge's word alone, which gates accept only if told to; None otherwise.
    """

    figure: Figure | None
    reason: str
    unchecked: str | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """The share of one value of an attribute, among the images that have a value.

    Attributes:
        count: images with this answer.
        if_unknown_none, if_unknown_all: the share if none, or all, of the 'unknown' images had this value.
        raw, clustered, matrix, labels, widened, agreed: see `Figure`; None if it is not available:
            `Scope.missing` says why.
        simultaneous: the quoted figure with ends that hold in all classes at once, at the level of
            `AttributeFindings.comparisons`.
        design_effect: of this share: that of its scope, or a larger one if images of one group are more alike in this
            value than in others. None if it is not known.
    """

    value: str
    count: int
    if_unknown_none: float | None
    if_unknown_all: float | None
    raw: Estimate | None
    clustered: Estimate | None
    matrix: Estimate | None
    labels: Estimate | None
    widened: Estimate | None = None
    agreed: Estimate | None = None
    simultaneous: Estimate | None = None
    design_effect: float | None = None

    def of(self, figure: Figure | None) -> Estimate | None:
        found: Estimate | None = getattr(self, figure.value) if figure else None
        return found


@dataclass(frozen=True, slots=True)
class Power:
    """How precise this many images can be.

    Attributes:
        half_width: of the interval of a share of one half, with the images that have a value. None without any.
        images_needed: for a half width of at most 0.05, at the abstention and the similarity of images seen here.
    """

    half_width: float | None
    images_needed: int


@dataclass(frozen=True, slots=True)
class Scope:
    """An attribute in one class, or overall.

    Attributes:
        class_name: None overall.
        valued: images that have a value: neither 'unknown' nor 'not applicable'.
        unknown_share: of the images.
        prompts: their number; None if none are known, or every image has its own.
        clusters: the number of groups of images that depend on each other, see `Findings.dependence`, where an image
            that depends on no other is a group of its own. None if every image is.
        design_effect: the factor by which the similarity of images of one group multiplies the variance. None if it is
            not known.
        freedom: degrees of freedom of that factor; None if it was not estimated.
        effect_is: 'estimate'; 'known', of rows that are one image each; or 'bound', the most that it can be, if there
            are too few groups to estimate it. None if there is none.
        labelled: images with a label.
        missing: the reason for each figure that is missing.
        quote: the figure to quote; the distances are computed from it.
        distances: of the quoted figure from the reference; empty if there is none to measure.
        raw_distances: those of the raw figure, if another is quoted.
        no_distance: why there are none.
        differ: by how much the figure 'agreed' is wider than the raw one; None where judges' agreement says nothing.
        shares_left_out: in `audit.json`, the shares of a class that only `shares.parquet` has.
    """

    class_name: str | None
    images: int
    valued: int
    unknown: int
    not_applicable: int
    unknown_share: Estimate | None
    prompts: int | None
    design_effect: float | None
    freedom: int | None
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
    clusters: int | None = None
    differ: float | None = None
    shares_left_out: int = 0
    effect_is: str | None = None

    @property
    def place(self) -> str:
        return place_of(self.class_name)


@dataclass(frozen=True, slots=True)
class AttributeFindings:
    """The findings on one attribute.

    Attributes:
        known: taken from the table as true, and not judged.
        reference: in words, what the shares are measured against; None: no verdict.
        scopes: overall first, then each class.
        comparisons: the intervals that are read together: `Share.simultaneous` has the level 1 - 0.05 / `comparisons`.
    """

    name: str
    values: tuple[str, ...]
    known: bool
    reference: str | None
    scopes: tuple[Scope, ...]
    association: Association
    comparisons: int = 0


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that an audit found in a table.

    Attributes:
        classes: images of each class; a declared class without images is listed with 0.
        undeclared: the classes that were not declared.
        confidence: of every interval.
        seed: of every draw: the same table gives the same findings, whatever the order of its rows.
        about: what intervals are about: 'source', whatever made the set, of which it is a sample; or 'set', the set
            itself, whose own shares are exact where they were counted.
        trust_judge: whether gates were told to accept the judge's word where nothing checks it.
        labels_needed: images to draw and label, so that every gate that is undecided because nothing checks the judge
            gets enough labels; None if there is no such gate.
        dependence: what images share, and which of it intervals allow for; None if `about` is 'set'.
        labellers: what a second labelling shows; empty without one.
        pipeline, crossings, amplification, agreement: None or empty if not asked for.
        joint: like `attributes`, combinations of several: those that `balance` fills, that a gate limits, or that are
            crossed.
        groups: what compares groups.
        second_opinion: what several judges say of each other, and which one decides; None with fewer than two judges.
        rests_on: what decided the gates, in words, the most frequent first; empty if none was decided.
        entanglement: None without a ledger, or if no attempt aimed at a value of an attribute.
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
    about: str = "source"
    trust_judge: bool = False
    labels_needed: int | None = None
    dependence: Dependence | None = None
    joint: tuple[AttributeFindings, ...] = ()
    groups: GroupFindings | None = None
    second_opinion: SecondOpinion | None = None
    rests_on: tuple[str, ...] = ()
    labellers: tuple[Labellers, ...] = ()
    entanglement: Entanglement | None = None

    @property
    def on_trust(self) -> str | None:
        """Why some gate was decided although nothing checks the judge; None if none was."""
        checks = [check for gate in self.gates for check in gate.checks] if self.trust_judge else []
        return next((check.unchecked for check in checks if check.unchecked), None)

    @property
    def trusted(self) -> str | None:
        """What the first such check rests on, such as "on the judge's word alone"; None likewise."""
        checks = [check for gate in self.gates for check in gate.checks] if self.trust_judge else []
        return next((check.word for check in checks if check.unchecked), None)

    @property
    def outcome(self) -> GateOutcome | None:
        """The outcome of all gates together; None without gates."""
        there = {gate.outcome for gate in self.gates}
        return next(
            (outcome for outcome in (GateOutcome.FAIL, GateOutcome.INSUFFICIENT, GateOutcome.PASS) if outcome in there),
            None,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the findings for JSON: no value is NaN or infinite."""
        return asdict(self)
