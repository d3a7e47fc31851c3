"""Encoded images -> RGB pictures: the one conversion that judges, reports and checks share.

Pillow's own `convert("RGB")` clips images of more than 8 bits a channel, so that most pixels turn white. It also drops
the alpha channel, so that colours appear that were meant to be hidden.
"""

import io
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

CONVERSION = 2
"""Raise it whenever a picture may come out differently: what was computed from the old ones is then stale."""

GROUND = (255, 255, 255, 255)
"""What shows through: white, like the pages and the paper that transparent pictures are made for. The makers of the
large sets of captioned images use it too."""

_Read = TypeVar("_Read")
_POINTER = b"version https://git-lfs.github.com/spec/"
_RAW_MODE = re.compile(r"[IF];(\d+)([A-Z]*)")
_ORIENTATION = 0x0112
"""Of EXIF: in which way a camera was held, 1 to 8. Readers differ in whether they turn such a picture."""
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # of TIFF


class Change(IntFlag):
    """What the conversion changed in a picture, which may mean something else now. The values are stored in files."""

    NONE = 0
    SIXTEEN = 1
    """Up to 16 bits a channel, scaled to 8."""
    DEEPER = 2
    """More than 16 bits a channel, or floats; scaled to 8."""
    GROUND = 4
    """Transparent somewhere, and composited on `GROUND`."""


@dataclass(frozen=True, slots=True)
class RgbPicture:
    """An RGB picture, and what the conversion changed."""

    image: Image.Image
    changes: Change


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why an image cannot be used.

    Attributes:
        reason: a clause that goes with "images", such as "that cannot be opened".
        detail: what the system or the decoder said about this one.
        hint: what to do, where the image was refused on purpose.
    """

    reason: str
    detail: str = ""
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class _Stored:
    """How a file stores its numbers, where Pillow's mode does not say.

    Attributes:
        bits: bits per channel; None where the file does not say.
    """

    bits: int | None = None
    signed: bool = False
    white_is_zero: bool = False


def decode(data: bytes, formats: tuple[str, ...] | None = None, most_pixels: int | None = None) -> RgbPicture | LeftOut:
    """Decode the picture in `data`, upright; of an animation, the first frame.

    Args:
        formats: the formats to try, by Pillow's names; by default all.
        most_pixels: the largest picture to decode; by default twice Pillow's own limit against decompression bombs.
    """
    return _decoded(data, formats, most_pixels, _to_rgb)


def decode_small(data: bytes, side: int) -> RgbPicture | LeftOut:
    """Decode the picture in `data` as `decode` does, as small as it can be: no smaller than `side`, unless it is.

    A JPEG is decoded at a part of its size, which takes a fraction of the time.
    """

    def read(image: Image.Image) -> RgbPicture | LeftOut:
        image.draft(None, (side, side))
        stored = _stored(image)
        return _to_rgb(_upright(image), stored)

    return _opened(data, None, read)


def is_upright(data: bytes) -> bool:
    """Whether the pixels of a picture are stored as they are to be seen, which EXIF may deny."""
    return _opened(data, None, _orientation) == 1


def orientation_of(data: bytes) -> int | None:
    """Return what EXIF says of how a picture is to be turned, from 1 to 8; None if it says nothing."""
    found = _opened(data, None, lambda image: image.getexif().get(_ORIENTATION) or 0)
    return found if isinstance(found, int) and 1 <= found <= 8 else None


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height of a picture as it is stored, from its header; None if it cannot be opened."""
    found = _opened(data, None, lambda image: image.size)
    return None if isinstance(found, LeftOut) else found


def upright_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height of a picture as it is seen, from its header; None if it cannot be opened."""
    found = _opened(data, None, _upright_size)
    return None if isinstance(found, LeftOut) else found


def _upright_size(image: Image.Image) -> tuple[int, int]:
    return (image.height, image.width) if _orientation(image) > 4 else image.size


def _orientation(image: Image.Image) -> int:
    found = image.getexif().get(_ORIENTATION)
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def decode_as_stored(data: bytes, most_pixels: int | None = None) -> Image.Image | LeftOut:
    """Decode the picture in `data`, upright, in the mode of its file: a mask's numbers may mean something."""
    return _decoded(data, None, most_pixels, lambda image, _: image.copy())  # without its file


def _decoded(
    data: bytes,
    formats: tuple[str, ...] | None,
    most_pixels: int | None,
    convert: Callable[[Image.Image, "_Stored"], _Read],
) -> _Read | LeftOut:
    def read(image: Image.Image) -> _Read | LeftOut:
        if most_pixels is not None and image.width * image.height > most_pixels:
            return LeftOut("that are too large", f"it has {image.width} x {image.height} pixels")
        stored = _stored(image)
        return convert(_upright(image), stored)

    return _opened(data, formats, read)


def _upright(image: Image.Image) -> Image.Image:
    """Turn a picture as its EXIF says. Pillow would copy one that is upright, too."""
    return image if _orientation(image) == 1 else ImageOps.exif_transpose(image)


