"""How two plans differ, field by field."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def changed_fields(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Write one line for each field that differs: `filters.label: 0.5 -> 0.6`."""
    before, after = dict(_leaves(mine)), dict(_leaves(theirs))
    keys = [*before, *(key for key in after if key not in before)]
    changed = [
        f"{key}: {_shown(before, key)} -> {_shown(after, key)}" for key in keys if before.get(key) != after.get(key)
    ]
    if not changed and list(before) != list(after):
        changed.append("the order of classes, templates or values")
    return changed


def without(content: dict[str, Any], keys: Mapping[str, str]) -> dict[str, Any]:
    """Leave out keys of the spec, such as `gates` and `model.batch_size`; of lists, a key of each entry."""

    def kept(section: str, values: object) -> object:
        if isinstance(values, list):
            return [kept(section, each) for each in values]
        if not isinstance(values, dict):
            return values
        return {key: value for key, value in values.items() if f"{section}.{key}" not in keys}

    spec = {section: kept(section, values) for section, values in content["spec"].items() if section not in keys}
    return {**content, "spec": spec}


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path.removeprefix("spec."), value


def _shown(leaves: Mapping[str, object], key: str) -> str:
    return json.dumps(leaves[key], ensure_ascii=False) if key in leaves else "(absent)"
