"""What the dependence of images costs in one place."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """The effect of shared prompts, and of what else images share, on the precision in a scope.

    Attributes:
        prompts: their number; None if none are known.
        clusters: the number of clusters of images that share something; None if no images do.
        shared: what they share, in words; empty if it is a prompt alone.
        size: the design effect; None if it could not be estimated.
        freedom: the degrees of freedom of that estimate.
    """

    prompts: int | None
    size: float | None = None
    freedom: int = 0
    clusters: int | None = None
    shared: str = ""

    @property
    def at_least(self) -> float:
        return max(1.0, self.size or 1.0)
