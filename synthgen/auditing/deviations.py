"""Values whose share differs from the target: how much, and how sure that is."""

from collections.abc import Sequence
from typing import NamedTuple

from synthgen.auditing.findings import Scope
from synthgen.stats.estimates import Estimate

_NAMED = 3
"""At most this many values are named."""


class Deviation(NamedTuple):
    """A share that differs from its target.

    Attributes:
        found: its whole interval is above or below the target.
    """

    value: str
    found: Estimate
    target: float

    def __str__(self) -> str:
        value, low, high = (100 * each for each in (self.found.value, self.found.low, self.found.high))
        sure = "" if low == high else f" (95% interval {low:.0f} to {high:.0f}%)"
        return f"{self.value} {value:.0f}%{sure} instead of {100 * self.target:.0f}%"


def deviations(scope: Scope, together: bool = False) -> list[Deviation]:
    """List the values whose share is above or below its target, the farthest first.

    The whole quoted interval must be, or the simultaneous one where many classes are read `together`.
    """
    found = []
    for share in scope.shares:
        quoted, target = share.of(scope.quote.figure), (scope.reference or {}).get(share.value, 0.0)
        joint = (share.simultaneous if together else None) or quoted
        if scope.reference and quoted is not None and joint is not None and not joint.low <= target <= joint.high:
            found.append(Deviation(share.value, quoted, target))
    return sorted(found, key=lambda each: -abs(each.found.value - each.target))


def listed(found: Sequence[Deviation]) -> str:
    """Name the farthest of them."""
    more = f", and {len(found) - _NAMED} more values" if len(found) > _NAMED else ""
    return ", ".join(map(str, found[:_NAMED])) + more
