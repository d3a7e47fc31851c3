"""Canvases that are larger than the image on them: what outpainting fills, and where boxes and masks go."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from synthgen.regions.boxes import PixelBox, Size
from synthgen.regions.error import RegionError

if TYPE_CHECKING:
    from PIL import Image

    from synthgen.regions.masks import Mask


class Anchor(StrEnum):
    """Where on its canvas an image lies."""

    TOP_LEFT = "top-left"
    TOP = "top"
    TOP_RIGHT = "top-right"
    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"
    BOTTOM_LEFT = "bottom-left"
    BOTTOM = "bottom"
    BOTTOM_RIGHT = "bottom-right"


@dataclass(frozen=True, slots=True)
class Margins:
    """How many pixels a canvas has on each side of its image."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0


@dataclass(frozen=True, slots=True)
class Canvas:
    """A canvas with an image on it.

    Attributes:
        size: of the canvas.
        inner: the size of the image.
        at: the image's left upper corner, in pixels from that of the canvas.
    """

    size: Size
    inner: Size
    at: tuple[int, int]

    def move(self, box: PixelBox) -> PixelBox:
        """Return a box of the image as one of the canvas."""
        return box.moved(self.at)

    def enlarge(self, mask: "Mask") -> "Mask":
        """Return a mask of the image as one of the canvas, on which nothing new is in the region."""
        import numpy as np

        return np.pad(mask, self._around())

    def region(self) -> "Mask":
        """Return where the canvas is new: all but the image."""
        import numpy as np

        width, height = self.inner
        return np.pad(np.zeros((height, width), dtype=bool), self._around(), constant_values=True)

    def spread(self, image: "Image.Image") -> "Image.Image":
        """Lay the image on the canvas, and continue the pixels of its edges outwards."""
        import numpy as np
        from PIL import Image

        assert image.mode == "RGB"
        assert image.size == self.inner
        return Image.fromarray(np.pad(np.asarray(image), (*self._around(), (0, 0)), mode="edge"))

    def _around(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the rows above and below, and the columns to the left and right."""
        (x, y), (width, height), (inner_width, inner_height) = self.at, self.size, self.inner
        return (y, height - y - inner_height), (x, width - x - inner_width)


def canvas_of_margins(inner: Size, margins: Margins) -> Canvas:
    """Lay an image on a canvas with margins.

    Raises:
        RegionError: a margin is negative, or all are 0.
    """
    sides = (margins.left, margins.top, margins.right, margins.bottom)
    if min(sides) < 0 or not any(sides):
        what = f"the margins are {sides}: expected none below 0, and one above"
        raise RegionError(what, hint="A margin is how many pixels are made on that side of the image.")
    size = inner[0] + margins.left + margins.right, inner[1] + margins.top + margins.bottom
    return Canvas(size, inner, (margins.left, margins.top))


def canvas_of_size(inner: Size, size: Size, anchor: Anchor = Anchor.CENTER) -> Canvas:
    """Lay an image on a canvas of a given size. An odd pixel goes to the right, or below.

    Raises:
        RegionError: the canvas is not larger than the image, or smaller in one direction.
    """
    free = size[0] - inner[0], size[1] - inner[1]
    if min(free) < 0 or not any(free):
        what = f"a canvas of {size[0]} x {size[1]} pixels has no room around an image of {inner[0]} x {inner[1]}"
        raise RegionError(what, hint="Give a size that is larger in one direction, and smaller in none.")
    x = 0 if "left" in anchor else free[0] if "right" in anchor else free[0] // 2
    y = 0 if "top" in anchor else free[1] if "bottom" in anchor else free[1] // 2
    return Canvas(size, inner, (x, y))
