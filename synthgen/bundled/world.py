"""The world that the bundled models know: flat-coloured cartoon portraits, 64 x 64 pixels.

Everything about a picture is known: who is in it, where the head and the body are, which pixels are
the person. That is what makes honest measurement possible, of models and of judges.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SIZE = 64
MEDALLION = (6, 2, 58, 54)
"""The box of the disc behind a portrait of that style, in pixels: left, top, right, bottom."""
_DRAWN_AT = 4  # drawn this many times larger, then reduced: smooth edges without an anti-aliasing drawer

_VOCABULARY = json.loads(Path(__file__).with_name("vocabulary.json").read_text("utf-8"))
OCCUPATIONS: tuple[str, ...] = tuple(_VOCABULARY["occupations"])
SKINS: tuple[str, ...] = tuple(_VOCABULARY["skins"])
HAIR_LENGTHS: tuple[str, ...] = tuple(_VOCABULARY["hair_lengths"])
HAIR_COLORS: tuple[str, ...] = tuple(_VOCABULARY["hair_colors"])
BACKGROUNDS: tuple[str, ...] = tuple(_VOCABULARY["backgrounds"])

Color = tuple[int, int, int]
Box = tuple[int, int, int, int]

_SKIN_COLORS: dict[str, Color] = {"light": (250, 214, 184), "medium": (205, 147, 100), "dark": (108, 66, 42)}
_HAIR_RGB: dict[str, Color] = {
    "black": (34, 26, 30),
    "brown": (124, 74, 38),
    "blond": (236, 200, 92),
    "red": (198, 78, 34),
}
_BACKGROUND_RGB: dict[str, Color] = {
    "blue": (148, 190, 238),
    "green": (160, 216, 158),
    "pink": (250, 188, 208),
    "yellow": (252, 226, 146),
    "gray": (200, 200, 208),
}
_CLOTHES_RGB: dict[str, Color] = {
    "doctor": (246, 246, 250),
    "nurse": (66, 178, 176),
    "chef": (252, 250, 248),
    "builder": (248, 134, 30),
    "farmer": (62, 98, 176),
    "police officer": (34, 46, 100),
}


@dataclass(frozen=True, slots=True)
class Person:
    """What a picture shows. `hair_color` is None for a bald head."""

    occupation: str
    skin: str
    hair_length: str
    hair_color: str | None
    glasses: bool
    background: str


@dataclass(frozen=True, slots=True)
class Scene:
    """A rendered person with its ground truth.

    Attributes:
        image: RGB, 64 x 64.
        box: the person's bounding box in pixels: left, top, right, bottom (exclusive).
        head: the head's bounding box, hat and hair included.
        mask: bool array [64, 64], true where the person is.
    """

    person: Person
    image: Image.Image
    box: Box
    head: Box
    mask: NDArray[np.bool_]


def render(person: Person, rng: Random, *, medallion: bool = False) -> Scene:
    """Draw `person` with small variations of place, size and colour taken from `rng`.

    Args:
        medallion: whether there is a disc behind the person, as `bundled:medallion` draws it: yellow, on yellow blue.
    """
    pen = _Pen(person, rng)
    if medallion:
        pen.draw_medallion()
    pen.draw_hair_behind()
    pen.draw_body()
    pen.draw_head()
    pen.draw_hair_before()
    pen.draw_face()
    pen.draw_hat()
    head, body = _reduced(pen.head), _reduced(pen.body)
    mask = head | body
    return Scene(person, pen.image.resize((SIZE, SIZE), Image.Resampling.LANCZOS), _box(mask), _box(head), mask)


def _reduced(mask: Image.Image) -> NDArray[np.bool_]:
    return np.asarray(mask.resize((SIZE, SIZE), Image.Resampling.BOX)) >= 128


def _box(mask: NDArray[np.bool_]) -> Box:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


class _Pen:
    """Draws shapes on the picture and on the head's or the body's mask together, in final pixels."""

    def __init__(self, person: Person, rng: Random) -> None:
        def varied(color: Color, by: int) -> Color:
            light = rng.uniform(-by, by)
            r, g, b = (max(0, min(255, round(c + light + rng.uniform(-by, by) / 2))) for c in color)
            return r, g, b

        self.person = person
        self.background = varied(_BACKGROUND_RGB[person.background], 8)
        self.skin = varied(_SKIN_COLORS[person.skin], 9)
        self.hair = varied(_HAIR_RGB[person.hair_color or "black"], 9)
        self.clothes = varied(_CLOTHES_RGB[person.occupation], 6)
        self.size = rng.uniform(0.92, 1.08)
        self.x, self.y = 32 + rng.uniform(-3.0, 3.0), 31 + rng.uniform(-2.0, 2.0)
        self.width = rng.uniform(0.94, 1.06)  # of the head
        self.smile = rng.uniform(0.6, 1.2)
        side = SIZE * _DRAWN_AT
        self.image = Image.new("RGB", (side, side), self.background)
        self.head, self.body = Image.new("L", (side, side), 0), Image.new("L", (side, side), 0)
        self._draw = ImageDraw.Draw(self.image)
        self._onto(self.head)

    def _onto(self, mask: Image.Image) -> None:
        """Add everything drawn from now on to `mask`."""
        self._draw_mask = ImageDraw.Draw(mask)

    # Shapes: coordinates are relative to the face's centre, in final pixels at size 1.

    def _at(self, *points: tuple[float, float]) -> list[tuple[float, float]]:
        s = self.size * _DRAWN_AT
        return [(self.x * _DRAWN_AT + px * s, self.y * _DRAWN_AT + py * s) for px, py in points]

    def ellipse(self, x0: float, y0: float, x1: float, y1: float, fill: Color) -> None:
        box = self._at((x0, y0), (x1, y1))
        self._draw.ellipse(box, fill=fill)
        self._draw_mask.ellipse(box, fill=255)

    def slab(self, x0: float, y0: float, x1: float, y1: float, fill: Color, radius: float = 0) -> None:
        box, r = self._at((x0, y0), (x1, y1)), radius * self.size * _DRAWN_AT
        self._draw.rounded_rectangle(box, r, fill=fill)
        self._draw_mask.rounded_rectangle(box, r, fill=255)

    def pie(self, x0: float, y0: float, x1: float, y1: float, start: float, end: float, fill: Color) -> None:
        box = self._at((x0, y0), (x1, y1))
        self._draw.pieslice(box, start, end, fill=fill)
        self._draw_mask.pieslice(box, start, end, fill=255)

    def line(self, *points: tuple[float, float], fill: Color, width: float) -> None:
        self._draw.line(self._at(*points), fill, max(1, round(width * self.size * _DRAWN_AT)), joint="curve")

    def arc(
        self, x0: float, y0: float, x1: float, y1: float, start: float, end: float, fill: Color, width: float
    ) -> None:
        pixels = max(1, round(width * self.size * _DRAWN_AT))
        self._draw.arc(self._at((x0, y0), (x1, y1)), start, end, fill, pixels)

    # The parts of a picture, from the back to the front.

    def draw_medallion(self) -> None:
        left, top, right, bottom = MEDALLION
        color = _BACKGROUND_RGB["blue" if self.person.background == "yellow" else "yellow"]
        self._draw.ellipse([side * _DRAWN_AT for side in (left, top, right, bottom)], fill=color)

    def draw_hair_behind(self) -> None:
        if self.person.hair_length == "long":
            self.slab(-16.5 * self.width, -16, 16.5 * self.width, 19, self.hair, radius=11)

    def draw_body(self) -> None:
        self._onto(self.body)
        occupation, clothes = self.person.occupation, self.clothes
        shade: Color = (max(0, self.skin[0] - 22), max(0, self.skin[1] - 20), max(0, self.skin[2] - 18))
        self.slab(-21, 19, 21, 60, clothes, radius=9)
        self.slab(-4.5, 10, 4.5, 22, shade, radius=3)  # the neck

        match occupation:
            case "doctor":
                self.line((-6, 19), (0, 28), (6, 19), fill=(60, 70, 92), width=2.0)
                self.ellipse(-2.2, 27, 2.2, 31.4, (60, 70, 92))
            case "nurse":
                self.slab(8, 24, 16, 26.6, (255, 255, 255))
                self.slab(10.7, 21.3, 13.3, 29.3, (255, 255, 255))
            case "chef":
                self.slab(-7, 18.5, 7, 22.5, (222, 60, 52), radius=2)
                for y in (25, 30):
                    for x in (-4.5, 4.5):
                        self.ellipse(x - 1.4, y - 1.4, x + 1.4, y + 1.4, (120, 120, 130))
            case "builder":
                self.slab(-21, 25, 21, 29, (252, 238, 130))
            case "farmer":
                self.slab(-13, 19, -8, 60, (206, 56, 46))
                self.slab(8, 19, 13, 60, (206, 56, 46))
            case "police officer":
                self.line((0, 21), (0, 60), fill=(86, 98, 150), width=1.6)
                self.ellipse(7.4, 22.4, 14, 29, (252, 204, 60))

    def draw_head(self) -> None:
        self._onto(self.head)
        w = 12.5 * self.width
        self.ellipse(-w - 2.4, -2.5, -w + 2.4, 4, self.skin)
        self.ellipse(w - 2.4, -2.5, w + 2.4, 4, self.skin)
        self.ellipse(-w, -14.5, w, 14.5, self.skin)

    def draw_hair_before(self) -> None:
        w = 12.5 * self.width
        if self.person.hair_length == "short":
            self.pie(-w - 1.2, -17, w + 1.2, 9, 180, 360, self.hair)
            self.slab(-w - 1.2, -5, -w + 2.4, 0.5, self.hair, radius=1)
            self.slab(w - 2.4, -5, w + 1.2, 0.5, self.hair, radius=1)
        elif self.person.hair_length == "long":
            self.pie(-w - 2.5, -17.5, w + 2.5, 7, 180, 360, self.hair)
            self.slab(-w - 3.5, -7, -w + 2.6, 17, self.hair, radius=3)
            self.slab(w - 2.6, -7, w + 3.5, 17, self.hair, radius=3)

    def draw_face(self) -> None:
        ink: Color = (26, 20, 24)
        for x in (-5.2, 5.2):
            self.ellipse(x - 2.3, -2.2, x + 2.3, 3.0, (255, 255, 255))
            self.ellipse(x - 1.5, -1.0, x + 1.5, 2.4, ink)
        if self.person.glasses:
            for x in (-5.2, 5.2):
                self.arc(x - 4.4, -4.0, x + 4.4, 4.8, 0, 360, ink, 1.3)
            self.line((-1.2, 0), (1.2, 0), fill=ink, width=1.3)
        lip: Color = (176, 52, 58)
        self.arc(-4.6, 7.4 - 4 * self.smile, 4.6, 7.4 + 3 * self.smile, 20, 160, lip, 1.8)

    def draw_hat(self) -> None:
        match self.person.occupation:
            case "chef":
                white: Color = (252, 252, 250)
                for x in (-7.5, 0, 7.5):
                    self.ellipse(x - 6.2, -30, x + 6.2, -18, white)
                self.slab(-10.5, -23, 10.5, -10.5, white, radius=1.5)
                self.line((-10.5, -11.5), (10.5, -11.5), fill=(196, 196, 204), width=1.4)
            case "builder":
                self.pie(-14.5, -22, 14.5, 6, 180, 360, (252, 206, 40))
                self.slab(-17.5, -9.5, 17.5, -6.5, (236, 178, 20), radius=1.5)
                self.slab(-1.8, -22.5, 1.8, -9, (236, 178, 20), radius=1)
            case "farmer":
                straw: Color = (222, 186, 106)
                self.slab(-9.5, -21, 9.5, -9, straw, radius=5)
                self.ellipse(-20, -12.5, 20, -6, straw)
                self.slab(-9.5, -13.5, 9.5, -10.6, (164, 108, 56), radius=0.8)
            case "police officer":
                navy: Color = (30, 42, 92)
                self.slab(-14.5, -20.5, 14.5, -11, navy, radius=4)
                self.slab(-13, -12, 13, -7.8, (16, 20, 44), radius=2)
                self.ellipse(-2.8, -18.6, 2.8, -13, (252, 204, 60))
