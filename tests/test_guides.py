"""The guides' commands, the examples and the notebook are run as they stand, with the models that ship."""

import atexit
import csv
import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient
from PIL import Image

from tests.command import warm_server

DOCS = Path(__file__).parents[1] / "docs"
EXAMPLES = DOCS / "examples"
BLOCK = re.compile(r'^```(bash|python|yaml)(?: title="([\w.]+)")?\n(.*?)^```', re.DOTALL | re.MULTILINE)


@cache
def programs() -> str:
    """The folder of a program `synthgen` that begins at once: each guide calls it many times."""
    folder = TemporaryDirectory()
    atexit.register(folder.cleanup)
    warm_server().write_program(Path(folder.name))
    return folder.name


def environment() -> dict[str, str]:
    """With this environment's programs first, as a user's activated one has."""
    return {**os.environ, "PATH": os.pathsep.join([programs(), str(Path(sys.executable).parent), os.environ["PATH"]])}


def shell(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=600, check=False
    )


def follow(page: str, folder: Path) -> list[str]:
    """Do what a guide says, block by block: write each named file, run each command and each script. Gives what was
    run."""
    done = []
    for language, title, text in BLOCK.findall((DOCS / page).read_text("utf-8")):
        if title:
            (folder / title).write_text(text, "utf-8")
        elif language != "yaml":
            command = ["bash", "-euc", text] if language == "bash" else [sys.executable, "-c", text]
            found = shell(command, folder)
            assert found.returncode == 0, f"{text}\n{found.stdout}\n{found.stderr}"
            done.append(text)
    return done


def example(name: str, *arguments: object, folder: Path, code: int = 0) -> str:
    found = shell([sys.executable, str(EXAMPLES / name), *map(str, arguments)], folder)
    assert found.returncode == code, found.stdout + found.stderr
    return found.stdout


