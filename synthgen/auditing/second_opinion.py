"""What several judges say of one set: how far they agree, which are right, and which one decides. Plain values."""

from dataclasses import dataclass

from synthgen.stats.estimates import Estimate


@dataclass(frozen=True, slots=True)
class HeardJudge:
    """A judge that looked at the set.

    Attributes:
        kind: 'clip', 'vqa' or 'detector'.
        family: what its view of images was learned from: 'contrastive' (CLIPs, and models that see through one),
            'captions' (BLIP and ViLT) or 'detection' (detectors trained on boxes).
    """

    name: str
    revision: str
    kind: str
    family: str


@dataclass(frozen=True, slots=True)
class PairInPlace:
    """How far two judges agree in one class, or overall.

    Attributes:
        class_name: None overall.
        images: to which either gave a value.
        differ: the share of them on which the answers differ.
        kappa: Cohen's, of images to which both gave a value; None, with the reason, if it cannot be computed.
    """

    class_name: str | None
    images: int
    differ: Estimate | None
    kappa: Estimate | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class JudgePair:
    """How far two judges agree on one attribute.

    Attributes:
        alike: why they are not independent of each other; None if they are.
        places: overall first, then each class.
    """

    attribute: str
    first: str
    second: str
    alike: str | None
    places: tuple[PairInPlace, ...]


@dataclass(frozen=True, slots=True)
class JudgeAccuracy:
    """How often a judge answers as the labels do, on one attribute.

    Attributes:
        labelled: images with a label.
        right: the share with the same answer of those to which the label or the judge gives a value, weighted as the
            images were drawn; None without any.
        decides: whether the quoted figures are from this judge.
    """

    attribute: str
    judge: str
    labelled: int
    right: Estimate | None
    decides: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """Whose answers the figures of an attribute are from.

    Attributes:
        reason: why, in words.
        checked_by: the independent judges that agree, in words; None if none does.
        unchecked: why their agreement checks nothing; None if it does, or if labels or a matrix were given.
    """

    attribute: str
    judge: str
    reason: str
    checked_by: str | None
    unchecked: str | None


@dataclass(frozen=True, slots=True)
class ClassShown:
    """How many images of a class show it, to a judge that was asked.

    Attributes:
        shown, not_shown, unsure: images of which the judge said so.
        share: those that show it, of those of which the judge was sure; None without any.
    """

    judge: str
    class_name: str
    shown: int
    not_shown: int
    unsure: int
    share: Estimate | None


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """What several judges say of one set, or a single one that is asked questions.

    Attributes:
        judges: the first one first.
        unanswered: what further judges were not asked, and why.
    """

    judges: tuple[HeardJudge, ...]
    pairs: tuple[JudgePair, ...]
    accuracies: tuple[JudgeAccuracy, ...]
    decisions: tuple[Decision, ...]
    classes: tuple[ClassShown, ...]
    unanswered: tuple[str, ...]
