"""`filters.early`, from a spec to a dataset, by the command line and the bundled model."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from synthgen.running.shard.journal import SECONDS
from synthgen.store.faults import VARIABLE
from tests.command import call

SPEC = """\
synthgen: 1
name: early
model: {id: "bundled:workers", steps: 6, guidance: 1.5}
classes: {doctor: 80, nurse: 80}
prompts: {templates: ["a portrait of a {class}", "a {class}"]}
attributes:
  skin_tone: {values: {light: ["a person with light skin"], dark: ["a person with dark skin"]}}
filters: {label: {min_posterior: 0.9}, early: {steps: 2, keep: 0.6}}
budget: {attempts_per_image: 40}
"""


def plan(folder: Path, *overrides: str, code: int = 0) -> dict[str, object]:
    (folder / "spec.yaml").write_text(SPEC)
    given = [part for one in overrides for part in ("--set", one)]
    answer = call("plan", "spec.yaml", "--json", *given, folder=folder)
    assert answer.returncode == code, answer.stderr
    found: dict[str, object] = json.loads(answer.stdout)
    return found


def test_a_plan_says_whether_attempts_are_stopped(tmp_path: Path) -> None:
    def early(*overrides: str) -> object:
        found = plan(tmp_path, *overrides)["result"]
        assert isinstance(found, dict)
        return found["early"]

    assert early() == "after step 2 of 6, keeping 0.6 of the good images or more"
    assert early("filters.early=auto", "model.steps=20").startswith("after step 3 of 20, keeping 0.9")  # type: ignore[attr-defined]
    assert early("filters.early=off") is None
    assert early("filters.early=auto", "model.steps=3") == "off: 3 steps are too few to save much"
    assert "model.steps" in str(early("filters.early=auto", "model.steps=[10, 20]"))
    assert "64" in str(early("filters.early=auto", "output.shard_size=30"))
    assert "nothing is rejected" in str(early("filters={early: auto}"))


@pytest.mark.parametrize(
    ("override", "why"),
    [
        ("model.steps=2", "2 steps are too few"),
        ("model.cache=taylorseer", "model.cache"),
        ("model.steps=[10, 20]", "images draw their model.steps"),
        ("output.shard_size=30", "shards of 30 images"),
        ("filters.early={steps: 6}", "an image is finished after 6 steps"),
        ("then={task: upscale, scale: 2}", "later stages"),
    ],
)
def test_a_step_that_cannot_be_left_at_is_refused_by_name(override: str, why: str, tmp_path: Path) -> None:
    answer = json.dumps(plan(tmp_path, override, code=2))
    assert "filters.early" in answer
    assert why in answer


@pytest.mark.parametrize("value", ["sometimes", "{steps: 0}", "{keep: 1}", "{share: 0.5}"])
def test_a_value_that_means_nothing_is_refused_at_its_place(value: str, tmp_path: Path) -> None:
    assert "filters.early" in json.dumps(plan(tmp_path, f"filters.early={value}", code=2))


def ledger(run: Path) -> list[dict[str, object]]:
    (file,) = (run / "ledger").glob("*.parquet")
    found: list[dict[str, object]] = pq.read_table(file).to_pylist()
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("early")
    (folder / "spec.yaml").write_text(SPEC)
    answer = call("run", "spec.yaml", "-o", "run", "--json", folder=folder)
    assert answer.returncode == 0, answer.stderr
    (folder / "answer.json").write_text(answer.stdout)
    return folder


@pytest.mark.slow
def test_a_run_stops_attempts_and_tells_what_that_may_have_lost(made: Path) -> None:
    rows = ledger(made / "run")
    stopped = [row for row in rows if row["reason"] == "early"]
    assert stopped
    told = json.loads((made / "answer.json").read_text())["result"]["early"]
    assert told["stopped"] == len(stopped)
    assert [each["group"] for each in told["bounds"][:3]] == ["", "doctor", "nurse"]
    assert {each["group"] for each in told["bounds"][3:]} == {"skin_tone=light", "skin_tone=dark"}
    assert all(0 <= each["lost"] <= 1 for each in told["bounds"])
    assert "stopped early" in (made / "run/dataset/README.md").read_text()
    assert call("verify", "run", folder=made).returncode == 0


@pytest.mark.slow
def test_a_stopped_attempt_can_be_shown_and_is_finished_by_replay(made: Path) -> None:
    name = next(str(row["id"]) for row in ledger(made / "run") if row["reason"] == "early")
    shown = json.loads(call("show", "run", name, "--json", folder=made).stdout)["result"]
    assert "after step 2" in json.dumps(shown)
    again = call("replay", "run", name, "--json", folder=made)
    found = json.loads(again.stdout)["result"]
    assert found["verdict"] == "rejected: early"
    assert found["difference"] is None
    assert call("sheet", "run", folder=made).returncode == 0
    assert call("exclude", "run", name, folder=made).returncode == 2
    stricter = call("rejudge", "run", "--set", "filters.label.min_posterior=0.95", "-o", "again", folder=made)
    assert stricter.returncode in (0, 3), stricter.stderr  # 3: fewer images than asked for
    assert next(row["id"] for row in ledger(made / "again") if row["reason"] == "early") == name


@pytest.mark.slow
def test_a_run_that_was_killed_comes_to_the_same_ledger(made: Path, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    command = [sys.executable, "-m", "synthgen", "run", "spec.yaml", "-o", "run"]
    fault = {**os.environ, SECONDS: "0", VARIABLE: "journal-written:5"}
    assert subprocess.run(command, cwd=tmp_path, env=fault, capture_output=True, check=False, timeout=240).returncode
    assert list((tmp_path / "run/journal").iterdir())
    assert call("run", "spec.yaml", "-o", "run", folder=tmp_path).returncode == 0

    def outcomes(folder: Path) -> list[object]:
        return [(row["id"], row["verdict"], row["reason"], row["early_control"]) for row in ledger(folder / "run")]

    assert outcomes(tmp_path) == outcomes(made)