def _opened(
    data: bytes, formats: tuple[str, ...] | None, read: Callable[[Image.Image], _Read | LeftOut]
) -> _Read | LeftOut:
    """Read something of the picture in `data`, or say why it cannot be opened."""
    if data.startswith(_POINTER):
        return LeftOut("that are Git LFS pointers, which stand for files that were not downloaded")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd metadata and large pictures; those too large raise
            with Image.open(io.BytesIO(data), formats=formats) as image:
                return read(image)
    # Decoders are foreign code that meets arbitrary bytes. They may raise anything, RuntimeError,
    # NotImplementedError and MemoryError included, and it concerns this one image, never the set.
    except Exception as error:
        if isinstance(error, UnidentifiedImageError):  # whose own text has an address in memory
            return LeftOut("that cannot be opened", "it is no picture, or of a format that is not read")
        return LeftOut("that cannot be opened", (str(error) or type(error).__name__).splitlines()[0])


def format_of(data: bytes) -> str | None:
    """Tell by Pillow's name, such as "PNG", in which format a picture is; None if it cannot be opened."""
    found = _opened(data, None, lambda image: image.format)
    return None if isinstance(found, LeftOut) else found


def to_rgb(image: Image.Image) -> RgbPicture:
    """Convert a picture of any of Pillow's modes to RGB, 8 bits a channel.

    Black and white are the ends of what the mode, or the file, can hold: 0 and 65535 for 16 bits, 0 and 4095 for 12, 0
    and 1 for floats. Integers of 32 bits are read as 8 or 16 bits in wide numbers if all of them fit, since files do
    not say how many bits are used. Integers that do not fit, and floats outside 0..1, are stretched from their minimum
    to their maximum; NaN is black. Transparency is composited on `GROUND`.
    """
    return _to_rgb(image, _Stored())


def _to_rgb(image: Image.Image, stored: _Stored) -> RgbPicture:
    changes = Change.NONE
    if image.mode.startswith("I") or image.mode == "F":
        narrow = image.mode.startswith("I;") or stored.bits == 16
        changes |= Change.SIXTEEN if narrow else Change.DEEPER
        image = _eight_bits(image, stored)
    if image.mode == "La":  # Pillow converts it to nothing else
        image = image.convert("LA")
    if not image.has_transparency_data:
        return RgbPicture(image.convert("RGB"), changes)
    clear = image.convert("RGBA")
    if clear.getchannel("A").getextrema()[0] == 255:
        return RgbPicture(clear.convert("RGB"), changes)
    ground = Image.new("RGBA", clear.size, GROUND)
    return RgbPicture(Image.alpha_composite(ground, clear).convert("RGB"), changes | Change.GROUND)


def _stored(image: Image.Image) -> _Stored:
    """Read how a file that is open and not loaded yet stores its numbers.

    A transparency key is adjusted to the values that loading will give.
    """
    raw = _RAW_MODE.search(str([tile.args for tile in getattr(image, "tile", [])]))
    key = image.info.get("transparency")
    if image.mode == "RGB" and isinstance(key, tuple) and ";16" in str(getattr(image, "tile", "")):
        # Pillow keeps the high byte of each channel, and all 16 bits of the key.
        image.info["transparency"] = tuple(value >> 8 for value in key)
    if image.mode == "I" and image.format in ("PNG", "PPM"):
        return _Stored(16)
    inverted = image.format == "TIFF" and getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    return _Stored(int(raw[1]), "S" in raw[2], inverted) if raw else _Stored(white_is_zero=inverted)


def _eight_bits(image: Image.Image, stored: _Stored) -> Image.Image:
    """Scale an image to mode L, or to LA where one of its numbers means transparency."""
    values: NDArray[np.number] = np.asarray(image)
    if stored.bits == 32 and not stored.signed and image.mode == "I":
        values = values.view(np.uint32)
    low, high = _ends(values[np.isfinite(values)], image.mode, stored)
    scaled = np.rint((values.astype(np.float64) - low) * (255 / (high - low)))
    grey = np.where(np.isnan(scaled), 0, np.clip(scaled, 0, 255)).astype(np.uint8)

    found = Image.fromarray(255 - grey if stored.white_is_zero else grey)
    key = image.info.get("transparency")
    if isinstance(key, int):
        found.putalpha(Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8)))
    return found


def _ends(values: NDArray[np.number], mode: str, stored: _Stored) -> tuple[float, float]:
    """The values that are black and white."""
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    if mode.startswith("I;"):
        return 0, 2 ** (stored.bits or 16) - 1
    if mode == "F":
        ranges = [1]
    elif stored.bits == 16:
        ranges = [2**15 - 1 if stored.signed else 2**16 - 1]
    else:
        ranges = [2**8 - 1, 2**16 - 1]
    if low >= 0 and (fitting := next((each for each in ranges if high <= each), None)) is not None:
        return 0, fitting
    # A flat picture has no range to stretch.
    return (low, high) if low < high else (0, 255)


class _Shaped(Protocol):
    @property
    def shape(self) -> tuple[int, ...]: ...


def by_size(images: Sequence[_Shaped]) -> list[list[int]]:
    """Group images [.., height, width] by their size: the places of each group."""
    found: dict[tuple[int, ...], list[int]] = {}
    for place, image in enumerate(images):
        found.setdefault(tuple(image.shape), []).append(place)
    return list(found.values())
