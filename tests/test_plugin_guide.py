"""docs/plugins.md, executed: its packages are installed into a folder, and its specs run with them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.installed import install

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs/plugins.md").read_text("utf-8")
FILES = dict(re.findall(r'```\w+ title="([^"]+)"\n(.*?)```', GUIDE, re.DOTALL))
ENTRIES = dict(re.findall(r'\[project\.entry-points\."([^"]+)"\]\n(.*?)```', GUIDE, re.DOTALL))
PACKAGES = ("shadows", "stripes", "disk")
SHADOWS = FILES.get("spec.yaml", "")


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


def test_a_measure_of_the_guide_scores_rejects_and_is_named_where_the_run_is_explained(
    site: Path, tmp_path: Path
) -> None:
    # Limits that the bundled pictures meet and miss: some are kept, and some are rejected.
    (tmp_path / "spec.yaml").write_text(SHADOWS)
    done = synthgen(site, tmp_path, "run", "spec.yaml", "--set", "filters.measures.shadows.max=0.02")
    assert done.returncode in {0, 3}, done.stderr
    run = tmp_path / "outputs/bright-trades"
    rows = [row for path in (run / "ledger").glob("*.parquet") for row in pq.read_table(path).to_pylist()]
    rejected = [row for row in rows if row["reason"] == "measure"]
    assert rejected
    for row in rows:
        assert 0 <= row["score_shadows"] <= 1
        assert (row["score_shadows"] > 0.02) == (row in rejected)
    assert rejected[0]["message"] == f"shadows is {rejected[0]['score_shadows']:.4g}: expected at most 0.02"

    plan = json.loads((run / "plan.json").read_text())
    assert plan["revisions"]["plugins"] == {"measures.shadows": "synthgen-shadows 1.0"}
    assert plan["spec"]["filters"]["measures"] == {"shadows": {"min": None, "max": 0.02, "below": 60}}
    marker = json.loads(next((run / "done").iterdir()).read_text())
    assert marker["provenance"]["judge.measure.shadows"] == 'synthgen-shadows 1.0 {"below": 60}'

    card = (run / "dataset/README.md").read_text()
    assert "synthgen-shadows 1.0" in card

    # On another machine, a run that names a plug-in is somebody else's until it is trusted.
    elsewhere = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = synthgen(site, tmp_path, "replay", str(run), rows[0]["id"], **elsewhere)
    assert done.returncode == 2, done.stderr
    assert "the measure shadows of the installed package synthgen-shadows 1.0" in done.stderr

    newer = tmp_path / "newer"
    install(newer, "synthgen-shadows", "1.1", {"synthgen_shadows": FILES["synthgen_shadows.py"]}, {
        "synthgen.measures": "shadows = synthgen_shadows:Shadows"
    })  # fmt: skip
    work = ("work", str(run), "--index", "0", "--of", "1")
    done = synthgen(newer, tmp_path, "replay", str(run), rows[0]["id"])
    assert done.returncode == 2, done.stderr
    assert "is of synthgen-shadows 1.1 here, and the run was planned with synthgen-shadows 1.0" in done.stderr
    again = ("run", "spec.yaml", "--set", "filters.measures.shadows.max=0.02")
    done = synthgen(newer, tmp_path, *again)
    assert done.returncode == 2, done.stderr
    assert 'revisions.plugins.measures.shadows: "synthgen-shadows 1.0" -> "synthgen-shadows 1.1"' in done.stderr

    nowhere = tmp_path / "nowhere"
    for command in (work, again):
        done = synthgen(nowhere, tmp_path, *command)
        assert done.returncode == 2 or command is work, done.stderr
    assert "spec.yaml:8:5: filters.measures.shadows: there is no measure 'shadows' here" in done.stderr
    assert synthgen(nowhere, tmp_path, "status", str(run)).returncode == 0

    done = synthgen(
        nowhere, tmp_path, "rejudge", str(run), "--set", "filters.measures.shadows.max=0.01", "-o", "strict"
    )
    assert "Traceback" not in done.stderr


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


def test_a_spec_without_plug_ins_imports_none(site: Path, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SHADOWS.partition("filters:")[0])
    code = "import sys, synthgen; synthgen.plan(synthgen.load_spec('spec.yaml')); print(*sys.modules)"
    done = program(site, tmp_path, "-c", code)
    assert done.returncode == 0, done.stderr
    assert not {f"synthgen_{name}" for name in PACKAGES} & set(done.stdout.split())
