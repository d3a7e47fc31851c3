"""All presets, by name; and the one that a model of a spec comes from."""

from collections.abc import Mapping
from types import MappingProxyType

from synthgen.errors import UsageError
from synthgen.presets import flux, stable_diffusion, transformers
from synthgen.presets.preset import Preset
from synthgen.spec import ModelSpec
from synthgen.spec.messages import suggestion

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {preset.name: preset for preset in (*stable_diffusion.PRESETS, *flux.PRESETS, *transformers.PRESETS)}
)


def find_preset(name: str) -> Preset:
    """Return a preset by its name, or the first with the model of a hub id.

    Raises:
        UsageError: there is none.
    """
    if name in PRESETS:
        return PRESETS[name]
    if same := next((preset for preset in PRESETS.values() if preset.hub_id == name), None):
        return same
    what = f"there is no preset {name!r}{suggestion(name.lower(), PRESETS)}"
    raise UsageError(
        what, argument="model", hint="`synthgen models` lists them. Any other model: see docs/own-model.md."
    )


def preset_of(model: ModelSpec) -> Preset | None:
    """Return the preset with the model of a spec: of several, the one with the same LoRA, or else the first."""
    same = [preset for preset in PRESETS.values() if preset.hub_id == model.id]
    wanted = {adapter.id for adapter in model.adapters}

    def unlike(preset: Preset) -> int:
        adapters = preset.model.get("adapters", [])
        assert isinstance(adapters, list)
        return len(wanted ^ {each["id"] for each in adapters})

    return min(same, key=unlike, default=None)
