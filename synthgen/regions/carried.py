"""What is known of where the object is on an image, as tables hold it."""

from dataclasses import dataclass

Corners = tuple[float, float, float, float]
"""A box in pixels: left, top, right, bottom. Right and bottom are exclusive."""


@dataclass(frozen=True, slots=True)
class Carried:
    """Where the object of a source picture is on the image that was made of it: boxes, and its mask as a PNG."""

    boxes: tuple[Corners, ...] = ()
    mask: bytes | None = None
