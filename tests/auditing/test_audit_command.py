"""`synthgen audit` on the command line."""

import json
import shlex
from pathlib import Path

import pandas as pd
import pytest

import synthgen
from tests.auditing.audits import JUDGE, UNIFORM, judged
from tests.auditing.portraits import ATTRIBUTES, as_csv, as_folder, table
from tests.command import call, said

GATES = {
    "pass": (["skin over all: tv <= 0.9"], 0),
    "fail": (["skin over all: share of dark <= 1%"], 4),
    "insufficient": (["skin over all: tv <= 0.05"], 4),
    "allowed": (["skin over all: tv <= 0.05", "--allow-insufficient"], 0),
    "allowed but failed": (["skin over all: share of dark <= 1%", "--allow-insufficient"], 4),
}


@pytest.mark.parametrize(("gate", "code"), GATES.values(), ids=GATES)
def test_gates_decide_the_exit_code(gate: list[str], code: int, tmp_path: Path) -> None:
    as_csv(tmp_path / "set", table())
    done = call(
        "audit",
        "set/list.csv",
        "--known",
        "skin=skin",
        "--target",
        "skin=uniform",
        "--json",
        "--gate",
        *gate,
        folder=tmp_path,
    )
    assert done.returncode == code, done.stderr
    written = json.loads((tmp_path / "outputs" / "list-audit" / "audit.json").read_text("utf-8"))
    assert json.loads(done.stdout)["result"] == written
    assert (tmp_path / "outputs" / "list-audit" / "report.html").is_file()
    assert ("skin overall" in done.stderr) == bool(code)


@pytest.mark.slow
def test_the_command_line_judges_and_exports(folder: Path) -> None:
    options = ["set", "--attributes", "attributes.yaml", "--judge", JUDGE, "--cache", "cache"]
    done = call("audit", *options, "-o", "found", "--cross", "class,skin_tone", folder=folder)
    assert done.returncode == 0, done.stderr
    assert "skin tone" in done.stdout
    assert "class × skin tone" in done.stdout
    assert "look at" in done.stdout
    drawn = call("audit", *options, "-o", "found", "--export-labels", 6, folder=folder)
    assert drawn.returncode == 0, drawn.stderr
    assert len(pd.read_csv(folder / "found" / "labels.csv")) == 6
    assert "which takes 20: chef (3), doctor (3)" in drawn.stdout


@pytest.mark.sweep
def test_the_command_that_would_check_the_judge_can_be_copied(tmp_path: Path) -> None:
    """Names that a shell would break, more than one option, and a default folder."""
    place = as_folder(tmp_path / "my $set", table())
    (tmp_path / "what's asked.yaml").write_text(ATTRIBUTES + "gates: [{attribute: skin_tone, max_tv: 0.99}]\n")
    gate = "skin_tone within class: share of dark <= 99%"
    options = ["--attributes", "what's asked.yaml", "--judge", JUDGE, "--target", "skin_tone=uniform", "--gate", gate]
    done = call("audit", place.name, *options, folder=tmp_path)
    assert done.returncode == 4, done.stderr
    told = said(done.stderr)
    assert told.count("class chef: this judge has not been checked on this set; labels would settle it") == 2
    assert "more images" not in told
    (line,) = (line for line in told.splitlines() if "--export-labels" in line)
    program, *words = shlex.split(line)
    assert (program, words[:2], set(options) - set(words)) == ("synthgen", ["audit", place.name], set())
    drawn = call(*words, folder=tmp_path)
    assert drawn.returncode == 0, drawn.stderr
    labels = tmp_path / "outputs" / "my $set-audit" / "labels.csv"
    assert f"--import-labels '{labels.relative_to(tmp_path)}'" in told
    sheet = pd.read_csv(labels, dtype="string")
    truth = {row["id"]: row["skin"] for row in table()}
    sheet.assign(skin_tone=[str(truth[name]) for name in sheet["id"]]).to_csv(labels, index=False)
    checked = call("audit", place.name, *options, "--import-labels", labels, folder=tmp_path)
    assert checked.returncode == 0, checked.stderr
    page = (tmp_path / "outputs" / "my $set-audit" / "report.html").read_text("utf-8")
    assert "--export-labels" not in page.partition("<main>")[0]
    # What was labelled is neither overwritten nor in the way.
    sheet.assign(skin_tone=["dark", *[""] * (len(sheet) - 1)]).to_csv(labels, index=False)
    few = call("audit", place.name, *options, "--import-labels", labels, folder=tmp_path)
    assert (few.returncode, "of its images" in few.stderr) == (4, True), few.stderr
    (line,) = (line for line in said(few.stderr).splitlines() if "--export-labels" in line)
    again = call(*shlex.split(line)[1:], folder=tmp_path)
    assert again.returncode == 0, again.stderr
    assert (labels.parent / "labels-2" / "labels.csv").is_file()


@pytest.mark.slow
def test_the_judge_may_be_trusted_in_every_way_of_asking(folder: Path, run: Path) -> None:
    gate = ["skin_tone over all: share of dark <= 99%"]
    assert (judged(folder, gates=gate).outcome, judged(folder, gates=gate, trust_judge=True).outcome) == (
        "insufficient data",
        "pass",
    )
    own = synthgen.audit(run, targets=UNIFORM)
    assert own.outcome == "insufficient data", "the judge that filtered is as unchecked as another"
    assert own.report.judge_check is not None
    assert own.report.judge_check.command is not None
    assert own.report.judge_check.command.endswith(f"--export-labels {own.findings.images}")
    options = ["set", "--attributes", "attributes.yaml", "--judge", JUDGE, "--cache", "cache", "-o", "trusted"]
    done = call("audit", *options, "--gate", *gate, "--trust-judge", folder=folder)
    assert done.returncode == 0, done.stderr
    shown = " ".join(done.stdout.split())
    assert "on the judge's word alone: nobody has checked it on this set (--trust-judge)" in shown
    assert json.loads((folder / "trusted" / "audit.json").read_text("utf-8"))["trust_judge"] is True
    allowed = call("audit", *options, "--gate", *gate, "--allow-insufficient", folder=folder)
    assert (allowed.returncode, "--export-labels 12" in allowed.stdout) == (0, True)
