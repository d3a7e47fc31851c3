"""What was found on groups: plain values with stable names."""

from dataclasses import dataclass

from synthgen.auditing.groups.model_errors import ModelErrors
from synthgen.stats.estimates import Estimate


@dataclass(frozen=True, slots=True)
class ReferenceGroup:
    """The group of an attribute, or of the classes, that others are compared with.

    Attributes:
        of: the attribute, or 'class'.
        declared: whether the user named it; otherwise it is the largest one.
    """

    of: str
    group: str
    declared: bool


@dataclass(frozen=True, slots=True)
class Contrast:
    """The share of a group beside that of its reference group, as quoted.

    Attributes:
        compared: 'classes': `group` is a class, and the share is that of `value` in it. 'values': `group` is a value,
            and the share is its own in `place`.
        place: 'overall', a class, or 'between classes'.
        difference: the share minus the reference's.
        ratio: the share divided by the reference's; None if that is, or may be, 0.
        reason: why one of them is missing.
        unchecked: why they rest on the judge's word alone; None if they do not.
    """

    attribute: str
    compared: str
    place: str
    group: str
    reference: str
    value: str | None
    share: Estimate | None
    reference_share: Estimate | None
    difference: Estimate | None
    ratio: Estimate | None
    reason: str | None
    unchecked: str | None


@dataclass(frozen=True, slots=True)
class GroupSpread:
    """The extremes of the share of a value among all classes that have images.

    fairlearn's `demographic_parity_difference` and `demographic_parity_ratio`, with the class as the sensitive feature
    and the value as the selection.

    Attributes:
        difference: of the highest and the lowest share.
        ratio: of the lowest and the highest; None if the highest is 0.
    """

    attribute: str
    value: str
    difference: Estimate
    ratio: Estimate | None
    lowest: str
    highest: str


@dataclass(frozen=True, slots=True)
class Slice:
    """A combination of values whose share is farther from its reference than chance explains.

    Attributes:
        attributes: one, or two that are crossed.
        values: one of each.
        images: those in the place that have a value for each attribute.
        count: those with these values; None if it is suppressed: above 0 and below ten, of crossed attributes.
        share: with its own 95 % interval; None if the count is suppressed.
        reference: the share to compare with.
        basis: 'target'; 'the other classes'; or 'independence' of the two attributes in this place.
        deviation: the share minus the reference; None if the count is suppressed.
        at_least: how far the share is from its reference, at least: a lower bound that holds for all searched slices
            together in 95 % of sets (Bonferroni).
        p_value, adjusted: two-sided; the second with Holm's correction for all searched slices.
        known: whether all attributes are taken as true; otherwise these are the judge's answers.
    """

    place: str
    attributes: tuple[str, ...]
    values: tuple[str, ...]
    images: int
    count: int | None
    share: Estimate | None
    reference: float
    basis: str
    deviation: float | None
    at_least: float
    p_value: float
    adjusted: float
    known: bool


@dataclass(frozen=True, slots=True)
class Slices:
    """The result of the search.

    Attributes:
        searched: the number of slices that were compared.
        smallest: a place with fewer images that have a value is not searched.
        not_searched: places and attributes that were left out: too few images, or too few prompts.
        beyond_chance: the number of slices whose adjusted p-value is below 0.05.
        worst: of these, at most ten, with the largest lower bounds first.
    """

    searched: int
    smallest: int
    not_searched: int
    beyond_chance: int
    worst: tuple[Slice, ...]


@dataclass(frozen=True, slots=True)
class Stratified:
    """The association of two columns, marginal and within strata.

    Attributes:
        first, second, within: attributes, or 'class'.
        images: those that have a value for all three.
        marginal: Cramer's V of the two, ignoring the strata, of these images; None if there is nothing to compare.
        marginal_p: the p-value of the same test with all images in one stratum; None likewise.
        test: its name; None if there is none, for the `reason`.
        statistic, freedom, p_value, strata, odds_ratio, same_odds: see `StratifiedTest`.
        adjusted: the p-value with Holm's correction for all of these tests.
        odds: in words, of which values the odds ratio is.
    """

    first: str
    second: str
    within: str
    images: int
    marginal: Estimate | None
    marginal_p: float | None
    test: str | None = None
    statistic: float | None = None
    freedom: int | None = None
    p_value: float | None = None
    adjusted: float | None = None
    strata: int | None = None
    odds_ratio: Estimate | None = None
    odds: str | None = None
    same_odds: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class GroupFindings:
    """Everything that compares groups.

    Attributes:
        references: the reference group of the classes and of each attribute.
        contrasts: shares beside those of the reference groups. With more than 100 classes, those of classes are listed
            only if a reference group was named for them.
        spreads: the extremes among the classes, for each value.
        slices: the worst of all slices; None without an attribute.
        stratified: associations within strata; empty with fewer than two attributes.
        errors: those of a downstream model; None without its predictions.
        caveats: what the figures do not cover.
    """

    references: tuple[ReferenceGroup, ...]
    contrasts: tuple[Contrast, ...]
    spreads: tuple[GroupSpread, ...]
    slices: Slices | None
    stratified: tuple[Stratified, ...]
    errors: ModelErrors | None
    caveats: tuple[str, ...] = ()
