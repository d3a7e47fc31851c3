"""The guides say what the program does: every key of a spec, every command."""

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from synthgen import cli
from synthgen.ledger.rows import ledger_schema
from synthgen.records import Reason, Verdict
from synthgen.running.progress import ClassProgress, Progress
from synthgen.spec import json_schema, parse_spec

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
SPECS = (ROOT / "docs" / "specs.md").read_text("utf-8")
RUNS = (ROOT / "docs" / "runs.md").read_text("utf-8")
Rows = dict[str, tuple[str, str]]


def schema_rows() -> Rows:
    """Default and meaning of every key, by its path: `classes.NAME.count`, `gates[].max_tv`."""
    schema = json_schema()

    def inner(node: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The sections that `node` may hold, with what leads to them."""
        if "$ref" in node:
            yield "", schema["$defs"][node["$ref"].rpartition("/")[2]]
        for choice in node.get("anyOf", []):
            yield from inner(choice)
        for below in node.get("patternProperties", {}).values():
            yield from ((f".NAME{path}", section) for path, section in inner(below))
        if "items" in node:
            yield from ((f"[]{path}", section) for path, section in inner(node["items"]))

    def walk(section: dict[str, Any], prefix: str) -> Iterator[tuple[str, tuple[str, str]]]:
        for name, node in section["properties"].items():
            sections, default = list(inner(node)), node.get("default")
            if name in section.get("required", []):
                shown = "required"
            else:
                shown = "" if default is None or (sections and default) else f"`{json.dumps(default)}`"
            yield prefix + name, (shown, node["description"])
            for path, below in sections:
                yield from walk(below, f"{prefix}{name}{path}.")

    return dict(walk(schema, ""))


def documented_rows() -> Rows:
    lines = re.findall(r"^\| `([^`]+)` \| (.*?) ?\| (.*) \|$", SPECS, re.MULTILINE)
    return {key: (default, meaning) for key, default, meaning in lines}


def test_the_guide_to_specs_tells_every_key_its_default_and_its_meaning() -> None:
    assert documented_rows() == schema_rows()


def test_the_guide_to_specs_knows_no_key_twice() -> None:
    keys = re.findall(r"^\| `([^`]+)` \|", SPECS, re.MULTILINE)
    assert len(keys) == len(set(keys))


def test_the_readme_has_the_commands_that_exist_and_no_others() -> None:
    commands = {
        command.name or command.callback.__name__
        for command in cli.app.registered_commands
        if command.callback is not None
    }
    assert set(re.findall(r"^\| `synthgen (\w+)", README, re.MULTILINE)) == commands


def test_the_specs_in_the_readme_and_the_guide_are_good() -> None:
    for text in (README, SPECS):
        specs = [block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "synthgen: 1" in block]
        assert specs
        for spec in specs:
            parse_spec(spec)


def documented_fields(section: str) -> set[str]:
    """What stands in the first column of the table in a section of the guide to runs; NAME is an attribute's, or a
    score's."""
    text = RUNS.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_the_guide_to_runs_tells_every_field_of_a_progress_line() -> None:
    assert documented_fields("Progress") == {field.name for field in fields(Progress)}
    assert all(f"`{field.name}`" in RUNS for field in fields(ClassProgress))


def test_the_guide_to_runs_tells_every_column_of_the_ledger_and_every_reason() -> None:
    overrides = ["output.rejects.keep=images", "attributes={NAME: {values: {a: [chef], b: [nurse]}}}"]
    spec = parse_spec((ROOT / "specs" / "quickstart.yaml").read_text("utf-8"), overrides=overrides)
    assert documented_fields("The ledger") == set(ledger_schema(spec, ["NAME"]).names)
    assert all(f"`{word}`" in RUNS for word in [*Reason, *Verdict])
