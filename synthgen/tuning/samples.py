"""Pictures for people: what the tuned model draws, in strips, and how near that is to the training images."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from synthgen.files import write_file

_STRIP, _SIDE, _GAP = 8, 256, 4


def strip_prompts(prompts: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the prompts of a strip: the first of each class, of a few classes; of few classes, several times."""
    firsts = [texts[0] for texts in prompts.values()][:_STRIP]
    return (firsts * (4 if len(firsts) < 4 else 1))[: max(4, len(firsts))]


def write_strip(path: Path, pictures: Sequence[Image.Image]) -> None:
    """Write pictures side by side as a PNG.

    Raises:
        StorageError: it cannot be written.
    """
    write_grid(path, [pictures])


def write_grid(path: Path, rows: Sequence[Sequence[Image.Image]]) -> None:
    """Write rows of pictures as a PNG, whole or not at all; all are squares, and come to one size.

    Raises:
        StorageError: it cannot be written.
    """
    side = min(_SIDE, max(64, *(picture.width for row in rows for picture in row)))
    step = side + _GAP
    sheet = Image.new("RGB", (step * max(map(len, rows)) - _GAP, step * len(rows) - _GAP), "white")
    for number, row in enumerate(rows):
        for place, picture in enumerate(row):
            sheet.paste(picture.resize((side, side)), (step * place, step * number))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    write_file(path, buffer.getvalue())


def square(picture: Image.Image, size: int) -> Image.Image:
    """Cut the middle square out of a picture, and bring it to a size."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.resize((size, size), Image.Resampling.LANCZOS, (left, top, left + side, top + side))
