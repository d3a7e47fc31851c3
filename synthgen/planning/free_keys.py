"""The keys of a spec that may change between a run and its resumption: read from a spec, and put into another."""

import json
from collections.abc import Mapping

from synthgen.planning.plan import NOT_IN_FINGERPRINT
from synthgen.spec import Spec


def free_keys(spec: Spec) -> dict[str, object]:
    """Return the value of each of these keys, as JSON types.

    Example:
        >>> from synthgen.planning import free_keys
        >>> free_keys(synthgen.load_spec("specs/quickstart.yaml"))["output.format"]
        'parquet'
    """
    content = spec.canonical()
    there = [place for place in _PLACES if place[1] in content]
    return {key: content[section][name] if name else content[section] for key, section, name in there}


def with_free_keys(spec: Spec, values: Mapping[str, object]) -> Spec:
    """Return the spec with these values, as `free_keys` gives them. A key that is missing stays as it is.

    Raises:
        ValueError: a key may not change, or its value is not one that the key takes.
    """
    if strange := values.keys() - NOT_IN_FINGERPRINT.keys():
        raise ValueError(f"it has an entry {min(strange)!r}")
    content = spec.canonical()
    for key, section, name in _PLACES:
        if key in values and section in content:
            (content[section] if name else content)[name or section] = values[key]
    return Spec.model_validate_json(json.dumps(content))


_PLACES = [(key, *key.partition(".")[::2]) for key in NOT_IN_FINGERPRINT]
