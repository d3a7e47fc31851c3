"""The JSON Schema of specs, for editors and other tools."""

from typing import Any

from synthgen.spec.spec import Spec


def json_schema() -> dict[str, Any]:
    """Draft 2020-12, with only such keywords as draft-07, which editors' YAML servers read, has too."""
    schema = Spec.model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "synthgen spec"}
