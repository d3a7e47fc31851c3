"""What copies cost: an image that occurs ten times tells no more of its source than once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthgen.auditing.inspection.near import Positions
from synthgen.stats.search import Codes, Flags

_LEAST = 1.05


@dataclass(frozen=True, slots=True)
class Copies:
    """How much copies of the same pixels multiply the variance of a share.

    Attributes:
        effect: of all images, at least 1.
        by_class: in each class.
    """

    effect: float
    by_class: tuple[float, ...]

    def told(self, images: int) -> Sequence[str]:
        """Say that intervals allow for copies, if that makes a difference."""
        if self.effect < _LEAST:
            return ()
        worth = f"copies of the same pixels make {images:,} images worth {images / self.effect:,.0f}"
        return (f"{worth}: the intervals of dark, bright, low-information and blurry images allow for it",)


def find_copies(groups: Positions, blank: Flags, classes: Codes, class_count: int) -> Copies:
    """Find the design effect of copies, Kish's for weights (1965, Survey Sampling): the sum of squares over the sum.

    A group of s copies adds s squared to the sum of squares. Images that show nothing are equal by themselves, so they
    are not copies.

    Args:
        groups: a number for each image, which images of equal pixels share.
        classes: a number for each image; -1 if it has none.
    """
    own = without_blank(groups, blank)
    within = [_effect(own[classes == code]) for code in range(class_count)]
    return Copies(_effect(own), tuple(within))


def without_blank(groups: Positions, blank: Flags) -> Positions:
    """Give each image that shows nothing a number of its own."""
    apart = int(groups.max(initial=-1)) + 1 + np.arange(len(groups))
    return np.where(blank, apart, groups)


def _effect(groups: Positions) -> float:
    sizes = np.unique(groups, return_counts=True)[1].astype(np.float64)
    return float((sizes**2).sum() / sizes.sum()) if len(sizes) else 1.0
