"""A pipeline of thirty steps, from a family of specs to a gated audit, led by envelopes and exit codes alone."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset

from tests.command import call, envelope

BASE = """
synthgen: 1
name: workers
vars: {STEPS: 8, WHO: person}
model:
  id: bundled:workers
  steps: ${STEPS}
  batch_size: 2
classes: {doctor: 6, chef: 6}
prompts: {templates: ["a ${WHO}, a {class}", "a {class}"]}
attributes:
  skin_tone:
    values:
      light: ["a person with light skin"]
      medium: ["a person with medium skin"]
      dark: ["a person with dark skin"]
filters: {quality: {}}
output: {shard_size: 6, splits: {train: 0.5, test: 0.5}}
metadata: {owner: vision}
"""
CHILD = "extends: base.yaml\nname: child\nclasses: {nurse: 6}\noutput: {surplus: keep}\n"


class Pipeline:
    """Calls commands in a folder and checks how they end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steps = 0

    def step(self, *arguments: object, ends: int = 0) -> dict[str, Any]:
        """Call a command with `--json`; return what it found."""
        self.steps += 1
        done = call(*arguments, "--json", folder=self.folder)
        found = envelope(done.stdout)
        assert (done.returncode, found["exit_code"], found["ok"]) == (ends, ends, ends == 0), (
            arguments,
            found["errors"],
        )
        assert bool(found["errors"]) == (ends != 0)
        return found["result"] if ends == 0 else found

    def interrupted(self, *arguments: object, journal: Path) -> dict[str, Any]:
        """Begin a command, and stop it by SIGTERM when its first batch is kept."""
        self.steps += 1
        command = [sys.executable, "-m", "synthgen", *map(str, arguments), "--json"]
        environment = os.environ | {"SYNTHGEN_JOURNAL_SECONDS": "0"}
        with subprocess.Popen(
            command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            deadline = time.monotonic() + 120
            while process.poll() is None and time.monotonic() < deadline and not any(journal.glob("*")):
                time.sleep(0.02)
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=120)
        assert process.returncode == envelope(out)["exit_code"] == 75
        return envelope(out)


def images(run: Path) -> set[str]:
    """The ids of a run's dataset, as the datasets library reads it."""
    found = load_dataset(str(run / "dataset"), cache_dir=str(run.parent / "cache"))
    return {row for split in found.values() for row in split["id"]}


@pytest.mark.sweep
@pytest.mark.timeout(900)
def test_a_pipeline_of_thirty_steps_runs_by_envelope_and_exit_code_alone(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(BASE, "utf-8")
    (tmp_path / "child.yaml").write_text(CHILD, "utf-8")
    (tmp_path / "broken.yaml").write_text("extends: base.yaml\nmodel: {steps: ten}\n", "utf-8")
    run = tmp_path / "run"
    does = Pipeline(tmp_path)

    # The family of specs, and a small run of one.
    (problem,) = does.step("validate", "child.yaml", "broken.yaml", ends=2)["errors"]
    assert (problem["file"], problem["line"]) == ("broken.yaml", 2)
    does.step("validate", "base.yaml", "child.yaml")
    does.step("validate", "--models", "child.yaml")
    assert does.step("run", "child.yaml", "--limit", 3, "--var", "WHO=worker")["images"] == 3
    does.step("verify", "outputs/child-smoke")
    does.step("remove", "outputs/child-smoke", ends=2)
    does.step("remove", "outputs/child-smoke", "--yes")
    assert not (tmp_path / "outputs/child-smoke").exists()

    # An array of two tasks, one of which is stopped and started again.
    planned = does.step("plan", "child.yaml", "--price-per-hour", "2.50")
    assert does.step("plan", "child.yaml", "-o", "run")["fingerprint"] == planned["fingerprint"]
    does.interrupted("work", "run", "--index", 0, "--of", 2, journal=run / "journal")
    assert does.step("status", "run")["done"] < 3
    does.step("work", "run", "--index", 0, "--of", 2, "--metrics-file", "task-0.prom")
    does.step("work", "run", "--index", 1, "--of", 2, "--metrics-file", "task-1.prom")
    assert does.step("status", "run")["pending"] == []
    assert does.step("finalize", "run")["images"] == 18
    does.step("verify", "run")

    # A reviewer takes two images out; others take their places.
    first = sorted(images(run))[:2]
    assert does.step("show", "run", first[0])
    (tmp_path / "out.csv").write_text("id,decision\n" + "".join(f"{each},exclude\n" for each in first), "utf-8")
    does.step("exclude", "run", "--file", "out.csv", "--reason", "two hats", "--reviewer", "ana")
    assert images(run).isdisjoint(first)
    assert does.step("run", "run", "--top-up")["images"] == 18
    assert images(run).isdisjoint(first)
    does.step("exclude", "run", "99999-000000", ends=2)
    does.step("verify", "run")

    # A larger run of the same spec; a repetition from the record alone.
    larger = CHILD.replace("nurse: 6", "nurse: 8")
    (tmp_path / "child.yaml").write_text(larger, "utf-8")
    assert does.step("run", "child.yaml", "-o", "run", "--extend")["images"] == 20
    does.step("replay", "run", sorted(images(run))[-1])
    does.step("rejudge", "run", "-o", "strict", "--set", "filters.quality.min_contrast=0.02")
    assert does.step("run", "run/spec.resolved.yaml", "-o", "repeated", "--limit", 3)["images"] == 3
    does.step("runs", ".")

    # What leaves the pipeline: a set that was checked, labels to fill in, and a gate that can stop it.
    gate = ("--target", "skin_tone=uniform", "--gate", "skin_tone: tv <= 0.9")
    undecided = does.step("audit", "run", *gate, ends=4)
    assert undecided["errors"][0]["code"] == "gate_undecided"
    does.step("audit", "run", "--export-labels", 6, "-o", "labels")
    does.step("audit", "run", *gate, "--trust-judge")
    does.step(
        "audit", "run", "--target", "skin_tone=light:1", "--gate", "skin_tone: tv <= 0.05", "--trust-judge", ends=4
    )
    assert json.loads((run / "audit/audit.json").read_text("utf-8"))
    assert does.steps >= 30
