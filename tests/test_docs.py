"""The guides say what the program does: every key of a spec, every command."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import synthgen
from synthgen import cli
from synthgen.cli.display import JsonLines
from synthgen.cli.progress import Snapshot
from synthgen.errors import SynthgenError
from synthgen.ledger.rows import ledger_schema
from synthgen.records import Reason, Verdict
from synthgen.spec import Settings, SpecText, checked, json_schema, parse_spec

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
SPECS = (ROOT / "docs" / "specs.md").read_text("utf-8")
RUNS = (ROOT / "docs" / "runs.md").read_text("utf-8")
COMMANDS = (ROOT / "docs" / "commands.md").read_text("utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
Rows = dict[str, tuple[str, str]]


def schema_rows() -> Rows:
    """Default and meaning of every key, by its path: `classes.NAME.count`, `gates[].max_tv`."""
    schema: dict[str, Any] = dict(json_schema())

    def inner(node: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The sections that `node` may hold, with what leads to them."""
        if "$ref" in node:
            yield "", schema["$defs"][node["$ref"].rpartition("/")[2]]
        for choice in [*node.get("anyOf", []), *node.get("oneOf", [])]:
            yield from inner(choice)
        for below in node.get("patternProperties", {}).values():
            yield from ((f".NAME{path}", section) for path, section in inner(below))
        if "items" in node:
            yield from ((f"[]{path}", section) for path, section in inner(node["items"]))

    def walk(section: dict[str, Any], prefix: str) -> Iterator[tuple[str, tuple[str, str]]]:
        required = section.get("required") or section.get("anyOf", [{}])[0].get("required", [])
        for name, node in section.get("properties", {}).items():  # any JSON has none
            sections, default = list(inner(node)), node.get("default")
            if name in required:
                shown = "required"
            else:
                shown = (
                    ""
                    if default is None or (sections and default and not isinstance(default, int | float))
                    else f"`{json.dumps(default)}`"
                )
            yield prefix + name, (shown, node["description"])
            for path, below in sections:
                yield from walk(below, f"{prefix}{name}{path}.")

    found = dict(walk(schema, ""))
    # The same as below `prompts`, and as below `then` where that is one stage.
    repeats = ("classes.NAME.variables.", "classes.NAME.templates.", "then[].")
    return {key: row for key, row in found.items() if not key.startswith(repeats)}


def documented_rows() -> Rows:
    lines = re.findall(r"^\| `([^`]+)` \| (.*?) ?\| (.*) \|$", SPECS, re.MULTILINE)
    return {key: (default, meaning) for key, default, meaning in lines}


def test_the_guide_to_specs_tells_every_key_its_default_and_its_meaning() -> None:
    assert documented_rows() == schema_rows()


def test_the_guide_to_specs_knows_no_key_twice() -> None:
    keys = re.findall(r"^\| `([^`]+)` \|", SPECS, re.MULTILINE)
    assert len(keys) == len(set(keys))


def test_the_guide_to_commands_has_those_that_exist_and_no_others() -> None:
    commands = {
        command.name or command.callback.__name__
        for command in cli.app.registered_commands
        if command.callback is not None
    }
    assert set(re.findall(r"^\| `synthgen (\w+)", COMMANDS, re.MULTILINE)) == commands


def test_the_guide_to_commands_has_every_exit_code() -> None:
    def codes(error: type[SynthgenError]) -> Iterator[int]:
        for below in error.__subclasses__():
            yield below.exit_code
            yield from codes(below)

    documented = re.findall(r"^\| (\d+) \|", COMMANDS, re.MULTILINE)
    assert list(map(int, documented)) == sorted({0, 130, *codes(SynthgenError)})


def test_the_guide_to_python_has_every_name_of_the_face() -> None:
    documented = re.findall(r"^::: synthgen\.(\w+)$", (ROOT / "docs/python.md").read_text("utf-8"), re.MULTILINE)
    assert sorted([*documented, "Spec", "__version__"]) == sorted(dir(synthgen))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_specs_in_the_guides_are_good(page: Path) -> None:
    text = page.read_text("utf-8")
    specs = [block for block in re.findall(r"```yaml[^\n]*\n(.*?)```", text, re.DOTALL) if "synthgen: 1" in block]
    assert specs or page.name not in {"README.md", "specs.md", "tutorial.md", "add-a-class.md", "own-model.md"}
    for spec in specs:
        checked(SpecText(spec, page.name), Settings(reads_prompts=False))


def test_the_readme_merges_as_the_guide_does() -> None:
    recipe = re.search(
        r"^## datasets\n\n(```python\n.*?^```)", (ROOT / "docs/merging.md").read_text("utf-8"), re.M | re.S
    )
    assert recipe is not None
    assert recipe[1] in README


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    targets = re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", text)
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_drawn_rooms_are_those_of_the_import_contract() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    (contract,) = [each for each in tools["importlinter"]["contracts"] if each["type"] == "layers"]
    drawn = re.search(r"<!-- layers -->\n\n```\n(.*?)```", ARCHITECTURE, re.DOTALL)
    assert drawn is not None
    assert [set(line.split(" | ")) for line in drawn[1].splitlines()] == [
        set(layer.split(" | ")) for layer in contract["layers"]
    ]
    table = re.findall(r"^\| `(\w+)` \|", ARCHITECTURE, re.MULTILINE)
    assert sorted(table) == sorted(room for layer in contract["layers"] for room in layer.split(" | "))


def test_files_that_the_architecture_names_are_there() -> None:
    named = re.findall(r"`((?:synthgen/)?[a-z_]+/[\w/]+\.py)`", ARCHITECTURE)
    assert named
    assert [file for file in named if not any((root / file).exists() for root in (ROOT, ROOT / "synthgen"))] == []


def test_the_citation_is_of_this_version_and_licence() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == synthgen.__version__
    assert citation["title"] == "synthgen"
    assert citation["license"] == "Apache-2.0"
    assert citation["authors"] == [{"name": "synthgen developers"}]
    assert {"cff-version", "message"} <= citation.keys()


def documented_fields(section: str) -> set[str]:
    """What stands in the first column of the table in a section of the guide to runs; NAME is an attribute's, or a
    score's."""
    text = RUNS.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_the_guide_to_runs_tells_every_field_of_a_progress_line(capsys: pytest.CaptureFixture[str]) -> None:
    with JsonLines("outputs/mine") as lines:
        lines.show(Snapshot("checking", "shards", 1, 2, 0.5, 2.0))
    assert documented_fields("Progress") == json.loads(capsys.readouterr().err).keys()


def test_the_guide_to_runs_tells_every_column_of_the_ledger_and_every_reason() -> None:
    attributes = "attributes={NAME: {values: {a: [chef], b: [nurse]}}}"
    overrides = ["output.rejects.keep=images", attributes, "model.steps=[10, 20]"]
    overrides += ["task=image-to-image", "source={dataset: ./photos, boxes: boxes, mask: mask}", "to={class: chef}"]
    text = (ROOT / "specs" / "quickstart.yaml").read_text("utf-8")
    found = ["output.rejects.keep=images", attributes, "annotate={boxes: owner/name, masks: owner/name}"]
    early = ["filters.early=auto", "classes.chef=100", "attributes={}"]
    specs = (parse_spec(text, overrides=each) for each in (overrides, [*found, "model={id: owner/name}"], early))
    assert documented_fields("The ledger") == {name for spec in specs for name in ledger_schema(spec, ["NAME"]).names}
    assert all(f"`{word}`" in RUNS for word in [*Reason, *Verdict])
