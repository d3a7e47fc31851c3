"""The keys of a spec that may change between a run and its resumption: read from a spec, and put into another."""

import json
from collections.abc import Mapping

from pydantic import JsonValue

from synthgen.planning.plan import NOT_IN_FINGERPRINT
from synthgen.spec import Spec


def free_keys(spec: Spec) -> dict[str, object]:
    """Return the value of each of these keys, as JSON types.

    Example:
        >>> from synthgen.planning import free_keys
        >>> free_keys(synthgen.load_spec("specs/quickstart.yaml"))["output.format"]
        'parquet'
    """
    content = {**spec.model_dump(mode="json", include=_WHOLE), **spec.canonical()}
    there = [place for place in _PLACES if place[1] in content]
    return {key: _value(content[section], name) for key, section, name in there}


def with_free_keys(spec: Spec, values: Mapping[str, object]) -> Spec:
    """Return the spec with these values, as `free_keys` gives them. A key that is missing stays as it is.

    Raises:
        ValueError: a key may not change, or its value is not one that the key takes.
    """
    if strange := values.keys() - NOT_IN_FINGERPRINT.keys():
        raise ValueError(f"it has an entry {min(strange)!r}")
    content = {**spec.model_dump(mode="json", include=_WHOLE), **spec.canonical()}
    for key, section, name in _PLACES:
        if key in values and section in content:
            content[section] = _with_value(content[section], name, values[key])
    return Spec.model_validate_json(json.dumps(content))


def _value(section: JsonValue, name: str) -> JsonValue:
    """Return a key of a section, or the section itself; of a list of sections, the key of each."""
    if isinstance(section, list) and name:
        return [_value(each, name) for each in section]
    return section[name] if name and isinstance(section, dict) else section


def _with_value(section: JsonValue, name: str, value: object) -> object:
    """Return a section with a key of another value; a list of sections with the key of each.

    Raises:
        ValueError: the list of values has another length.
    """
    if isinstance(section, list) and name:
        if not isinstance(value, list):
            raise ValueError("its values are not a list")
        return [_with_value(each, name, one) for each, one in zip(section, value, strict=True)]
    return {**section, name: value} if name and isinstance(section, dict) else value


_PLACES = [(key, *key.partition(".")[::2]) for key in NOT_IN_FINGERPRINT]
_WHOLE = {section for _, section, name in _PLACES if not name}
"""Keys at the top: a spec's canonical form leaves some out that have their defaults."""
