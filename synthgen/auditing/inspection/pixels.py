"""One encoded image -> its plain measures: size, format, hashes, brightness, entropy, sharpness, colour. Pure."""

import io
import warnings
from dataclasses import dataclass
from hashlib import blake2b
from math import ceil

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from synthgen.images import Change, LeftOut, decode

HASH_BITS = 256
"""Bits of a perceptual hash, as in the filter of near-duplicates."""
TINY = 8
"""The side of the tiny picture by which images of a class are compared."""
_SMALL, _SHARP_SIDE = 64, 256


@dataclass(frozen=True, slots=True, eq=False)
class PixelMeasures:
    """The measures of an image.

    Attributes:
        width, height: in pixels, upright.
        size: in bytes, as encoded.
        mode, format: as stored, by Pillow's names, such as 'RGB' and 'PNG'.
        content: a hash of the encoded image.
        pixels: a hash of the decoded picture and its size.
        phash: a perceptual hash, uint8 [32].
        tiny: the picture shrunk to uint8 [TINY * TINY * 3].
        lumas: of the pixels, the 1st, 5th and 99th percentile of their luma. 0..1
        entropy: of the luma's histogram, in bits. 0..8
        sharpness: the variance of the Laplacian divided by that of the luma, in a picture of at most 256 pixels a side;
            0 for one of a single colour.
        colour: the largest difference of two channels in a picture shrunk to 64 pixels a side. 0..1
        changes: what the conversion to RGB changed.
    """

    width: int
    height: int
    size: int
    mode: str
    format: str
    content: int
    pixels: int
    phash: NDArray[np.uint8]
    tiny: NDArray[np.uint8]
    lumas: tuple[float, float, float]
    entropy: float
    sharpness: float
    colour: float
    changes: Change


def look(data: bytes | LeftOut) -> PixelMeasures | LeftOut:
    """Measure an image."""
    if isinstance(data, LeftOut):
        return data
    found = decode(data)
    if isinstance(found, LeftOut):
        return found
    picture, grey = found.image, found.image.convert("L")
    mode, kind = _stored(data)

    small = np.asarray(picture.resize((_SMALL, _SMALL), Image.Resampling.BOX)).astype(np.int16)
    tiny = np.asarray(picture.resize((TINY, TINY), Image.Resampling.BOX)).reshape(-1)
    below = np.cumsum(grey.histogram()) / (grey.width * grey.height)

    return PixelMeasures(
        width=picture.width,
        height=picture.height,
        size=len(data),
        mode=mode,
        format=kind,
        content=_hashed(data),
        pixels=_hashed(f"{picture.width}x{picture.height}:".encode() + picture.tobytes()),
        phash=np.packbits(imagehash.phash(grey, hash_size=16).hash),
        tiny=tiny,
        lumas=(_quantile(below, 0.01), _quantile(below, 0.05), _quantile(below, 0.99)),
        entropy=_entropy(below),
        sharpness=_sharpness(grey),
        colour=float((small.max(2) - small.min(2)).max()) / 255,
        changes=found.changes,
    )


def _stored(data: bytes) -> tuple[str, str]:
    """Read the mode and the format in the header of an image that was decoded before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(data)) as image:
            return image.mode, image.format or "unknown"


def _hashed(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little")


def _quantile(below: NDArray[np.float64], share: float) -> float:
    """Return the least luma that at least this share of the pixels does not exceed. 0..1"""
    return float(np.searchsorted(below, share - 1e-12)) / 255


def _entropy(below: NDArray[np.float64]) -> float:
    shares = np.diff(below, prepend=0.0)
    shares = shares[shares > 0]
    return max(0.0, float(-(shares * np.log2(shares)).sum()))


def _sharpness(grey: Image.Image) -> float:
    """Return how much of the contrast is edges.

    It is the variance of the Laplacian (Pech-Pacheco and others 2000), at one scale for all sizes, and divided by the
    variance of the luma, so that low contrast alone is not blur.
    """
    smaller = ceil(max(grey.size) / _SHARP_SIDE)
    luma = np.asarray(grey.reduce(smaller) if smaller > 1 else grey, dtype=np.float32)
    if min(luma.shape) < 3 or not (spread := float(luma.var())):
        return 0.0
    inner = luma[1:-1, 1:-1]
    edges = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * inner
    return float(edges.var()) / spread
