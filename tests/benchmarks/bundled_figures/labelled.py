"""Does the reader read generated pictures as the eye does? 120 of them, labelled by looking at them.

    python -m tests.benchmarks.bundled_figures.labelled --sheets /tmp/sheets

draws them anew: `labelled.png` beside this file holds the pixels, and the sheets show them large and numbered.
Whoever draws them anew writes `labels.csv` anew: one row per picture, `unclear` where the eye cannot tell.
The labels that are here were given in one pass, from the sheets alone, without prompts or the reader's answers, by
the AI model that develops this project; no second pair of eyes has gone over them.
"""

import csv
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from synthgen.bundled.reader import ATTRIBUTES, Reader
from synthgen.bundled.world import SIZE
from tests.benchmarks.bundled_figures.measure import (
    QUICKSTART_GUIDANCE,
    Rate,
    bare_wishes,
    full_wishes,
    generator,
    rate,
    read_all,
    rendered,
)

PICTURES = Path(__file__).with_name("labelled.png")
LABELS = Path(__file__).with_name("labels.csv")
COUNT, COLUMNS = 120, 12
UNCLEAR = "unclear"


def pictures() -> Tensor:
    """uint8 [120, 3, 64, 64]."""
    sheet = torch.from_numpy(np.array(Image.open(PICTURES)))
    rows = sheet.reshape(COUNT // COLUMNS, SIZE, COLUMNS, SIZE, 3)
    return rows.permute(0, 2, 4, 1, 3).reshape(COUNT, 3, SIZE, SIZE)


def labels() -> list[dict[str, str]]:
    with LABELS.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def agreement(reader: Reader) -> dict[str, Rate]:
    """Share of the pictures, of those that are clear to the eye, in which the reader sees what the eye saw."""
    seen, read = labels(), read_all(reader, pictures())
    figures = {}
    for name in ATTRIBUTES:
        clear = [(a[name], b[name]) for a, b in zip(seen, read, strict=True) if a[name] not in (UNCLEAR, "")]
        figures[name] = rate(sum(a == b for a, b in clear), len(clear))
    return figures


def main(sheets: Annotated[Path, typer.Option(help="Folder for the large sheets to label from.")]) -> None:
    """Draw the 120 pictures anew: 90 of full prompts and 30 of bare ones, shuffled."""
    wishes = full_wishes(5) + bare_wishes(5)
    order = torch.randperm(COUNT, generator=torch.Generator().manual_seed(0)).tolist()
    images = rendered(generator(QUICKSTART_GUIDANCE, 20, "cpu"), [wishes[index] for index in order])
    rows = images.reshape(COUNT // COLUMNS, COLUMNS, 3, SIZE, SIZE).permute(0, 3, 1, 4, 2)
    Image.fromarray(rows.reshape(-1, COLUMNS * SIZE, 3).numpy()).save(PICTURES, optimize=True)
    sheets.mkdir(parents=True, exist_ok=True)
    font = ImageFont.load_default(20)
    across, down, side = 6, 4, 200
    for start in range(0, COUNT, across * down):
        sheet = Image.new("RGB", (across * side, down * (side + 24)), "white")
        for place in range(across * down):
            x, y = place % across * side, place // across * (side + 24)
            picture = Image.fromarray(images[start + place].permute(1, 2, 0).numpy())
            sheet.paste(picture.resize((side - 4, side - 4), Image.Resampling.BICUBIC), (x, y + 24))
            ImageDraw.Draw(sheet).text((x + 4, y), str(start + place), fill="black", font=font)
        sheet.save(sheets / f"{start:03}.png")


if __name__ == "__main__":
    typer.run(main)
