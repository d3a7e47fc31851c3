"""Masks as annotations write them: outlines, and the run lengths of COCO."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from synthgen.regions.boxes import Size
from synthgen.regions.error import RegionError
from synthgen.regions.masks import Mask

_ORIENTATION = 0x0112
_HINT = "Expected outlines of three or more points, or run lengths that cover the picture, as in COCO."


def mask_of_outlines(outlines: Sequence[object], size: Size) -> Mask:
    """Draw a mask of one or more outlines, each of which is x, y, x, y, .. in pixels, as COCO's own tools draw it.

    Raises:
        RegionError: one of them is not an outline.
    """
    from pycocotools import mask as run_lengths

    width, height = size
    polygons = []
    for outline in outlines:
        try:
            points = np.asarray(outline, np.float64).reshape(-1, 2)
        except (TypeError, ValueError):
            raise RegionError("a mask is written in no known form", hint=_HINT) from None
        if len(points) < 3 or not np.isfinite(points).all():
            raise RegionError(f"an outline has {len(points)} points", hint=_HINT)
        # The tool's memory grows with the length of a line, which may claim to be of any.
        polygons.append(np.clip(points, 0, (width, height)).ravel().tolist())
    if not polygons:
        raise RegionError("a mask has no outline", hint=_HINT)
    drawn = run_lengths.merge(run_lengths.frPyObjects(polygons, height, width))
    return mask_of_run_lengths({"size": [height, width], "counts": drawn["counts"].decode()}, size)


def mask_of_run_lengths(written: Mapping[str, object], size: Size) -> Mask:
    """Read run lengths: `size`, which is height and width, and `counts`, as numbers or as COCO's text of them.

    Raises:
        RegionError: they are of a picture of another size, or cannot be read.
    """
    width, height = size
    if written.get("size") != [height, width]:
        what = f"a mask has the size {written.get('size')!r:.40}, and its picture {[height, width]}"
        raise RegionError(what, hint="Expected the height and the width of the picture as it is seen, upright.")
    counts = written.get("counts")
    try:
        runs = _of_text(counts) if isinstance(counts, str) else np.asarray(counts, np.int64)
    except (TypeError, ValueError, OverflowError, IndexError):
        raise RegionError("the run lengths of a mask cannot be read", hint=_HINT) from None
    if runs.ndim != 1 or (runs < 0).any() or (runs > width * height).any() or runs.sum() != width * height:
        raise RegionError("the run lengths of a mask do not cover its picture", hint=_HINT)
    pixels = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return np.ascontiguousarray(pixels.reshape(width, height).T)


def png_of(mask: Mask, *, says_upright: bool = False) -> bytes:
    """Encode a mask: white where the region is.

    Args:
        says_upright: say in its EXIF that it is upright, as its picture is seen and perhaps not stored.
    """
    file = io.BytesIO()
    exif = Image.Exif()
    if says_upright:
        exif[_ORIENTATION] = 1
    Image.fromarray(np.where(mask, np.uint8(255), np.uint8(0))).save(file, "PNG", exif=exif)
    return file.getvalue()


def _of_text(text: str) -> NDArray[np.int64]:
    """Decode COCO's text: five bits a sign, the lowest first; later runs as differences to the last but one."""
    runs: list[int] = []
    value = bits = 0
    for sign in text.encode("ascii"):
        code = sign - 48
        if not 0 <= code < 64 or bits > 60:
            raise ValueError
        value |= (code & 31) << bits
        bits += 5
        if code & 32:
            continue
        if code & 16:
            value -= 1 << bits
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = bits = 0
    if bits:
        raise ValueError
    return np.asarray(runs, np.int64)
