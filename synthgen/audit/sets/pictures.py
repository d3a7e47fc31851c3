"""Bytes -> pictures, and pictures small enough for a page."""

import io
import warnings

from PIL import Image, ImageOps

THUMBNAIL = 128


def decode(data: bytes | None) -> Image.Image | None:
    """An RGB picture, upright; None where the bytes are none that can be opened."""
    if not data:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata, and of large pictures; the too large raise
            with Image.open(io.BytesIO(data)) as image:
                upright = ImageOps.exif_transpose(image)
                return upright.convert("RGB")
    except (OSError, SyntaxError, ValueError, TypeError, EOFError, Image.DecompressionBombError):
        return None  # what Pillow raises on damaged files, by format


def thumbnail(data: bytes | None, side: int = THUMBNAIL) -> bytes | None:
    """A small JPEG; None where the bytes are no picture."""
    picture = decode(data)
    if picture is None:
        return None
    picture.thumbnail((side, side), reducing_gap=2.0)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
