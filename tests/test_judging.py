"""Quotas, shares and thresholds from the command line, on the bundled model: what a user of them would see."""

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.command import call, result
from tests.page import Page

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
    done = call("run", "spec.yaml", "--set", "balance=[{attribute: skin_tone}]", folder=home)
    assert done.returncode == 0, done.stdout + done.stderr
    data = pd.read_parquet(home / "outputs/small/dataset/data")
    assert Counter(zip(data["label"], data["attribute_skin_tone"], strict=True)) == {
        (label, tone): 2 for label in (0, 1) for tone in ("light", "medium", "dark")
    }


def test_a_cell_that_the_model_never_draws_ends_in_exit_3_and_starves_no_other(home: Path) -> None:
    balance = "balance=[{attribute: content, target: {person: 0.5, nothing: 0.5}}]"
    done = call("run", "spec.yaml", "--json", "--set", balance, folder=home)
    assert done.returncode == 3
    assert "6 images short" in done.stderr
    made = result(done.stdout)
    assert {short["cell"]: short["missing"] for short in made["shortfalls"]} == {
        "chef, content=nothing": 3,
        "farmer, content=nothing": 3,
    }
    # A batch keeps its size: some spare attempts follow the last that the budget has.
    assert all(30 <= short["attempts"] < 30 + 32 and not short["hits"] for short in made["shortfalls"])
    assert made["accepted"] == 6
    ledger = pd.read_parquet(home / "outputs/small/ledger")
    assert len(ledger) == made["attempted"]


@pytest.mark.sweep
def test_labels_of_a_pilot_that_grows_become_thresholds_that_a_run_keeps(home: Path) -> None:
    pilot = home / "outputs/small-pilot"
    nothing = call("calibrate", "spec.yaml", "--keep", 0.5, folder=home)
    assert (nothing.returncode, "synthgen calibrate SPEC -o outputs/small-pilot" in nothing.stderr) == (2, True)
    made = call("calibrate", "spec.yaml", "-n", 8, folder=home)
    assert made.returncode == 0, made.stderr
    fill_in(pilot / "labels.csv", lambda row: "yes")
    grown = call("calibrate", "spec.yaml", "-n", 20, folder=home)
    assert grown.returncode == 0, grown.stderr
    rows = rows_of(pilot / "labels.csv")
    assert Counter((row["class"], row["right"]) for row in rows) == {
        ("chef", "yes"): 8, ("farmer", "yes"): 8, ("chef", ""): 12, ("farmer", ""): 12,
    }  # fmt: skip
    page = Page((pilot / "to-label.html").read_text("utf-8"))
    assert [values["alt"] for tag, values in page.tags if tag == "img"] == [row["id"] for row in rows]
    swaying = ("accepted", "rejected", "posterior", "score", "%", "skin")
    assert not [word for word in swaying if word in page.text], "the page is blind"
    ledger = pd.read_parquet(pilot / "ledger")
    posteriors = dict(zip(ledger["id"], ledger["score_label_posterior"], strict=True))
    # Someone who agrees with the judge about what is likely.
    fill_in(pilot / "labels.csv", lambda row: "yes" if posteriors[row["id"]] > 0.5 else "no")

    labels = ["--labels", "outputs/small-pilot/labels.csv"]
    refused = call("calibrate", "spec.yaml", *labels, "--precision", 0.99, folder=home)
    assert refused.returncode == 3
    assert "was not reached for chef, farmer" in refused.stderr
    assert "0.99 with confidence 0.975 takes 368, of about" in refused.stdout
    assert not (pilot / "calibration.json").exists()
    half = call("calibrate", "spec.yaml", "--keep", 0.5, folder=home)
    assert half.returncode == 0, half.stderr
    assert half.stdout.count("yield 50%") == 2
    found = call("calibrate", "spec.yaml", *labels, "--precision", 0.6, folder=home)
    assert found.returncode == 0, found.stderr
    assert (pilot / "calibration.svg").read_text().startswith("<?xml")

    named = ["--set", "filters.label={calibration: outputs/small-pilot/calibration.json}"]
    done = call("run", "spec.yaml", *named, folder=home)
    assert done.returncode == 0, done.stdout + done.stderr
    floors = json.loads((pilot / "calibration.json").read_text())["classes"]
    accepted = pd.read_parquet(home / "outputs/small/ledger").query("verdict == 'accepted'")
    assert all(row.score_label_posterior >= floors[row["class"]]["min_posterior"] for _, row in accepted.iterrows())

    promise = "precision 0.6 with confidence 0.95"
    told = [home / "outputs/small" / name for name in ("plan.json", "report.html", "dataset/README.md")]
    assert all(promise in file.read_text("utf-8") for file in told)
    stricter = call("rejudge", "outputs/small", "--set", "filters.label.min_posterior=1", folder=home)
    assert stricter.returncode in {0, 3}, stricter.stderr
    assert promise not in (home / "outputs/small-rejudged/plan.json").read_text("utf-8"), "made for other thresholds"

    other = call("plan", "spec.yaml", *named, "--set", "model.steps=9", folder=home)
    assert other.returncode == 2
    assert "another spec: model.steps is 9; in the calibration it is 8" in other.stderr


def test_the_pilot_of_a_balanced_spec_has_its_cells(home: Path) -> None:
    balanced = ["--set", "balance=[{attribute: skin_tone}]"]
    few = call("calibrate", "spec.yaml", "-n", 2, *balanced, folder=home)
    assert few.returncode == 2
    assert "--count: 2: 2 images cannot fill the 3 cells" in few.stderr
    made = call("calibrate", "spec.yaml", "-n", 3, *balanced, folder=home)
    assert made.returncode == 0, made.stderr
    kept = pd.read_parquet(home / "outputs/small-pilot/ledger").query("verdict == 'accepted'")
    assert set(Counter(kept["cell_filled"]).values()) == {1}
    assert len(kept) == 6
    bare = call("calibrate", "spec.yaml", "--keep", 1, folder=home)
    assert bare.returncode == 2
    assert "the spec lacks the balance of 'skin_tone', which the pilot has" in bare.stderr


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


def fill_in(table: Path, answer: Callable[[dict[str, str]], str]) -> None:
    rows = rows_of(table)
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows({**row, "right": answer(row)} for row in rows)
