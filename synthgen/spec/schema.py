"""The JSON Schema of specs, for editors and other tools."""

from typing import Any

from synthgen.spec.spec import Spec


def json_schema() -> dict[str, Any]:
    """Make the schema in draft 2020-12, using only keywords of draft-07, which editors read."""
    schema = Spec.model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "synthgen spec"}
