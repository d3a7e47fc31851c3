import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator

from synthgen.spec import json_schema, read_spec, starter_spec

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.yaml"))
DRAFTS = [Draft202012Validator, Draft7Validator]  # editors' YAML servers read the older one


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_shipped_specs_are_good(path: Path) -> None:
    assert read_spec(path).total > 0


@pytest.mark.parametrize("draft", DRAFTS, ids=lambda draft: draft.__name__)
@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_shipped_specs_fit_the_schema(path: Path, draft: Any) -> None:
    schema = json_schema()
    draft.check_schema(schema)
    draft(schema).validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def test_the_starter_fits_the_schema() -> None:
    Draft202012Validator(json_schema()).validate(yaml.safe_load(starter_spec("x")))


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"id": "a/b", "steps": "20"}},
        {"classes": {"a": 0}},
        {"guidence": 1},
        {"classes": {}},
        {"synthgen": 2},
    ],
    ids=str,
)
def test_the_schema_refuses_what_the_reader_refuses(change: dict[str, object]) -> None:
    spec = yaml.safe_load(starter_spec("x")) | change
    assert not Draft202012Validator(json_schema()).is_valid(spec)


def _properties(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from schema["properties"].items()
    for section in schema["$defs"].values():
        yield from section.get("properties", {}).items()  # JsonValue has none


def test_every_key_is_described() -> None:
    assert [name for name, key in _properties(json_schema()) if not key.get("description")] == []


def test_the_schema_is_json() -> None:
    assert json.loads(json.dumps(json_schema())) == json_schema()