def real_images(folder: Path, classes: list[str]) -> None:
    for shade, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (64, 64), (250, 0, shade * 60)).save(folder / name / f"{number}.jpg")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_tutorial_works_from_its_first_command_to_its_last(tmp_path: Path) -> None:
    real_images(tmp_path / "real/train", ["physician", "cook", "grower"])
    done = follow("tutorial.md", tmp_path)
    for verb in ("init", "validate", "plan", "preview", "run", "audit"):
        assert any(text.startswith(f"synthgen {verb} ") for text in done)
    dataset = pd.read_parquet(tmp_path / "outputs/staff/dataset/data")
    assert dataset.groupby("class").size().to_dict() == {"cook": 6, "grower": 6, "physician": 6}
    assert (tmp_path / "outputs/staff-preview.html").is_file()
    assert (tmp_path / "outputs/staff/audit/report.html").is_file()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_model_in_a_folder_is_used_as_the_guide_says(tmp_path: Path) -> None:
    (page := tmp_path / "own-model.md").write_text(
        re.sub(r"^## A LoRA.*?^## ", "## ", (DOCS / "own-model.md").read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    )
    assert len(follow(str(page), tmp_path)) == 2
    assert len(pd.read_parquet(tmp_path / "outputs/mine/dataset/data")) == 8

    (tmp_path / "my-model/another.txt").write_text("something else")
    again = shell(["synthgen", "run", "mine.yaml"], tmp_path)
    assert again.returncode == 2
    assert "revisions.generator" in again.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_class_is_added_as_the_guide_says(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", (DOCS / "add-a-class.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "staff.yaml").write_text(text, "utf-8")
    found = shell(["synthgen", "run", "staff.yaml", "--set", "model.steps=10"], tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr

    more = text.replace("  doctor: 10", "  doctor: 10\n  nurse: 10")
    (tmp_path / "staff.yaml").write_text(more, "utf-8")
    refused = shell(["synthgen", "run", "staff.yaml", "--set", "model.steps=10", "--extend"], tmp_path)
    assert refused.returncode == 2
    assert "  the new class 'nurse' comes before classes of the run" in refused.stderr
    assert "Put new classes after those of the run." in refused.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_examples_of_one_dataset_work_one_after_the_other(tmp_path: Path) -> None:
    assert "0 images missing" in example("make_a_dataset.py", folder=tmp_path)

    assert "accepted" in example("ledger.py", "outputs/trades", folder=tmp_path)

    real_images(tmp_path / "real", ["chef", "doctor", "nurse"])
    merged = example("merge.py", "real", "outputs/trades/dataset", "merged", folder=tmp_path)
    assert re.search(r"6 real and \d+ synthetic images of chef, doctor, nurse", merged)


@pytest.mark.slow
def test_the_example_of_an_interruption_goes_on_where_it_was(tmp_path: Path) -> None:
    told = example("resume.py", folder=tmp_path)
    assert "1 of 3 shards are committed" in told
    assert "2 shards made by the second call, 0 images missing" in told


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_loop_that_aims_goes_on_where_it_was(tmp_path: Path) -> None:
    rendered = shell(["synthgen", "render", "-n", "150", "-o", "real", "--seed", "3"], tmp_path)
    assert rendered.returncode == 0, rendered.stderr
    assert "round 0: " in example("aim.py", "real", 1, folder=tmp_path)
    rounds = tmp_path / "outputs/aimed"
    before = (rounds / "round-0/evaluation/evaluation.json").read_bytes()

    told = example("aim.py", "real", 2, folder=tmp_path)
    assert "wrong in validation" in told
    assert (rounds / "round-0/evaluation/evaluation.json").read_bytes() == before
    errors = json.loads((rounds / "round-0/errors.json").read_text())
    spec = json.loads((rounds / "round-1/run/plan.json").read_text())["spec"]
    assert spec["aimed_by"][0]["file"] == "errors.json"
    assert sum(kind["count"] for kind in spec["classes"].values()) == 54
    tones = {name: each["share"] for name, each in errors["groups"]["skin_tone"].items()}
    assert spec["balance"][0]["target"] == pytest.approx(tones)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_example_of_calibration_reads_what_was_labelled(tmp_path: Path) -> None:
    assert "fill in" in example("calibrate.py", folder=tmp_path)
    ledger = pd.read_parquet(tmp_path / "outputs/pilot/ledger")
    posteriors = dict(zip(ledger["id"], ledger["score_label_posterior"], strict=True))
    table = tmp_path / "outputs/pilot/labels.csv"
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:  # by the judge's word, in place of an eye
        row["right"] = "yes" if posteriors[row["id"]] > 0.5 else "no"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    assert "doctor" in example("calibrate.py", folder=tmp_path)
    assert (tmp_path / "outputs/pilot/calibration.json").is_file()


@pytest.mark.parametrize(("limit", "code", "outcome"), [(0.1, 0, "pass"), (0.02, 4, "insufficient data")])
def test_the_example_of_a_gate_ends_with_the_audits_exit_code(
    tmp_path: Path, limit: float, code: int, outcome: str
) -> None:
    lines = [f"{number}.jpg,{'ab'[number % 2]},{('light', 'medium', 'dark')[number % 3]}" for number in range(300)]
    (tmp_path / "people.csv").write_text("\n".join(["path,label,skin", *lines]))
    told = example("gate.py", "people.csv", f"skin over all: tv <= {limit}", folder=tmp_path, code=code)
    assert f": {outcome}: " in told


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_notebook_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.reads((EXAMPLES / "quickstart.ipynb").read_text("utf-8"), as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "outputs are not committed"
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert any("image/png" in output.get("data", {}) for output in shown)
    assert any("text/html" in output.get("data", {}) for output in shown)


def test_every_example_is_shown_and_run() -> None:
    page, tests = (DOCS / "examples.md").read_text("utf-8"), Path(__file__).read_text("utf-8")
    for file in EXAMPLES.iterdir():
        if file.suffix in {".py", ".ipynb"}:
            assert f"(examples/{file.name})" in page
            assert f'"{file.name}"' in tests
