"""What is known of where the object is on an image, as tables hold it."""

from dataclasses import dataclass

Corners = tuple[float, float, float, float]
"""A box in pixels: left, top, right, bottom. Right and bottom are exclusive."""


@dataclass(frozen=True, slots=True)
class Carried:
    """Where the object is on an image: as the source picture says, or as was found on the image.

    Attributes:
        mask: that of the source picture, as a PNG.
        scores: of boxes that were found.
        masks: that were found, each as a PNG, one for each box.
        mask_scores: of those.
    """

    boxes: tuple[Corners, ...] = ()
    mask: bytes | None = None
    scores: tuple[float, ...] = ()
    masks: tuple[bytes, ...] = ()
    mask_scores: tuple[float, ...] = ()
