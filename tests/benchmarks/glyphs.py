"""Whether synthetic letters help on fonts that nobody has pictures of: `python -m tests.benchmarks.glyphs`.

Ten letters are the classes, at 16 x 16 pixels, a little turned and shifted. A few families of fonts for print are what
one has: of each, there is one picture of each letter. Fonts that look drawn or written are held out for the test, a
shift of domain. What one might still find are the same letters of other fonts for print. The second generator was
trained on the sixteen other letters of all fonts for print, and is then tuned on the few.

Fonts for print are divided by series, that is families whose names begin with the same word. There must be 30 families
for print and 20 of `DRAWN`. Debian's packages below have them; what is missing is named. Fonts may be in another folder
(`--fonts`), such as one that `dpkg -x` unpacked them into.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tests.benchmarks.generated_arms import Effort, Material, run
from tests.benchmarks.small_generator import SIDE, Labelled

LETTERS, OTHERS = "abdefghkmr", "cijlnopqstuvwxyz"
FEWEST_PRINTED, FEWEST_DRAWN = 30, 20
"""Families."""
NO_LETTERS = ("D050000L", "Standard Symbols PS", "Linux Biolinum Keyboard O")
"""Families that draw ornaments, Greek or keys in place of letters."""
DRAWN = (
    "Balker", "Breip", "Caliban", "Comic Neue", "Dancing Script", "Delphine", "DkgHandwriting", "Domestic Manners",
    "Ecolier_court", "El Abogado Loco", "Essays1743", "Humor Sans", "Isabella", "It wasn't me", "Junkyard",
    "Kaushan Script", "Kristi", "Leckerli One", "Lobster Two", "Marked Fool", "Penguin Attack", "Rufscript", "StayPuft",
    "Steve", "Tomson Talks", "Wargames", "Winks", "Z003", "femkeklaver", "flatline", "progenisis",
)  # fmt: skip
"""Families that look drawn or written."""
PACKAGES = (
    "fonts-adf-accanthis fonts-adf-gillius fonts-adf-baskervald fonts-averia-sans-gwf fonts-averia-serif-gwf "
    "fonts-breip fonts-cabin fonts-cantarell fonts-comfortaa fonts-comic-neue fonts-crosextra-caladea "
    "fonts-crosextra-carlito fonts-dancingscript fonts-dkg-handwriting fonts-dosis fonts-dustin fonts-ebgaramond "
    "fonts-ecolier-court fonts-essays1743 fonts-fantasque-sans fonts-femkeklaver fonts-firacode fonts-freefont-ttf "
    "fonts-georgewilliams fonts-gfs-didot fonts-go fonts-hack-ttf fonts-humor-sans fonts-inconsolata fonts-isabella "
    "fonts-junicode fonts-jura fonts-karla fonts-kaushanscript fonts-kristi fonts-lato fonts-leckerli-one "
    "fonts-linuxlibertine fonts-lobster fonts-lobstertwo fonts-oldstandard fonts-open-sans fonts-paratype fonts-play "
    "fonts-quattrocento fonts-quicksand fonts-roboto-slab fonts-rufscript fonts-sil-andika fonts-sil-charis "
    "fonts-sil-gentiumplus fonts-sjfonts fonts-staypuft fonts-tomsontalks fonts-tuffy fonts-urw-base35 fonts-vollkorn "
    "fonts-yanone-kaffeesatz"
)
_LARGE, _INSIDE = 96, 13
_TURNED, _SHIFTED = 10, 1


def families(folders: Sequence[Path]) -> dict[str, Path]:
    """Return one font of each family that has all letters, the plainest, by name of the family."""
    found: dict[str, tuple[tuple[bool, int, str], Path]] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() not in (".ttf", ".otf"):
                continue
            try:
                family, style = ImageFont.truetype(path, _LARGE).getname()
            except OSError:  # what calls itself a font and is none
                continue
            if family is None or family in NO_LETTERS or not _is_latin(path):
                continue
            plain = (style not in ("Regular", "Book", "Roman", "Medium"), len(path.name), path.name)
            if family not in found or plain < found[family][0]:
                found[family] = plain, path
    return {family: path for family, (_, path) in sorted(found.items())}


def series(family: str) -> str:
    """Return the first word of a family's name: what is drawn alike mostly begins alike."""
    return family.split(maxsplit=1)[0]


