"""From encoded images to pictures, and to thumbnails small enough for a page."""

import io

from PIL import Image

from synthgen import images
from synthgen.images import LeftOut

THUMBNAIL = 128


def decode(data: bytes | LeftOut | None) -> Image.Image | None:
    """Decode an image to an upright RGB picture; None if there is none or it cannot be opened."""
    if data is None or isinstance(data, LeftOut):
        return None
    found = images.decode(data)
    return None if isinstance(found, LeftOut) else found.image


def thumbnail(data: bytes | LeftOut | None, side: int = THUMBNAIL) -> bytes | None:
    """Make a small JPEG; None if there is no picture."""
    picture = decode(data)
    if picture is None:
        return None
    picture.thumbnail((side, side), reducing_gap=2.0)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
