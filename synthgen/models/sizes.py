"""How much memory the parts of a model need, and what may wait elsewhere. Importing this file does not import torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import MappingProxyType

from synthgen.models.weight_headers import shapes_in

FITS = 0.95
"""The share of a device's free memory that is used."""
_BYTES = {"float32": 4.0, "float16": 2.0, "bfloat16": 2.0}
_QUANTISED = {"int8": 1.0, "float8": 1.0, "8bit": 1.0, "4bit": 0.55}
"""Bytes of a weight, with its share of what scales it."""
_PER_IMAGE = 768 << 20
"""Bytes of the activations of a Stable Diffusion UNet and VAE for an image of 512 x 512 pixels, roughly."""


@dataclass(frozen=True, slots=True)
class DeviceNeed:
    """How many bytes a device needs for one image, by what waits in the CPU's memory.

    Attributes:
        none: nothing waits.
        encoders: the text encoders, or the part that denoises.
        model: all but one part.
    """

    none: int
    encoders: int
    model: int

    def chosen(self, free: int) -> str:
        """Return the first of `none`, `encoders`, `model` and `group` that fits into so many bytes."""
        room = free * FITS
        return next((name for name in ("none", "encoders", "model") if getattr(self, name) <= room), "group")


def device_need(parts: Mapping[str, int], backbone: str, pixels: int) -> DeviceNeed:
    """Add up the bytes of a model's parts.

    Args:
        parts: bytes of each part, by name.
        backbone: the part that denoises.
        pixels: of an image.
    """
    encoders = [size for name, size in parts.items() if is_encoder(name)]
    moving = max([*encoders, parts.get(backbone, 0)])
    rest = sum(parts.values()) - sum(encoders) - parts.get(backbone, 0)
    image = activations(pixels)
    return DeviceNeed(sum(parts.values()) + image, moving + rest + image, max(parts.values(), default=0) + image)


def activations(pixels: int) -> int:
    """Return the bytes that one image takes beside the weights, roughly."""
    return _PER_IMAGE * pixels // 512**2


def is_encoder(name: str) -> bool:
    """Whether a part reads prompts, by its name."""
    return "encoder" in name


def sizes_of(
    folder: Path,
    index: Mapping[str, object],
    variant: str | None,
    dtype: str,
    quantised: Mapping[str, str],
    others: Mapping[str, Path] = MappingProxyType({}),
) -> dict[str, int]:
    """Return the bytes of each part of a model's folder, from the headers of its files; nothing if one is missing.

    Args:
        index: the content of `model_index.json`.
        dtype: the number format in which it is loaded.
        quantised: the method of quantisation, by part.
        others: where parts are that the folder does not have, and those that take the place of its own.
    """
    found: dict[str, int] = {}
    own = {name: folder / name for name, kind in index.items() if _is_model(kind)}
    for name, place in {**own, **others}.items():
        if place.suffix == ".gguf":  # its weights stay as they are
            found[name] = place.stat().st_size
            continue
        if not (files := _weights(place, variant)):
            continue
        try:
            count = sum(prod(shape) for file in files for shape in shapes_in(file).values())
        except (OSError, ValueError, RecursionError):
            return {}
        each = _QUANTISED[quantised[name].partition("-")[2]] if name in quantised else _BYTES[dtype]
        found[name] = int(count * each)
    return found


def _is_model(kind: object) -> bool:
    return isinstance(kind, list) and len(kind) == 2 and kind[0] in ("diffusers", "transformers")


def _weights(part: Path, variant: str | None) -> list[Path]:
    """Find the files that are loaded: those of the variant, or else the plain ones."""
    if part.is_file():
        return [part]
    if not part.is_dir():
        return []
    files = sorted(file for file in part.iterdir() if file.suffix == ".safetensors")
    own = [file for file in files if variant and f".{variant}" in file.name]
    return own or [file for file in files if file.name.count(".") == 1]
