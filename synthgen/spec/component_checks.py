"""Checks of a model's file, its settings and its components that span several keys of a spec."""

from collections.abc import Iterator, Mapping

from synthgen.spec.bare import Data, Violation, mapping
from synthgen.spec.components import WEIGHTS
from synthgen.spec.place import KEY, Path


def check_components(spec: Data) -> Iterator[Violation]:
    """Yield keys of a model and of its components that do not act together."""
    model = mapping(spec, "model")
    place, components = str(model.get("id")), mapping(model, "components")
    is_file = place.endswith(".safetensors")
    if components and place.startswith("plugin:"):
        yield Violation(("model", "components", KEY), "a generator of an installed package takes no components")
    if model.get("config") is not None and not is_file:
        yield Violation(("model", "config"), "only a .safetensors file in model.id needs it")
    if is_file:
        if model.get("variant") is not None:
            yield Violation(("model", "variant"), "a file has no variants: name the other file in model.id")
        if model.get("revision") is not None and str(model.get("config") or ".").startswith((".", "/", "~")):
            yield Violation(("model", "revision"), "only an id on the hub takes it")
    if "config" in components:
        yield Violation(("model", "components", "config", KEY), "a pipeline has no such part: model.config is a key")
    for name, entry in components.items():
        if isinstance(entry, Mapping):
            yield from _own(entry, ("model", "components", name))


def _own(entry: Data, at: Path) -> Iterator[Violation]:
    place = str(entry.get("id", ""))
    if place.startswith((".", "/", "~")) or ":" in place:
        for key in ("file", "revision"):
            if entry.get(key) is not None:
                yield Violation((*at, key), "only an id on the hub takes it")
        if place.endswith(WEIGHTS) and entry.get("subfolder") is not None:
            yield Violation((*at, "subfolder"), "a file has none")
    elif entry.get("file") is not None and entry.get("subfolder") is not None:
        yield Violation((*at, "subfolder"), "write the whole path in `file`")