def rendered(fonts: dict[str, Path], letters: str, seed: int) -> Labelled:
    """Draw a picture of each letter in each font, white on black, the series as its kin."""
    rng = np.random.default_rng(seed)
    pictures, labels, kin = [], [], []
    for family, path in fonts.items():
        font = ImageFont.truetype(path, _LARGE)
        for letter in letters:
            pictures.append(_picture(_glyph(font, letter), rng))
            labels.append(letter)
            kin.append(series(family))
    return Labelled(np.stack(pictures), tuple(labels), tuple(kin))


def check_fonts(printed: Sequence[str], drawn: Sequence[str]) -> None:
    """Check that there are families enough.

    Raises:
        SystemExit: there are not.
    """
    if len(printed) >= FEWEST_PRINTED and len(drawn) >= FEWEST_DRAWN:
        return
    missing = ", ".join(name for name in DRAWN if name not in drawn)
    raise SystemExit(
        f"{len(printed)} families of fonts for print, of {FEWEST_PRINTED} that are needed, and {len(drawn)} that look "
        f"drawn, of {FEWEST_DRAWN}. Of these, there is no {missing}. apt-get install {PACKAGES}"
    )


def main(
    each: Annotated[int, typer.Option(min=2, max=20, help="Families that one has: real pictures of each class.")] = 5,
    seeds: Annotated[int, typer.Option(min=5)] = 10,
    learner: Annotated[
        list[str] | None, typer.Option(help="As `synthgen evaluate` names it; by default probe.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=20, help="Of networks.")] = None,
    fonts: Annotated[list[Path] | None, typer.Option(help="Folders of fonts; by default those of the system.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of which families are the few.")] = 0,
    output: Annotated[Path | None, typer.Option(help="A new folder for pictures and evaluations.")] = None,
) -> None:
    """Print a table of arms for each generator."""
    found = families(fonts or [Path("/usr/share/fonts")])
    printed, drawn = [name for name in found if name not in DRAWN], [name for name in found if name in DRAWN]
    check_fonts(printed, drawn)
    named = np.random.default_rng(seed).permutation(sorted({series(family) for family in printed})).tolist()
    few = [next(family for family in printed if series(family) == name) for name in named[:each]]
    more = [family for family in printed if series(family) in named[each:]]

    def pictures(names: Sequence[str], letters: str = LETTERS) -> Labelled:
        return rendered({family: found[family] for family in names}, letters, seed)

    other = pictures(printed, OTHERS)
    material = Material("glyphs", pictures(few), pictures(drawn), pictures(more), other, "other letters")
    effort = Effort(drawn=max(40, 4 * each), seeds=seeds, learners=tuple(learner or ["probe"]), steps=steps)
    with TemporaryDirectory() as temporary:
        run(material, effort, output or Path(temporary))


def _is_latin(path: Path) -> bool:
    """Return whether a font draws all letters, each in another way."""
    font = ImageFont.truetype(path, _LARGE)
    return len({_glyph(font, letter).tobytes() for letter in LETTERS + OTHERS}) == len(LETTERS + OTHERS)


def _glyph(font: ImageFont.FreeTypeFont, letter: str) -> Image.Image:
    """Draw a letter as large as its font does, in a picture as large as the letter."""
    left, top, right, bottom = font.getbbox(letter)
    canvas = Image.new("L", (max(1, round(right - left)), max(1, round(bottom - top))))
    ImageDraw.Draw(canvas).text((-left, -top), letter, fill=255, font=font)
    return canvas


def _picture(glyph: Image.Image, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Turn a letter by up to 10 degrees, and put it at 13 x 13 pixels at most near the middle of 16 x 16."""
    turned = glyph.rotate(rng.uniform(-_TURNED, _TURNED), Image.Resampling.BICUBIC, expand=True)
    scale = _INSIDE / max(turned.size)
    small = turned.resize((max(1, round(turned.width * scale)), max(1, round(turned.height * scale))))
    picture = Image.new("L", (SIDE, SIDE))
    across, down = rng.integers(-_SHIFTED, _SHIFTED + 1, 2).tolist()
    picture.paste(small, ((SIDE - small.width) // 2 + across, (SIDE - small.height) // 2 + down))
    return np.asarray(picture)


if __name__ == "__main__":
    typer.run(main)
