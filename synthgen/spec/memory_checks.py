"""Checks of memory and speed that span several keys of a spec."""

from collections.abc import Iterator, Mapping

from synthgen.spec.bare import Data, Violation, mapping
from synthgen.spec.memory import TAKES
from synthgen.spec.place import KEY

_OFF = {"offload": "auto", "vae_slicing": "auto", "vae_tiling": False, "attention": "auto", "compile": "off"}
_KEYS = ("quantization", "cache", *_OFF)


def check_memory(spec: Data) -> Iterator[Violation]:
    """Yield keys of memory and speed that do not go together, or that nothing would read."""
    model = mapping(spec, "model")
    if str(model.get("id")).startswith("plugin:"):
        for key in _KEYS:
            if model.get(key) not in (None, _OFF.get(key)):
                yield Violation(("model", key, KEY), "a generator of an installed package decides this itself")
        return
    cache = mapping(model, "cache")
    method = str(cache.get("method"))
    for key in sorted(cache.keys() - {"method"} if method in TAKES else ()):
        if cache[key] is not None and key not in TAKES[method]:
            yield Violation(("model", "cache", key), f"a cache of the kind {method} has no such setting")
    compiled = model.get("compile")
    if model.get("cache") is not None and compiled in ("regional", "full", "openvino"):
        yield Violation(("model", "compile"), "what a cache skips cannot be compiled: set one of the two")
    if compiled == "openvino":
        yield from _unknown_to_openvino(spec, model)


def _unknown_to_openvino(spec: Data, model: Data) -> Iterator[Violation]:
    """Yield what a model that OpenVINO has converted would not follow."""
    place = ("model", "compile")
    for key in ("quantization", "attention", "offload"):
        if model.get(key) not in (None, "none", _OFF.get(key)):
            yield Violation(place, f"openvino takes no model.{key}: set one of the two")
    if model.get("dtype") not in (None, "auto", "float32"):
        yield Violation(place, "openvino computes in float32: leave model.dtype out")
    adapters = model.get("adapters")
    loaded = [one for one in adapters if isinstance(one, Mapping)] if isinstance(adapters, list | tuple) else []
    if any(one.get("kind", "lora") == "lora" for one in loaded):
        yield Violation(place, "openvino converts weights as they are, and LoRAs change them: set one of the two")
    for key in ("control", "reference"):
        if spec.get(key):
            yield Violation(place, f"openvino takes nothing of `{key}`: set one of the two")
