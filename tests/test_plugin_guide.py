"""docs/plugins.md, executed: its packages are installed into a folder, and its specs run with them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.installed import install

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs/plugins.md").read_text("utf-8")
FILES = dict(re.findall(r'```\w+ title="([^"]+)"\n(.*?)```', GUIDE, re.DOTALL))
ENTRIES = dict(re.findall(r'\[project\.entry-points\."([^"]+)"\]\n(.*?)```', GUIDE, re.DOTALL))
PACKAGES = ("shadows", "stripes", "disk", "means")
SHADOWS = FILES["spec.yaml"]
LIMIT = "filters.measures.shadows.max"
RUN = ("run", "spec.yaml", "--set", f"{LIMIT}=0.02")
MADE = "outputs/bright-trades"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages of the guide, as an installer would leave them."""
    folder = tmp_path_factory.mktemp("site")
    for name in PACKAGES:
        module = f"synthgen_{name}"
        own = {group: text.replace('"', "") for group, text in ENTRIES.items() if text.startswith(f"{name} =")}
        assert len(own) == 1
        install(folder, f"synthgen-{name}", "1.0", {module: FILES[f"{module}.py"]}, own)
    return folder


def program(site: Path, folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": f"{site}{os.pathsep}{ROOT}", "SYNTHGEN_DISK": str(folder)} | variables
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def synthgen(site: Path, folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return program(site, folder, "-m", "synthgen", *arguments, **variables)


@pytest.mark.parametrize("name", PACKAGES)
def test_the_tests_of_the_guide_pass(name: str, site: Path, tmp_path: Path) -> None:
    done = program(site, tmp_path, "-c", FILES[f"test_{name}.py"])
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def place(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the guide's spec and its run, under limits that some of the pictures meet and others miss."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "spec.yaml").write_text(SHADOWS)
    done = synthgen(site, folder, *RUN)
    assert done.returncode in {0, 3}, done.stderr
    return folder


def rows_of(run: Path) -> list[dict[str, Any]]:
    return [row for path in (run / "ledger").glob("*.parquet") for row in pq.read_table(path).to_pylist()]


@pytest.mark.slow
def test_a_measure_of_the_guide_scores_every_image_and_rejects_what_is_outside_its_limits(place: Path) -> None:
    rows = rows_of(place / MADE)
    rejected = [row for row in rows if row["reason"] == "measure"]
    assert rejected
    for row in rows:
        assert 0 <= row["score_shadows"] <= 1
        assert (row["score_shadows"] > 0.02) == (row in rejected)
    assert rejected[0]["message"] == f"shadows is {rejected[0]['score_shadows']:.4g}: expected at most 0.02"


def test_version_and_arguments_of_a_measure_are_in_plan_provenance_and_card(place: Path) -> None:
    run = place / MADE
    plan = json.loads((run / "plan.json").read_text())
    assert plan["revisions"]["plugins"] == {"measures.shadows": "synthgen-shadows 1.0"}
    assert plan["spec"]["filters"]["measures"] == {"shadows": {"min": None, "max": 0.02, "below": 60}}
    marker = json.loads(next((run / "done").iterdir()).read_text())
    assert marker["provenance"]["judge.measure.shadows"] == 'synthgen-shadows 1.0 {"below": 60}'
    assert "synthgen-shadows 1.0" in (run / "dataset/README.md").read_text()


def test_another_machine_asks_for_trust_before_a_run_uses_a_plug_in(site: Path, place: Path, tmp_path: Path) -> None:
    attempt = rows_of(place / MADE)[0]["id"]
    done = synthgen(site, place, "replay", MADE, attempt, XDG_CACHE_HOME=str(tmp_path))
    assert done.returncode == 2, done.stderr
    assert "the measure shadows of the installed package synthgen-shadows 1.0" in done.stderr


@pytest.mark.slow
def test_a_run_is_not_gone_on_with_by_another_version_of_its_plug_in(place: Path, tmp_path: Path) -> None:
    module, entry = {"synthgen_shadows": FILES["synthgen_shadows.py"]}, "shadows = synthgen_shadows:Shadows"
    install(tmp_path, "synthgen-shadows", "1.1", module, {"synthgen.measures": entry})
    done = synthgen(tmp_path, place, "replay", MADE, rows_of(place / MADE)[0]["id"])
    assert done.returncode == 2, done.stderr
    assert "is of synthgen-shadows 1.1 here, and the run was planned with synthgen-shadows 1.0" in done.stderr
    done = synthgen(tmp_path, place, *RUN)
    assert done.returncode == 2, done.stderr
    assert 'revisions.plugins.measures.shadows: "synthgen-shadows 1.0" -> "synthgen-shadows 1.1"' in done.stderr


def test_without_its_plug_in_a_run_can_be_looked_at_and_made_stricter_but_not_gone_on_with(
    place: Path, tmp_path: Path
) -> None:
    done = synthgen(tmp_path, place, *RUN)
    assert done.returncode == 2, done.stderr
    assert "spec.yaml:8:5: filters.measures.shadows: there is no measure 'shadows' here" in done.stderr
    assert synthgen(tmp_path, place, "status", MADE).returncode == 0

    # Stricter limits need the recorded scores, and not the plug-in.
    strict = tmp_path / "strict"
    done = synthgen(tmp_path, place, "rejudge", MADE, "--set", f"{LIMIT}=0.001", "-o", str(strict))
    assert done.returncode in {0, 3}, done.stderr
    darker = [row for row in rows_of(strict) if row["score_shadows"] > 0.001]
    assert darker
    assert {row["reason"] for row in darker} == {"measure"}
    assert all(row["message"].endswith("expected at most 0.001") for row in darker)


@pytest.mark.slow
def test_a_generator_of_the_guide_makes_a_dataset_and_is_named_in_its_provenance(site: Path, tmp_path: Path) -> None:
    spec = re.sub(r"filters:.*", "", SHADOWS, flags=re.DOTALL).replace("bundled:workers", "plugin:stripes/wide")
    (tmp_path / "spec.yaml").write_text(spec + 'judge: {id: "bundled:judge"}\n')
    done = synthgen(site, tmp_path, "run", "spec.yaml")
    assert done.returncode == 0, done.stderr
    run = tmp_path / "outputs/bright-trades"
    assert json.loads((run / "plan.json").read_text())["revisions"]["generator"] == "plugin:synthgen-stripes 1.0"
    provenance = json.loads(next((run / "done").iterdir()).read_text())["provenance"]
    assert provenance["generator.plugin"] == "synthgen-stripes 1.0"
    assert provenance["generator.model"] == "plugin:stripes/wide"
    assert sum(pq.read_table(path).num_rows for path in (run / "dataset/data").glob("*.parquet")) == 6
    done = synthgen(tmp_path / "nowhere", tmp_path, "run", "spec.yaml")
    assert done.returncode == 2, done.stderr
    assert "spec.yaml:3:13: model.id: there is no generator 'stripes' here" in done.stderr


@pytest.mark.parametrize(
    ("measures", "place", "problem"),
    [
        ("{shadow: {max: 0.2}}", "7:14", "there is no measure 'shadow' here"),
        ("{shadows: {max: 0.2, belw: 60}}", "7:34", "takes no 'belw'; expected one of min, max, below"),
        ("{shadows: {max: low}}", "7:29", "expected a number, found the text 'low'"),
        ("{shadows: {min: 0.5, max: 0.2}}", "7:39", "expected at least the min, 0.5, found 0.2"),
        ("{noise: {max: 0.2}}", "7:14", "'noise' is reserved for a score of the judge's own"),
        ("{shadows: 0.2}", "7:23", "expected a mapping, found 0.2"),
    ],
)
def test_what_is_wrong_with_a_measure_is_reported_with_its_place(
    measures: str, place: str, problem: str, site: Path, tmp_path: Path
) -> None:
    head = SHADOWS.partition("  measures:")[0]
    (tmp_path / "spec.yaml").write_text(f"{head}  measures: {measures}\n")
    done = synthgen(site, tmp_path, "validate", "spec.yaml")
    assert done.returncode == 2, done.stderr
    assert f"spec.yaml:{place}: filters.measures" in done.stderr
    assert problem in done.stderr


def test_a_learner_of_the_guide_is_trained_by_an_evaluation(site: Path, tmp_path: Path) -> None:
    for name, count in (("photos", 8), ("outputs/quickstart", 10)):
        for shade, label in enumerate(("dark", "light")):
            for number in range(count):
                path = tmp_path / name / label / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                noise = np.random.default_rng([shade, number, count]).normal(60 + 110 * shade, 90, (40, 48, 3))
                Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8)).save(path)
    (command,) = re.findall(r"^synthgen (evaluate .*--learner means.*)$", GUIDE, re.MULTILINE)
    done = synthgen(site, tmp_path, *command.split(), "--quiet")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "outputs/evaluation/evaluation.json").read_text())
    assert found["training"] == {"image_size": 64, "package": "synthgen-means 1.0"}
    real, augmented = found["arms"][:2]
    assert (real["name"], augmented["name"]) == ("real", "real + RandAugment")
    assert augmented["images"] == 3 * real["images"]
    assert real["scores"]["accuracy"]["value"] > 0.9


def test_a_spec_without_plug_ins_imports_none(site: Path, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SHADOWS.partition("filters:")[0])
    code = "import sys, synthgen; synthgen.plan(synthgen.load_spec('spec.yaml')); print(*sys.modules)"
    done = program(site, tmp_path, "-c", code)
    assert done.returncode == 0, done.stderr
    assert not {f"synthgen_{name}" for name in PACKAGES} & set(done.stdout.split())
