"""Where a picture comes to lie on an image: which part of it, how large, and at which corner."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthgen.regions.boxes import PixelBox, Size
from synthgen.regions.canvas import Anchor, Canvas, Margins, canvas_of_size
from synthgen.regions.error import RegionError

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True, slots=True)
class Placement:
    """A part of a picture, scaled, on an image.

    Attributes:
        part: the part that is taken, in pixels of the picture.
        canvas: the image, with the scaled part on it.
    """

    part: tuple[float, float, float, float]
    canvas: Canvas

    def scaled(self, picture: "Image.Image") -> "Image.Image":
        """Take the part, and scale it. One of that size stays as it is.

        Masks, of mode L, keep to black and white: a pixel of theirs is that of the nearest place.
        """
        from PIL.Image import Resampling

        width, height = self.canvas.inner
        if picture.size == (width, height) and self.part == (0.0, 0.0, float(width), float(height)):
            return picture
        method = Resampling.NEAREST if picture.mode == "L" else Resampling.LANCZOS
        return picture.resize(self.canvas.inner, method, box=self.part)

    def boxes(self, boxes: tuple[PixelBox, ...]) -> tuple[PixelBox, ...]:
        """Return boxes of the picture as those of the image, without what was cut off."""
        left, top, right, bottom = self.part
        inner = self.canvas.inner
        x, y = inner[0] / (right - left), inner[1] / (bottom - top)
        moved = (
            PixelBox((box.left - left) * x, (box.top - top) * y, (box.right - left) * x, (box.bottom - top) * y)
            for box in boxes
        )
        kept = (cut for box in moved if (cut := box.clipped(inner)) is not None)
        return tuple(self.canvas.move(box) for box in kept)


def covering(picture: Size, size: Size) -> Placement:
    """Scale a picture until it covers an image, and cut off evenly what stands out."""
    width, height = picture
    ratio = size[0] / size[1]
    if width / height > ratio:
        kept = ratio * height, float(height)
    elif width / height < ratio:
        kept = float(width), width / ratio
    else:
        kept = float(width), float(height)
    left, top = (width - kept[0]) / 2, (height - kept[1]) / 2
    return Placement((left, top, left + kept[0], top + kept[1]), Canvas(size, size, (0, 0)))


def fitting(picture: Size, size: Size, margins: Margins, anchor: Anchor = Anchor.CENTER) -> Placement:
    """Scale a picture until it just fits whole into what margins leave of an image.

    Raises:
        RegionError: the margins leave no room, or the picture fills the image, so that nothing is new.
    """
    room = size[0] - margins.left - margins.right, size[1] - margins.top - margins.bottom
    if min(room) < 1:
        what = f"the margins leave no room for a picture on an image of {size[0]} x {size[1]} pixels"
        raise RegionError(what, hint="Make them smaller, or the image larger.")
    by = min(room[0] / picture[0], room[1] / picture[1])
    inner = max(round(picture[0] * by), 1), max(round(picture[1] * by), 1)
    at = (0, 0) if inner == room else canvas_of_size(inner, room, anchor).at
    if inner == size:
        what = f"a picture of {picture[0]} x {picture[1]} pixels fills the image of {size[0]} x {size[1]}"
        raise RegionError(what, hint="Give it margins, a smaller scale, or an image of another shape.")
    canvas = Canvas(size, inner, (at[0] + margins.left, at[1] + margins.top))
    return Placement((0, 0, *picture), canvas)


def shrunk(picture: Size, size: Size, scale: float, anchor: Anchor = Anchor.CENTER) -> Placement:
    """Scale a picture until it just fits whole into a share of the width and height of an image, and anchor it there.

    Raises:
        RegionError: the picture fills the image, so that nothing is new.
    """
    room = max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)
    at = canvas_of_size(room, size, anchor).at if room != size else (0, 0)
    margins = Margins(at[0], at[1], size[0] - room[0] - at[0], size[1] - room[1] - at[1])
    return fitting(picture, size, margins, anchor)
