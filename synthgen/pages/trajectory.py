"""The way from noise to images: a strip of frames for each image, as one PNG and as a page."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.pages.page import data_uri, environment, short, write_page

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_SIDE, _LEAST = 256, 96
"""The longer side of a frame in the strip is at most and at least this many pixels."""
_GAP, _LINE, _MARGIN = 8, 16, 16
_INK, _SOFT, _PAPER, _BLANK = "#1d1f23", "#63676f", "#ffffff", "#e9e7e1"


@dataclass(frozen=True, slots=True)
class FrameLook:
    """A frame as it is shown.

    Attributes:
        title: such as "step 5".
        details: shorter lines below it.
        png: None where there is no picture.
    """

    title: str
    details: tuple[str, ...]
    png: bytes | None

    @property
    def uri(self) -> str | None:
        return data_uri(self.png)


@dataclass(frozen=True, slots=True)
class TrajectoryLook:
    """The frames of one image, from noise to the image itself."""

    id: str
    class_name: str
    prompt: str
    seed: int
    frames: tuple[FrameLook, ...]


def write_trajectories(
    path: Path, title: str, facts: Mapping[str, str], rows: Sequence[TrajectoryLook], strip: str
) -> None:
    """Write the page.

    Args:
        strip: the name of the PNG beside it.

    Raises:
        StorageError: `path` cannot be written.
    """
    template = environment("synthgen.pages").get_template("trajectory.html.j2")
    write_page(path, template.render(title=title, facts=facts, rows=rows, strip=strip))


def draw_strip(rows: Sequence[TrajectoryLook]) -> bytes:
    """Draw the frames of each image beside each other, one image below the other, as a PNG."""
    from PIL import Image, ImageDraw, ImageFont

    pictures = [[_picture(frame.png) for frame in row.frames] for row in rows]
    there = [picture for row in pictures for picture in row if picture is not None]
    wide, high = (max((size[axis] for size in (one.size for one in there)), default=_LEAST) for axis in (0, 1))
    lines = 1 + max((len(frame.details) for row in rows for frame in row.frames), default=0)
    row_height = _LINE + _GAP + high + 4 + lines * _LINE + _MARGIN
    columns = max(len(row.frames) for row in rows)
    canvas = Image.new(
        "RGB", (2 * _MARGIN + columns * (wide + _GAP) - _GAP, 2 * _MARGIN + len(rows) * row_height), _PAPER
    )
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(12)

    for number, (row, of_row) in enumerate(zip(rows, pictures, strict=True)):
        top = _MARGIN + number * row_height
        room = int((canvas.width - 2 * _MARGIN) / 6.5)
        draw.text((_MARGIN, top), short(f"{row.id}  seed {row.seed}  {row.prompt}", room), _INK, font)
        for place, (frame, picture) in enumerate(zip(row.frames, of_row, strict=True)):
            left, below = _MARGIN + place * (wide + _GAP), top + _LINE + _GAP
            if picture is None:
                draw.rectangle((left, below, left + wide - 1, below + high - 1), _BLANK)
                draw.text((left + 6, below + 6), "no picture", _SOFT, font)
            else:
                canvas.paste(picture, (left, below))
            for line, text in enumerate((frame.title, *frame.details)):
                draw.text((left, below + high + 4 + line * _LINE), text, _SOFT if line else _INK, font)
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG")
    return buffer.getvalue()


def _picture(png: bytes | None) -> Picture | None:
    """Decode a frame at the size that the strip shows it in."""
    from PIL import Image

    if png is None:
        return None
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    longest = max(picture.size)
    scale = min(_SIDE / longest, 1.0) if longest > _LEAST else -(-_LEAST // longest)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS)
