"""What an audited set shows of the model whose predictions it has: plain values."""

from dataclasses import dataclass

from synthgen.stats.estimates import Estimate


@dataclass(frozen=True, slots=True)
class ClassErrors:
    """The rates of one class, with all others as negative.

    Attributes:
        images, predicted: those of the class, and those predicted to be, among the images with a prediction.
        recall: of the images of the class, the share that is predicted right (true positive rate); None without any.
        fnr: 1 - recall.
        fpr: of the images of other classes, the share that is predicted to be of this one.
        precision: of the images predicted to be of the class, the share that is.
        selection_rate: of all images, the share that is predicted to be of the class.
    """

    class_name: str
    images: int
    predicted: int
    recall: Estimate | None
    fnr: Estimate | None
    fpr: Estimate | None
    precision: Estimate | None
    selection_rate: Estimate | None


@dataclass(frozen=True, slots=True)
class GroupErrors:
    """The rates in one group.

    Attributes:
        group: a value of the attribute; None for all images.
        images: those with a prediction, from which the rates are.
        missing: those without one.
        classes: empty if there are too many to list.
    """

    group: str | None
    images: int
    missing: int
    accuracy: Estimate | None
    error: Estimate | None
    classes: tuple[ClassErrors, ...]


@dataclass(frozen=True, slots=True)
class ErrorContrast:
    """A rate in a group beside that in the reference group.

    Attributes:
        place: 'overall', or the class whose rate it is.
        metric: such as 'error' or 'recall'.
        ratio: None if the reference's rate is, or may be, 0.
    """

    place: str
    metric: str
    group: str
    reference: str
    difference: Estimate | None
    ratio: Estimate | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class ErrorSpread:
    """The extremes of a rate among groups: fairlearn's `MetricFrame.difference()` and `.ratio()`.

    The intervals allow for the choice of the extremes.
    """

    place: str
    metric: str
    difference: Estimate
    ratio: Estimate | None
    lowest: str
    highest: str


@dataclass(frozen=True, slots=True)
class AttributeErrors:
    """The errors by the values of an attribute, or of several that are crossed.

    Attributes:
        known: whether the groups are taken as true; otherwise they are the judge's answers.
        unchecked: why the groups rest on the judge's word alone; None if they are known.
        without_group: images without a value, which are in no group.
        reference: the group that others are compared with; None if no image has a value.
    """

    attribute: str
    known: bool
    unchecked: str | None
    without_group: int
    reference: str | None
    groups: tuple[GroupErrors, ...]
    contrasts: tuple[ErrorContrast, ...]
    spreads: tuple[ErrorSpread, ...]


@dataclass(frozen=True, slots=True)
class ModelErrors:
    """What the audited set shows of the model whose predictions it has.

    Attributes:
        missing: images without a prediction. They are in no rate.
        outside: images whose prediction is none of the classes: errors. `outside_names` are the most frequent ones.
        overall: all images together.
    """

    missing: int
    outside: int
    outside_names: tuple[str, ...]
    overall: GroupErrors
    attributes: tuple[AttributeErrors, ...]
