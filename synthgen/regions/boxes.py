"""Boxes in pixels, and the forms in which datasets write them. Without numpy, for code that only reads specs."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from synthgen.regions.error import RegionError

Size = tuple[int, int]
"""Width and height in pixels."""

_MOST_FIT = 0.9
_SMALLEST, _SLACK = 0.0, 1.0
"""So many pixels may a box reach over the image: annotators round."""


class Convention(StrEnum):
    """What the four numbers of a box are."""

    XYXY = "xyxy"
    """Left, top, right, bottom."""
    XYWH = "xywh"
    """Left, top, width, height: COCO's."""
    CXCYWH = "cxcywh"
    """The centre's x and y, width, height: YOLO's."""


@dataclass(frozen=True, slots=True)
class BoxForm:
    """How boxes are written.

    Attributes:
        relative: as shares of the image's width and height, and not in pixels.
    """

    convention: Convention = Convention.XYXY
    relative: bool = False

    def __str__(self) -> str:
        return f"{self.convention} in {'shares of the image' if self.relative else 'pixels'}"


FORMS = tuple(BoxForm(convention, relative) for relative in (False, True) for convention in Convention)
"""Every form."""


@dataclass(frozen=True, slots=True)
class PixelBox:
    """A box in pixels. Right and bottom are exclusive: a box of one pixel is (x, y, x + 1, y + 1)."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    def moved(self, by: tuple[float, float]) -> "PixelBox":
        """Move it right and down."""
        x, y = by
        return PixelBox(self.left + x, self.top + y, self.right + x, self.bottom + y)

    def clipped(self, size: Size) -> "PixelBox | None":
        """Cut off what is outside an image of this size; None if less than a pixel is left."""
        found = _clipped(self, size)
        return found if min(found.width, found.height) >= 1 else None

    def padded(self, by: float) -> "PixelBox":
        """Move every side outwards, perhaps over the edge of the image."""
        return PixelBox(self.left - by, self.top - by, self.right + by, self.bottom + by)


def read_box(numbers: Sequence[float], size: Size, form: BoxForm) -> PixelBox:
    """Read a box that is written in `form`. What reaches over the image by at most a pixel is cut off.

    Raises:
        RegionError: it does not consist of four numbers, has no area, or is outside the image; the message names the
            forms in which it would fit.
    """
    four = _checked(numbers)
    if (why := _misfit(four, size, form)) is None:
        return _clipped(_pixels(four, size, form), size)
    fitting = [str(other) for other in FORMS if _misfit(four, size, other) is None]
    hint = f"It would fit as {' or as '.join(fitting)}." if fitting else "Correct it, or leave the image out."
    raise RegionError(f"the box {_shown(four)}, read as {form}, {why}", hint=hint)


def pixel_box(numbers: object, size: Size) -> PixelBox:
    """Read a box of a dataset: left, top, right and bottom, in pixels. It may be smaller than a pixel.

    What reaches over the image by at most a pixel is cut off.

    Raises:
        RegionError: it does not consist of four numbers, has no area, or is outside the image.
    """
    four = _checked(numbers)
    why = _misfit(four, size, BoxForm(), _SMALLEST)
    if why is not None:
        hint = "Boxes of datasets are left, top, right and bottom, in pixels: correct it, or leave the image out."
        raise RegionError(f"the box {_shown(four)} {why}", hint=hint)
    return _clipped(_pixels(four, size, BoxForm()), size)


def find_form(boxes: Iterable[tuple[Sequence[float], Size]]) -> BoxForm:
    """Find the one form in which boxes fit their images: the one that fits most of them, and nine in ten at least.

    Args:
        boxes: each with the size of its image. The more there are, the clearer the form is.

    Raises:
        RegionError: there is no box; no form fits most of them; or several fit as many, so that it is unclear which one
            is meant.
    """
    fitting, total, example = Counter[BoxForm](), 0, None
    for numbers, size in boxes:
        total, example = total + 1, numbers if example is None else example
        fitting.update(form for form in FORMS if _fits(numbers, size, form))
    if example is None:
        raise RegionError("there is no box", hint="Name a column that has boxes.")

    most = max(fitting.values(), default=0)
    if most < total * _MOST_FIT:
        found = ", ".join(f"{count:,} as {form}" for form, count in fitting.most_common()) or "none in any form"
        what = (
            f"boxes such as {_shown(example)} are written in no form that fits most of them: of {total:,}, {found} fit"
        )
        raise RegionError(what, hint=f"The forms are {', '.join(map(str, FORMS))}.")
    best = [form for form in FORMS if fitting[form] == most]
    if len(best) > 1:
        what = f"it is unclear how boxes such as {_shown(example)} are written: as {' or as '.join(map(str, best))}"
        raise RegionError(what, hint="Say which one it is.")
    return best[0]


def _fits(numbers: Sequence[float], size: Size, form: BoxForm) -> bool:
    try:
        return _misfit(_checked(numbers), size, form) is None
    except RegionError:
        return False


def _checked(numbers: object) -> Sequence[float]:
    try:
        found = [float(number) for number in numbers]  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        found = []
    if len(found) != 4 or not all(map(math.isfinite, found)):
        raise RegionError(f"{numbers!r} is not a box", hint="A box has four numbers.")
    return found


def _misfit(numbers: Sequence[float], size: Size, form: BoxForm, smallest: float = _SLACK) -> str | None:
    """Say why a box cannot be one of an image of this size in this form; None if it can."""
    box = _pixels(numbers, size, form)
    inside = _clipped(box, size)
    if box.width <= 0 or box.height <= 0 or (not form.relative and min(box.width, box.height) < smallest):
        return "has no area" if min(box.width, box.height) <= 0 else "is smaller than a pixel"
    if inside.width <= 0 or inside.height <= 0:
        return "is outside its image"
    over = max(inside.left - box.left, inside.top - box.top, box.right - inside.right, box.bottom - inside.bottom)
    return f"reaches over its image of {size[0]} x {size[1]} pixels" if over > _SLACK else None


def _pixels(numbers: Sequence[float], size: Size, form: BoxForm) -> PixelBox:
    width, height = size if form.relative else (1, 1)
    a, b, c, d = numbers[0] * width, numbers[1] * height, numbers[2] * width, numbers[3] * height
    match form.convention:
        case Convention.XYXY:
            return PixelBox(a, b, c, d)
        case Convention.XYWH:
            return PixelBox(a, b, a + c, b + d)
        case Convention.CXCYWH:
            return PixelBox(a - c / 2, b - d / 2, a + c / 2, b + d / 2)


def _clipped(box: PixelBox, size: Size) -> PixelBox:
    width, height = size
    return PixelBox(max(box.left, 0), max(box.top, 0), min(box.right, width), min(box.bottom, height))


def _shown(numbers: object) -> str:
    try:
        return f"({', '.join(f'{number:g}' for number in _checked(numbers))})"
    except RegionError:
        return repr(numbers)
