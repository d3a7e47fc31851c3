"""How the pictures of a dataset are encoded: as PNG, JPEG or WebP. Pure."""

import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import IO, Final, Literal

from PIL import Image

from synthgen.dataset.marking import hand_on
from synthgen.images import LeftOut, decode, decode_as_stored, format_of, is_upright

PictureFormat = Literal["png", "jpeg", "webp"]

JPEG_QUALITY: Final = 95
"""Of JPEG, if nobody says another: above it, files grow and pictures hardly change."""
ENDINGS: Final = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
SIGNATURES: Final[Mapping[PictureFormat, bytes]] = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff"}
"""What files of a format begin with, all in one place. WebP has its signature in two."""

_LOSSLESS_MODES: Final = {"png": {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"}, "webp": {"RGB", "RGBA"}}
"""The modes that a format keeps as they are. Others become RGB, as everywhere in synthgen."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How pictures are encoded.

    A picture that has the format already stays as it is, byte for byte, unless a quality is asked for.

    Attributes:
        format: None keeps every picture as it is.
        quality: from 1 to 100. None keeps every pixel of PNG and WebP, and is `JPEG_QUALITY` for JPEG.
    """

    format: PictureFormat | None = None
    quality: int | None = None

    def __str__(self) -> str:
        if self.format is None:
            return "as they were"
        if self.format == "jpeg":
            return f"jpeg, quality {self.quality or JPEG_QUALITY}, 4:4:4"
        return f"{self.format}, {'lossless' if self.quality is None else f'quality {self.quality}'}"

    def keeps(self, picture: bytes) -> bool:
        """Whether a picture stays as it is."""
        return self.format is None or (self.quality is None and known_format(picture) == self.format)


def known_format(picture: bytes) -> PictureFormat | None:
    """Tell by its first bytes whether a picture is a PNG, a JPEG or a WebP; None if it is none of them."""
    found = next((name for name, begin in SIGNATURES.items() if picture.startswith(begin)), None)
    return "webp" if picture[:4] == b"RIFF" and picture[8:12] == b"WEBP" else found


def ending_of(picture: bytes) -> str | None:
    """Return the ending that a file of this picture should have, such as .jpg; None if it cannot be opened."""
    form = format_of(picture)
    if form is not None and (known := known_format(picture)) is not None:
        return ENDINGS[known]
    return next((ending for ending, name in Image.registered_extensions().items() if name == form), None)


def whole_ending(picture: bytes) -> str | LeftOut:
    """Return the ending that a file of this picture should have; or why it cannot be decoded to its end.

    Nothing has the ending of nothing: whoever read it has complained.
    """
    if not picture:
        return ""
    found = decode_as_stored(picture)
    if isinstance(found, LeftOut):
        return found
    return ending_of(picture) or LeftOut("that cannot be opened", "its format has no ending of file names")


def encode(picture: bytes, encoding: Encoding, *, upright: bool = False) -> bytes | LeftOut:
    """Encode a picture again, or return it as it is if nothing is to be done; or say why it cannot be decoded.

    JPEG is written without subsampling (4:4:4). Where pixels are kept, so are grey levels and transparency; what a
    format cannot hold becomes RGB, 8 bits a channel, on white. Colour profile and XMP go along; EXIF does not, and
    pictures are turned upright.

    Args:
        upright: also encode again what is only upright once it is turned as its EXIF says. It keeps its format.
    """
    if encoding.keeps(picture):
        if not upright or is_upright(picture):
            return picture
        encoding = replace(encoding, format=known_format(picture) or "png")
    assert encoding.format is not None
    image = _decoded(picture, encoding)
    return image if isinstance(image, LeftOut) else hand_on(picture, _written(image, encoding))


def _decoded(picture: bytes, encoding: Encoding) -> Image.Image | LeftOut:
    if encoding.quality is None and (modes := _LOSSLESS_MODES.get(encoding.format or "")):
        stored = decode_as_stored(picture)
        if isinstance(stored, LeftOut) or stored.mode in modes:
            return stored
        if stored.mode == "P" and "RGBA" in modes:
            return stored.convert("RGBA" if stored.has_transparency_data else "RGB")
        if stored.mode in ("1", "L", "LA"):
            return stored.convert("RGBA" if stored.has_transparency_data else "RGB")
    found = decode(picture)
    return found if isinstance(found, LeftOut) else found.image


def _written(image: Image.Image, encoding: Encoding) -> bytes:
    profile = image.info.get("icc_profile")
    options: dict[str, object] = {}
    if isinstance(profile, bytes) and profile[16:20] == (b"RGB " if image.mode[:3] == "RGB" else b"GRAY"):
        options["icc_profile"] = profile
    if encoding.format == "png":
        options.setdefault("icc_profile", None)
        return _saved(lambda file: image.save(file, "PNG", **options))
    if encoding.format == "webp":
        # "exact" keeps colours that nobody sees, below what is fully transparent.
        options |= {"lossless": True, "exact": True} if encoding.quality is None else {"quality": encoding.quality}
        return _saved(lambda file: image.save(file, "WEBP", **options))
    quality = encoding.quality or JPEG_QUALITY
    return _saved(lambda file: image.save(file, "JPEG", quality=quality, subsampling="4:4:4", **options))


def _saved(save: Callable[[IO[bytes]], object]) -> bytes:
    """Return what is saved to a file. To one of the system, Pillow encodes JPEG while other threads run."""
    if not hasattr(os, "memfd_create"):
        buffer = io.BytesIO()
        save(buffer)
        return buffer.getvalue()
    with open(os.memfd_create("picture", os.MFD_CLOEXEC), "w+b") as file:
        save(file)
        file.seek(0)
        return file.read()
