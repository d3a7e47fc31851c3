"""A model that is not here, as a preset records it: enough to check a spec and to plan, and not to draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from synthgen.models import ModelSource
from synthgen.presets import preset_of
from synthgen.spec import Spec

UNSEEN = "not looked up"
"""In the place of the commit, in a plan that is only shown."""


@dataclass(frozen=True, slots=True)
class RecordedModel(ModelSource):
    """A model of the hub of which a preset has some keys of its JSON files.

    Attributes:
        files: these keys, by file.
        clip: its tokenizers of CLIP.
    """

    files: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    clip: tuple[str, ...] = ()

    def read_json(self, name: str) -> Mapping[str, object]:
        return self.files.get(name, {})

    def read_cached(self, name: str) -> Mapping[str, object]:
        return self.files.get(name, {})

    def cached_part(self, name: str) -> Path | None:
        return None


def recorded(spec: Spec) -> RecordedModel | None:
    """Return what a preset records of the model of a spec; None if there is none of it."""
    preset = preset_of(spec.model)
    return None if preset is None else RecordedModel(preset.hub_id, UNSEEN, files=preset.files, clip=preset.clip)
