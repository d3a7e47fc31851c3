"""The JSON Schema of specs, for editors and other tools."""

from synthgen.spec.spec import Spec

_FILE = {"type": "string", "minLength": 1}
_ENVIRONMENT = {
    "type": "object",
    "properties": {
        "env": {"type": "string", "description": "The environment variable that holds the value."},
        "default": {"type": ["string", "number", "boolean"], "description": "The value if that is not set."},
    },
    "required": ["env"],
    "additionalProperties": False,
}
_COMPOSING: dict[str, object] = {
    "extends": {
        "anyOf": [_FILE, {"type": "array", "items": _FILE, "minItems": 1}],
        "default": None,
        "description": "The spec that this one builds on, or several, later ones over earlier ones.",
    },
    "vars": {
        "type": "object",
        "additionalProperties": {"anyOf": [{"type": ["string", "number", "boolean", "null"]}, _ENVIRONMENT]},
        "default": {},
        "description": "The values of ${NAME} in this spec, by name: each a value, or {env: NAME, default: VALUE}.",
    },
}
"""Keys that are worked in before the others are read."""


def json_schema() -> dict[str, object]:
    """Make the schema in draft 2020-12, using only keywords of draft-07, which editors read."""
    schema = Spec.model_json_schema(mode="validation")
    schema["properties"] |= _COMPOSING
    schema["patternProperties"] = {"^x-": {}}
    schema["anyOf"] = [{"required": schema.pop("required")}, {"required": ["extends"]}]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "synthgen spec"}
