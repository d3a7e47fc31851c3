"""What a plan's model needs of a GPU's memory: from the headers of its files. Reads no weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen import bundled
from synthgen.api.controls import control_models
from synthgen.families.memory import backbone_of
from synthgen.files import expanded
from synthgen.models import ModelSource
from synthgen.models.parts import unpinned
from synthgen.models.sizes import FITS, DeviceNeed, device_need, sizes_of
from synthgen.models.source import cached_folder
from synthgen.spec import BUNDLED_MODEL, PLUGIN, stage_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from synthgen.planning import Plan

_SIDE = 1024
"""Pixels of an image whose size is not known here."""


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """What a model needs of a GPU's memory, roughly.

    Attributes:
        dtype: in which its weights are loaded on a GPU.
        parts: the bytes of each part's weights; those of control models as `control.0` and so on, those of the models
            of later stages as `then.0` and so on.
        free: how many free bytes a GPU needs, by what `model.offload` leaves in the CPU's memory, for one image.
    """

    dtype: str
    parts: Mapping[str, int]
    free: Mapping[str, int]


def memory_need(planned: Plan, size: tuple[int, int] | None) -> MemoryNeed | None:
    """Estimate what a plan's model needs; None where its files are not here.

    Args:
        size: width and height of its images, if they are known.
    """
    model = planned.spec.model
    if model.id.startswith(PLUGIN):
        return None
    place = str(bundled.GENERATOR) if model.id == BUNDLED_MODEL else model.id
    source = ModelSource(place, planned.revisions.generator)
    folder = expanded(place) if source.is_folder else cached_folder(source)
    index = source.read_cached("model_index.json")
    if folder is None or not index:
        return None

    dtype = "bfloat16" if model.dtype == "auto" else model.dtype
    backbone, asked = backbone_of(index), model.quantization
    quantised = dict.fromkeys(asked.parts or (backbone,), asked.method) if asked else {}
    others = _others(planned)
    there = {name: place for name, place in others.items() if place is not None}
    parts = sizes_of(folder, index, model.variant, dtype, quantised, there)
    if not parts or there.keys() != others.keys():
        return None
    width, height = size or (_SIDE, _SIDE)
    need = _free(device_need(parts, backbone, width * height))
    later = _later(planned, dtype)
    if not all(later.values()):
        return None
    # A stage's own model is on the device beside the first one, and moves its parts away where there is no room.
    return MemoryNeed(dtype, {**parts, **later}, {name: free + sum(later.values()) for name, free in need.items()})


def _later(planned: Plan, dtype: str) -> dict[str, int]:
    """Return the bytes of the weights of the models of later stages, by stage; 0 where they are not here."""
    found: dict[str, int] = {}
    for index, then in enumerate(planned.spec.then):
        if then.model is not None:
            name = stage_name(index)
            source = ModelSource(then.model, planned.revisions.components.get(name, ""))
            index_of = source.read_cached("model_index.json")
            parts = sizes_of(source.folder, index_of, then.variant, dtype, {}) if source.folder and index_of else {}
            found[name] = sum(parts.values())
    return found


def _others(planned: Plan) -> dict[str, Path | None]:
    """Return where the components and the control models of a plan are, at its revisions; None where not here."""
    found = unpinned(planned.spec.model, controls=control_models(planned.spec))
    pinned = planned.revisions.components
    others = (*found.parts, *found.controls) if found else ()
    return {one.name: replace(one, revision=pinned.get(one.name, "")).here for one in others}


def _free(need: DeviceNeed) -> dict[str, int]:
    return {name: int(size / FITS) for name, size in asdict(need).items()}
