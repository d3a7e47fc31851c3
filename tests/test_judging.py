"""Quotas, shares and thresholds from the command line, on the bundled model: what a user of them would see."""

import csv
import json
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from tests.command import synthgen

SPEC = """\
synthgen: 1
name: small
model: {id: "bundled:workers", steps: 8, guidance: 2.0}
classes: {chef: 6, farmer: 6}
prompts:
  templates: ["a {class} with {skin} skin"]
  variables: {skin: [light, medium, dark]}
attributes:
  skin_tone:
    values:
      light: ["a person with light skin"]
      medium: ["a person with medium skin"]
      dark: ["a person with dark skin"]
    variable: skin
  content: {values: {person: ["a picture of a person"], nothing: ["a blank picture"]}}
filters: {label: {min_posterior: 0.3}}
budget: {attempts_per_image: 10}
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path


def test_every_cell_is_filled_with_what_was_measured_to_belong_there(home: Path) -> None:
    done = synthgen("run", "spec.yaml", "--set", "balance=[{attribute: skin_tone}]", folder=home)
    assert done.returncode == 0, done.stdout + done.stderr
    data = pd.read_parquet(home / "outputs/small/dataset/data")
    assert Counter(zip(data["label"], data["attribute_skin_tone"], strict=True)) == {
        (label, tone): 2 for label in (0, 1) for tone in ("light", "medium", "dark")
    }


def test_a_cell_that_the_model_never_draws_ends_in_exit_3_and_starves_no_other(home: Path) -> None:
    balance = "balance=[{attribute: content, target: {person: 0.5, nothing: 0.5}}]"
    done = synthgen("run", "spec.yaml", "--json", "--set", balance, folder=home)
    assert done.returncode == 3
    assert "6 image(s) short" in done.stderr
    result = json.loads(done.stdout)
    assert {short["cell"]: short["missing"] for short in result["shortfalls"]} == {
        "chef, content=nothing": 3,
        "farmer, content=nothing": 3,
    }
    # A batch keeps its size: some spare attempts follow the last that the budget has.
    assert all(30 <= short["attempts"] < 30 + 32 and not short["hits"] for short in result["shortfalls"])
    assert result["accepted"] == 6
    ledger = pd.read_parquet(home / "outputs/small/ledger")
    assert len(ledger) == result["attempted"]


def test_labels_of_a_pilot_become_thresholds_that_a_run_keeps(home: Path) -> None:
    pilot = home / "outputs/small-pilot"
    made = synthgen("calibrate", "spec.yaml", "-n", 20, folder=home)
    assert made.returncode == 0, made.stderr
    assert "posterior" not in (pilot / "to-label.html").read_text(), "scores would sway the eye"
    ledger = pd.read_parquet(pilot / "ledger")
    posteriors = dict(zip(ledger["id"], ledger["score_label_posterior"], strict=True))
    with (pilot / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert Counter(row["class"] for row in rows) == {"chef": 20, "farmer": 20}
    with (pilot / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        for row in rows:  # someone who agrees with the judge about what is likely
            writer.writerow({**row, "right": "yes" if posteriors[row["id"]] > 0.5 else "no"})

    labels = ["--labels", "outputs/small-pilot/labels.csv"]
    half = synthgen("calibrate", "spec.yaml", "--keep", 0.5, folder=home)
    assert half.returncode == 0, half.stderr
    assert half.stdout.count("yield 50%") == 2
    refused = synthgen("calibrate", "spec.yaml", *labels, "--precision", 0.99, folder=home)
    assert refused.returncode == 3
    assert "was not reached for chef, farmer" in refused.stderr
    found = synthgen("calibrate", "spec.yaml", *labels, "--precision", 0.7, folder=home)
    assert found.returncode == 0, found.stderr
    assert (pilot / "calibration.svg").read_text().startswith("<?xml")

    named = ["--set", "filters.label={calibration: outputs/small-pilot/calibration.json}"]
    done = synthgen("run", "spec.yaml", *named, folder=home)
    assert done.returncode == 0, done.stdout + done.stderr
    floors = json.loads((pilot / "calibration.json").read_text())["classes"]
    accepted = pd.read_parquet(home / "outputs/small/ledger").query("verdict == 'accepted'")
    assert all(row.score_label_posterior >= floors[row["class"]]["min_posterior"] for _, row in accepted.iterrows())

    other = synthgen("plan", "spec.yaml", *named, "--set", "model.steps=9", folder=home)
    assert other.returncode == 2
    assert "calibration.json was made with other settings" in other.stderr
