"""Runs made again from their own record, by the command line."""

from pathlib import Path

import pytest

from synthgen.spec import read_spec
from tests.command import call, envelope, said

SPEC = """
synthgen: 1
name: family
vars: {STEPS: 4}
model:
  id: bundled:workers
  steps: ${STEPS}
classes: {doctor: 3, chef: 2}
prompts: {templates: ["a {class}"]}
metadata: {owner: "team | one"}
"""


def parquet(run: Path) -> bytes:
    (file,) = (run / "dataset/data").glob("train*.parquet")
    return file.read_bytes()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repeating")
    (folder / "base.yaml").write_text(SPEC, "utf-8")
    (folder / "child.yaml").write_text("extends: base.yaml\nname: child\nclasses: {chef: null}\n", "utf-8")
    done = call("run", "child.yaml", "-o", "first", "--var", "STEPS=5", "--set", "seed=3", folder=folder)
    assert done.returncode == 0, done.stderr
    return folder / "first"


def test_a_run_keeps_its_resolved_spec_and_its_card_shows_both(run: Path) -> None:
    resolved = read_spec(run / "spec.resolved.yaml")
    assert (resolved.name, resolved.model.steps, resolved.seed, list(resolved.classes)) == ("child", 5, 3, ["doctor"])
    card = (run / "dataset/README.md").read_text("utf-8")
    assert r"| owner | team \| one |" in card
    assert "extends: base.yaml" in card
    assert "steps: 5" in card.partition("With everything worked in")[2]


@pytest.mark.slow
def test_a_run_is_resumed_and_repeated_from_its_record_alone(run: Path) -> None:
    folder = run.parent
    again = call("run", "first", folder=folder)
    assert (again.returncode, "nothing to do" in again.stdout) == (0, True)
    repeated = call("run", "first", "-o", "again", folder=folder)
    assert repeated.returncode == 0, repeated.stderr
    from_file = call("run", "first/spec.resolved.yaml", "-o", "deep/third", folder=folder)
    assert from_file.returncode == 0, from_file.stderr
    assert parquet(folder / "again") == parquet(run)
    assert read_spec(folder / "deep/third/spec.resolved.yaml") == read_spec(run / "spec.resolved.yaml")


@pytest.mark.parametrize("option", [["--set", "seed=4"], ["--var", "STEPS=2"], ["--limit", "1"], ["--extend"]])
def test_the_spec_of_a_run_is_fixed(run: Path, option: list[str]) -> None:
    refused = call("run", "first", *option, folder=run.parent)
    assert refused.returncode == 2
    assert said(refused.stderr).startswith(option[0])


def test_an_edited_record_is_refused_found_and_restored(run: Path) -> None:
    folder = run.parent
    record = run / "spec.resolved.yaml"
    before = record.read_text("utf-8")
    record.write_text(before.replace("steps: 5", "steps: 6"), "utf-8")
    refused = call("run", "first", folder=folder)
    assert (refused.returncode, "was edited" in said(refused.stderr)) == (2, True)
    assert call("verify", "first", folder=folder).returncode == 5
    assert call("repair", "first", folder=folder).returncode == 0
    assert record.read_text("utf-8") == before
    record.unlink()
    assert call("run", "first", folder=folder).returncode == 0
    assert record.read_text("utf-8") == before


@pytest.mark.slow
def test_a_smaller_run_has_a_folder_of_its_own(run: Path) -> None:
    folder = run.parent
    done = call("run", "base.yaml", "--limit", "2", "--json", folder=folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "outputs/family-smoke/plan.json").is_file()
    planned = envelope(call("plan", "base.yaml", "--scale", "0.4", "--json", folder=folder).stdout)["result"]
    assert planned["classes"] == {"doctor": 2, "chef": 1}
