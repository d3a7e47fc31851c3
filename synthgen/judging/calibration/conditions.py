"""Conditions: what a calibration was made for, and how a spec differs from it. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from synthgen.planning import Plan
from synthgen.spec import final_sizes, sizes_of, stage_name

_TOLD_OTHERWISE = ("id", "revision", "size", "width", "height", "batch_size")
"""Keys of `model` that its revision and its size cover; the last changes no image."""
_LONGEST = 70
"""A value with more letters is not worth reading in a message."""
_ABSENT = object()
_DRAWING = ("task", "to", "region", "canvas", "control", "reference", "then", "annotate")
"""The sections that say how images are made and looked at. A file of an earlier version has none of them."""
_PLACES = ("model", "revision", "id", "image")


def conditions(plan: Plan) -> dict[str, Any]:
    """All that the posteriors, and how often they are right, depend on.

    That is what draws the images, what asks for them, what judges them, and which of them reach the label filter.
    """
    spec = plan.spec.canonical()
    model, label = spec["model"], spec["filters"]["label"] or {"none_of_these": []}
    texts = ("definition", "prompts", "templates")
    sizes = " or ".join(f"{wide} x {high}" for wide, high in final_sizes(sizes_of(plan.spec.model), plan.spec.then))

    return {
        "model": plan.revisions.generator,
        "judge": plan.revisions.judge,
        "size": sizes or "the model's own",
        "settings": {f"model.{key}": value for key, value in model.items() if key not in _TOLD_OTHERWISE}
        | {f"then.{n}": [each, _pinned(plan, n)] for n, each in enumerate(spec.get("then", []))},
        "classes": {name: {key: kind[key] for key in texts} for name, kind in spec["classes"].items()},
        "prompts": {
            "prompts.templates": spec["prompts"]["templates"],
            **{f"the variable {name!r}": values for name, values in spec["prompts"]["variables"].items()},
        },
        "filters": {
            "filters.label.none_of_these": label["none_of_these"],
            "filters.quality": spec["filters"]["quality"],
            **{f"safety.{key}": spec["safety"][key] for key in ("reject", "above") if spec["safety"]["reject"]},
        },
        "balance": {
            f"the balance of {entry['attribute']!r}": [entry, spec["attributes"][entry["attribute"]]]
            for entry in spec["balance"]
        },
        "digest of the pictures, with what is kept of them": plan.sources.sha256 if plan.sources else None,
        **{f"section {key!r}": _without_places(spec.get(key)) for key in _DRAWING},
        "other models": {**plan.revisions.components, **plan.revisions.annotators} or None,
    }


def _without_places(section: object) -> object:
    """Leave out where models are: their revisions say which they are. None for what makes no difference."""
    if isinstance(section, Mapping):
        return {key: _without_places(value) for key, value in section.items() if key not in _PLACES}
    if isinstance(section, list):
        return [_without_places(each) for each in section]
    return None if section == "text-to-image" else section


def _pinned(plan: Plan, stage: int) -> str:
    return plan.revisions.components.get(stage_name(stage), "")


def difference(made_for: Mapping[str, Any], wanted: Mapping[str, Any], maker: str = "the calibration") -> str | None:
    """The first of a spec's conditions, `wanted`, that `maker` was not made for, in words."""
    for key, value in wanted.items():
        made = made_for.get(key)
        if made == value:
            continue
        if not (isinstance(value, Mapping) and isinstance(made, Mapping)):
            return _differs(f"the {key}", made, value, maker)
        name = next(name for name in {**value, **made} if made.get(name, _ABSENT) != value.get(name, _ABSENT))
        place = f"the class {name!r}" if key == "classes" else name
        if name not in made:
            return f"the spec also has {place}"
        if name not in value:
            return f"the spec lacks {place}, which {maker} has"
        if key == "classes":
            parts = [part for part in value[name] if made[name].get(part) != value[name][part]]
            return f"{place} has {'another' if parts == ['definition'] else 'other'} {' and '.join(parts)}"
        return _differs(place, made[name], value[name], maker)
    return None


def _differs(place: str, made: object, wanted: object, maker: str) -> str:
    ours, theirs = _shown(wanted), _shown(made)
    if max(len(ours), len(theirs)) > _LONGEST:
        return f"{place} differs from {maker}'s"
    return f"{place} is {ours}; in {maker} it is {theirs}"


def _shown(value: object) -> str:
    return value if isinstance(value, str) else "none" if value is None else json.dumps(value, ensure_ascii=False)
