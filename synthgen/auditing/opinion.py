"""Whether another judge's agreement checks a judge, and how far its figures may then be off. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from synthgen.auditing.findings import Figure, Share
from synthgen.auditing.judge_errors import widened
from synthgen.stats.distance import Distance, Measure
from synthgen.stats.estimates import Estimate, wilson

LEAST_KAPPA = 0.667
"""Cohen's kappa that must be exceeded for sure: the least agreement from which Krippendorff (2004, Content Analysis,
chapter 11) draws even tentative conclusions."""
_NET_P = 0.00125
"""The least p-value of a distance that is beyond both chance and the judges' disagreement."""


@dataclass(frozen=True, slots=True)
class Counted:
    """How often two judges differ in one class.

    Attributes:
        either: images to which either judge gave a value.
        differ: those of them on which the answers differ.
    """

    either: int
    differ: int


@dataclass(frozen=True, slots=True)
class Opinion:
    """What other judges say of one attribute's answers.

    Attributes:
        judges: the independent ones, in words; empty if there is none.
        unchecked: why their agreement checks nothing; None if it does.
        classes: for each of them, by class.
    """

    judges: str
    unchecked: str | None
    classes: tuple[Mapping[str, Counted], ...] = ()

    def rate(self, class_name: str | None, valued: int, effect: float = 1.0, whole: bool = False) -> float | None:
        """Return by how much a share may be off in a class, or overall: the upper end of an interval, in 0..1.

        If an error of one judge is not also made by the other, every error is a disagreement. So at most the images on
        which they differ are misjudged; changing the answers of D images changes the share of a value among `valued`
        images by at most D / valued. The largest of several judges counts: a further one can only widen. None if the
        agreement checks nothing.

        Args:
            effect: the design effect of prompts, by which images count for less.
            whole: whether the set itself is asked about: then the disagreements are counted, and not estimated.
        """
        if self.unchecked is not None:
            return None
        ends = [self._end(each, class_name, valued, effect, whole) for each in self.classes]
        known = [each for each in ends if each is not None]
        return max(known) if known and len(known) == len(ends) else None

    def _end(
        self, classes: Mapping[str, Counted], class_name: str | None, valued: int, effect: float, whole: bool
    ) -> float | None:
        several = classes.values() if class_name is None else [each for each in (classes.get(class_name),) if each]
        either, differ = sum(each.either for each in several), sum(each.differ for each in several)
        found = wilson(differ / effect, either / effect)
        if found is None or not valued:
            return None
        return min(1.0, (found.value if whole else found.high) * either / valued)


def agreed_shares(shares: Sequence[Share], rate: float | None) -> tuple[Share, ...]:
    """Add to each share the figure that allows for the judges' disagreement."""
    return tuple(replace(share, agreed=widened(share.clustered or share.raw, rate)) for share in shares)


def without_agreement(rate: float | None) -> dict[str, str]:
    """Say why the figure that allows for the judges' disagreement is missing, if it is."""
    return {Figure.AGREED.value: "no second, independent judge agrees"} if rate is None else {}


def agreed_distances(plain: Sequence[Distance], rate: float) -> tuple[Distance, ...]:
    """Widen the total variation by a share of misjudged images, by which it can change at most.

    The other measures have no such bound, and are left out. The p-value is 1 unless the distance is beyond both chance
    and the disagreement.
    """
    found = []
    for each in plain:
        if each.measure is not Measure.TV:
            continue
        value, low, high = each.found.value, each.found.low, each.found.high
        net = Estimate(value, max(0.0, low - rate), min(1.0, high + rate))
        p_value = max(each.p_value, _NET_P) if net.low > each.chance_limit else 1.0
        found.append(replace(each, found=net, p_value=p_value))
    return tuple(found)
