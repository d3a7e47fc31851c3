"""What the dependence of images costs in one place."""

from dataclasses import dataclass

import numpy as np

from synthgen.stats.estimates import Estimate, Floats, wilson_with_effect
from synthgen.stats.simultaneous import wilson_together

_ABSENT = 1e-9
"""The share of a value that no image shows: it counts only where no other value does."""


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """The effect of shared prompts, and of what else images share, on the precision in a scope.

    Attributes:
        prompts: their number; None if none are known.
        clusters: the number of clusters of images that share something; None if no images do.
        shared: what they share, in words; empty if it is a prompt alone.
        size: the design effect; None if it could not be estimated.
        freedom: the degrees of freedom of that estimate; None if it is not one, but known or a bound.
        of_unknown: the design effect of the share of images without a value.
        bound: whether it is the most that clusters can cost, because they are too few to estimate what they do cost.
        by_value: the design effect of the share of each value, see `design_effects`; empty if `size` is None.
    """

    prompts: int | None
    size: float | None = None
    freedom: int | None = 0
    clusters: int | None = None
    shared: str = ""
    by_value: tuple[float, ...] = ()
    bound: bool = False
    of_unknown: float = 1.0

    @property
    def at_least(self) -> float:
        return max(1.0, self.size or 1.0)

    def of(self, value: int) -> float | None:
        """Return the design effect of one value's share; None if it could not be estimated."""
        return self.by_value[value] if self.by_value else self.size

    def interval(self, count: int, valued: int, costs: float) -> Estimate | None:
        """Return the interval of a share whose design effect is `costs`: an exact one if that is a bound."""
        if self.bound:
            return wilson_together(count, valued, 1, costs)
        return wilson_with_effect(count, valued, costs, self.freedom)

    def largest(self, shares: Floats, wanted: Floats | None = None) -> float:
        """Return the effect on a figure that depends on all shares: the largest one of a value that counts.

        A value counts if its variance is at least a tenth of the largest one: a few images of a rare value, which may
        be alike by chance, hardly move a distance. But shares above their target exceed it by as much as those below
        fall short: if one side has only rare values, the distance rests on them. So the largest variance is found on
        each side, and the smaller of both is what counts.

        Args:
            shares: of each value, [values].
            wanted: their targets, if the figure is a distance.
        """
        if not self.by_value:
            return self.at_least
        some = np.maximum(shares, _ABSENT)
        variance = np.array(self.by_value) * some * (1 - some)
        sides = [variance] if wanted is None else [variance[shares > wanted], variance[shares < wanted]]
        least = min((side.max() for side in sides if len(side)), default=variance.max()) / 10
        return max(self.at_least, float(np.array(self.by_value)[variance >= least].max()))
