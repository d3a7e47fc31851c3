"""Modular pipelines: their list of parts, read as that of the pipeline of the same family."""

from collections.abc import Mapping
from types import MappingProxyType

MODULAR = "_modular"
"""Where the translated list keeps what the modular one says of its code, and where its parts are."""
_ABOUT = ("_class_name", "_blocks_class_name", "auto_map")
PIPELINES: Mapping[str, str] = MappingProxyType(
    {
        "StableDiffusionXLModularPipeline": "StableDiffusionXLPipeline",
        "StableDiffusion3ModularPipeline": "StableDiffusion3Pipeline",
        "FluxModularPipeline": "FluxPipeline",
        "Flux2KleinModularPipeline": "Flux2KleinPipeline",
        "Flux2KleinBaseModularPipeline": "Flux2KleinPipeline",
        "QwenImageModularPipeline": "QwenImagePipeline",
        "ErnieImageModularPipeline": "ErnieImagePipeline",
    }
)
"""Modular pipelines whose own blocks draw the pictures of these pipelines: tests compare them."""


def as_pipeline(index: Mapping[str, object]) -> dict[str, object]:
    """Translate a `modular_model_index.json`; empty if it is none.

    Example:
        >>> as_pipeline({"_class_name": "FluxModularPipeline", "vae": ["diffusers", "AutoencoderKL", {}]})["vae"]
        ['diffusers', 'AutoencoderKL']
    """
    named = index.get("_class_name")
    if not isinstance(named, str):
        return {}
    found: dict[str, object] = {"_class_name": PIPELINES.get(named, named)}
    if "Klein" in named:
        found["is_distilled"] = "Base" not in named
    places = dict[str, object]()
    for name, value in index.items():
        if name.startswith("_") or name == "auto_map":
            continue
        if isinstance(value, list):
            found[name] = value[:2]
            places[name] = value[2].get("pretrained_model_name_or_path") if _is_placed(value) else None
        else:
            found[name] = value
    return {**found, MODULAR: {**{key: index[key] for key in _ABOUT if key in index}, "places": places}}


def _is_placed(value: list[object]) -> bool:
    return len(value) > 2 and isinstance(value[2], dict)
