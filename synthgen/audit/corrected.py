"""What a correction gives for one scope."""

from dataclasses import dataclass

from synthgen.audit.estimates import Estimate


@dataclass(frozen=True, slots=True)
class Corrected:
    """
    Attributes:
        shares: of each value, in the attribute's order; None where there is no estimate.
        reason: why there is none.
        caveats: what limits them, in words.
        doubts: what speaks against quoting them at all.
        labelled: images with a label in this scope; 0 without labels.
    """

    shares: tuple[Estimate, ...] | None
    reason: str | None = None
    caveats: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    labelled: int = 0
