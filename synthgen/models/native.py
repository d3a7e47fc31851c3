"""The size of the images that a model makes unless it is asked for another one, read from its configuration."""

from collections.abc import Mapping
from pathlib import Path

from synthgen.bounded import read_object
from synthgen.files import expanded
from synthgen.models.source import ModelSource


def native_size(source: ModelSource) -> tuple[int, int] | None:
    """Return width and height in pixels: the latents' default size, times what the decoder enlarges it by.

    Reads a folder, or the hub's cache; downloads nothing. None where the files are not there or do not say.
    """
    parts = _json(source, "model_index.json")
    backbone = next((name for name in ("unet", "transformer") if isinstance(parts.get(name), list)), None)
    if backbone is None or not isinstance(parts.get("vae"), list):
        return None
    latent = _json(source, f"{backbone}/config.json").get("sample_size")
    high, wide = latent if isinstance(latent, list) and len(latent) == 2 else (latent, latent)
    factor = _factor(_json(source, "vae/config.json"))
    if factor is None or not isinstance(high, int) or not isinstance(wide, int):
        return None
    size = wide * factor, high * factor
    return size if all(0 < side <= 1 << 16 for side in size) else None


def _factor(decoder: Mapping[str, object]) -> int | None:
    """Return how much larger images are than latents, as diffusers' pipelines compute it from the decoder's blocks."""
    blocks = decoder.get("block_out_channels") or decoder.get("encoder_block_out_channels")
    return 2 ** (len(blocks) - 1) if isinstance(blocks, list) and 0 < len(blocks) < 10 else None


def _json(source: ModelSource, name: str) -> Mapping[str, object]:
    path: Path | None = expanded(source.location) / name
    if not source.is_folder:
        from huggingface_hub import try_to_load_from_cache

        cached = try_to_load_from_cache(source.location, name, revision=source.revision)
        path = Path(cached) if isinstance(cached, str) else None
    try:
        return read_object(path) if path else {}
    except (OSError, ValueError):
        return {}
