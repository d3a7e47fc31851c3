"""The real command line, on the real bundled model, in processes of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import datasets
import pyarrow.parquet as pq
import pytest

from synthgen.pages.page import script
from tests.command import call, result, warm_server

SPEC = """\
synthgen: 1
name: small
model: {id: "bundled:workers", steps: 6, guidance: 2.0}
classes: {chef: 5, farmer: 4}
prompts:
  templates: ["a {class}", "a {class} with {skin} skin"]
  variables: {skin: [light, medium]}
filters: {label: {min_posterior: 0.2}, quality: {}, duplicates: {within: class}}
budget: {attempts_per_image: 20}
output: {splits: {train: 0.75, test: 0.25}, shard_size: 3}
"""


def rows(run: Path, kind: str) -> list[dict[str, object]]:
    """The rows of a run's committed files, in order of their ids; what differs from run to run left out."""
    tables = [pq.read_table(path) for path in (run / kind).glob("*.parquet")]
    found = [row for table in tables for row in table.to_pylist()]
    for row in found:
        row.pop("seconds", None)
    return sorted(found, key=lambda row: str(row["id"]))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a spec and, in outputs/small, its finished run."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "spec.yaml").write_text(SPEC)
    done = call("run", "spec.yaml", "--json", folder=folder)
    assert done.returncode == 0, done.stderr
    (folder / "first.json").write_text(done.stdout)
    return folder


def test_a_run_makes_a_dataset_that_the_datasets_library_opens(home: Path) -> None:
    made = result((home / "first.json").read_text())
    assert (made["accepted"], made["missing"]) == (9, 0)
    found = datasets.load_dataset(str(home / made["dataset"]), cache_dir=str(home / "cache"))
    assert {split: len(found[split]) for split in found} == {"train": 7, "test": 2}
    assert found["train"].features["label"].names == ["chef", "farmer"]
    assert found["train"][0]["image"].size == (64, 64)
    labels = [*found["train"]["label"], *found["test"]["label"]]
    assert (labels.count(0), labels.count(1)) == (5, 4)


def test_every_attempt_is_in_the_ledger_once(home: Path) -> None:
    made = result((home / "first.json").read_text())
    ledger = rows(home / "outputs/small", "ledger")
    assert len(ledger) == made["attempted"] == len({row["id"] for row in ledger})
    assert len([row for row in ledger if row["verdict"] == "accepted"]) == 9


def test_the_contact_sheet_is_one_page_with_no_script_but_that_of_the_review(home: Path) -> None:
    page = (home / "outputs/small/report.html").read_text()
    own = f"<script>{script('synthgen.pages', 'review.js')}</script>"
    assert own in page
    assert "<script" not in page.replace(own, "")
    assert "http://" not in page
    assert page.count("data:image/") >= 9


def test_run_again_says_that_all_is_done_and_loads_no_model(home: Path) -> None:
    code = "import sys; sys.argv = ['synthgen', 'run', 'spec.yaml']\n"
    code += "from synthgen.cli import main\ntry:\n    main()\nfinally:\n    print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=home, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.stdout.startswith("nothing to do: this run is complete\noutcome   ")
    assert ": 9 kept" in done.stdout
    assert "False" in done.stdout.splitlines()[-1]


def test_killed_in_the_middle_and_resumed_it_is_as_if_nothing_had_been(home: Path, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    run = tmp_path / "outputs/small"
    with open(os.devnull, "wb") as nothing:
        process = warm_server().begin(["run", "spec.yaml"], tmp_path, nothing, nothing)
    deadline = time.monotonic() + 200
    while not any((run / "done").glob("*.json")):
        assert not process.is_over(), "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert len(list((run / "done").glob("*.json"))) < 3
    assert not (run / "dataset").exists()

    resumed = call("run", "spec.yaml", folder=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    whole = home / "outputs/small"
    accepted = [(row["id"], row["image"]) for row in rows(run, "dataset/data")]
    assert accepted == [(row["id"], row["image"]) for row in rows(whole, "dataset/data")]
    # Every file in the folder, as the README reads it: what the killed process left is gone.
    assert [row["id"] for row in rows(run, "ledger")] == [row["id"] for row in rows(whole, "ledger")]


@pytest.mark.slow
def test_sigterm_stops_with_75_and_keeps_what_was_committed(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    command = [sys.executable, "-m", "synthgen", "run", "spec.yaml"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("{"):  # the first batch's progress
            process.terminate()
            break
    rest = process.communicate(timeout=60)[1]
    assert process.returncode == 75, rest
    said = [json.loads(line) for line in rest.splitlines()]  # JSON Lines to the end
    assert [each["event"] for each in said if each["event"] != "progress"] == ["note", "error"]
    assert (said[-1]["code"], said[-1]["exit_code"]) == ("interrupted", 75)
    assert "again" in said[-1]["hint"]
    state = result(call("status", "outputs/small", "--json", folder=tmp_path).stdout)
    assert len(state["pending"]) == state["shards"] - state["done"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [2, 5])
def test_the_batch_size_changes_no_candidate(home: Path, tmp_path: Path, batch_size: int) -> None:
    done = call(
        "run",
        home / "spec.yaml",
        "-o",
        tmp_path / "run",
        "--set",
        f"model.batch_size={batch_size}",
        folder=home,
    )
    assert done.returncode == 0, done.stderr
    mine, theirs = (
        {row["id"]: (row["prompt"], row["seed"]) for row in rows(run, "ledger")}
        for run in (tmp_path / "run", home / "outputs/small")
    )
    shared = mine.keys() & theirs.keys()
    assert len(shared) >= 9
    assert all(mine[key] == theirs[key] for key in shared)


def test_verify_finds_a_flipped_byte(home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    subprocess.run(["cp", "-r", str(home / "outputs/small"), str(copy)], check=True)
    assert call("verify", copy, folder=tmp_path).returncode == 0
    victim = sorted((copy / "shards").glob("*.parquet"))[0]
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    found = call("verify", copy, folder=tmp_path)
    assert found.returncode == 5
    assert victim.name in found.stdout


def test_a_damaged_dataset_is_found_and_written_anew(home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(home / "outputs/small", copy)
    table = next((copy / "dataset/data").glob("*.parquet"))
    good = table.read_bytes()
    table.write_bytes(good[:200] + bytes([good[200] ^ 1]) + good[201:])
    (copy / "dataset/README.md").unlink()
    found = call("verify", copy, folder=tmp_path)
    assert found.returncode == 5
    assert f"dataset/data/{table.name}: its sha256 is not the one" in found.stdout
    assert "dataset/README.md" in found.stdout
    assert "rebuild it" in call("repair", copy, folder=tmp_path).stdout
    assert call("finalize", copy, folder=tmp_path).returncode == 0
    assert table.read_bytes() == good
    assert call("verify", copy, folder=tmp_path).stdout.endswith("no problems found\n")


def test_rejudged_at_the_same_thresholds_it_is_the_same_and_at_stricter_ones_a_subset(home: Path) -> None:
    before = rows(home / "outputs/small", "ledger")
    equal = ["--set", "filters.label.min_posterior=0.2"]
    same = call("rejudge", "outputs/small", "-o", "outputs/same", *equal, "--json", folder=home)
    assert same.returncode == 0, same.stderr
    assert rows(home / "outputs/same", "ledger") == before
    accepted = {str(row["id"]): row["score_label_posterior"] for row in before if row["verdict"] == "accepted"}
    median = sorted(accepted.values())[4]  # type: ignore[type-var]
    strict = ["--set", f"filters.label.min_posterior={median}", "--set", "filters.clip.min_score=-1"]
    done = call("rejudge", "outputs/small", "-o", "outputs/strict", *strict, "--json", folder=home)
    assert done.returncode == 3
    kept = {row["id"] for row in rows(home / "outputs/strict", "dataset/data")}
    assert kept == {name for name, posterior in accepted.items() if posterior >= median}  # type: ignore[operator]
    verified = call("verify", "outputs/strict", folder=home)
    assert verified.stdout.endswith("a mark that a model made them\noutputs/strict: no problems found\n")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "filters.label.min_posterior=0.1",
            "label_posterior of chef: the run asked for at least 0.2, found at least 0.1",
        ),
        ("filters.quality=null", "contrast of chef: the run asked for at least 0.02, found no limit"),
        ("filters.label.none_of_these=[noise]", "thresholds and nothing else, found filters.label.none_of_these"),
        ("model.steps=7", "thresholds and nothing else, found model.steps: 6 -> 7"),
    ],
)
def test_rejudge_refuses_what_it_cannot_do(home: Path, override: str, message: str) -> None:
    done = call("rejudge", "outputs/small", "-o", "outputs/refused", "--set", override, folder=home)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (home / "outputs/refused").exists()


def test_a_quota_that_cannot_be_met_ends_with_3_and_says_what_is_missing(home: Path, tmp_path: Path) -> None:
    done = call(
        "run", "spec.yaml", "-o", tmp_path / "run",
        "--set", "filters.label.min_posterior=1", "--set", "budget.attempts_per_image=1",
        "--set", "output.shard_size=256", "--set", "model.steps=1",
        folder=home,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "no image was accepted" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "spec.yaml", "--set", "seed=5"], 2, "seed: 0 -> 5"),
        (["run", "spec.yaml", "--set", "model.id=some/model", "-o", "new"], 2, "some/model"),
        (["plan", "spec.yaml", "--set", "model.id=./cache"], 2, "not a diffusers pipeline"),
        (["plan", "spec.yaml", "--set", "model.id=./nowhere"], 2, "does not exist"),
        (["run", "spec.yaml", "-o", "/proc/nowhere"], 5, "/proc/nowhere"),
        (["status", "."], 2, "is not a synthgen run"),
        (["validate", "spec.yaml", "--set", "model.stepz=3"], 2, "steps"),
        (["run", "missing.yaml"], 2, "missing.yaml"),
        (["run", "spec.yaml", "--devices", "cuda:77", "-o", "other"], 2, "cuda:77"),
        (["run", "spec.yaml", "--devices", "gpu", "-o", "other"], 2, "--devices: expected auto"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_mistakes_are_told_without_a_traceback(home: Path, arguments: list[str], code: int, words: str) -> None:
    (home / "cache").mkdir(exist_ok=True)
    done = call(*arguments, folder=home)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (home / "new").exists()


def test_init_writes_a_spec_that_validates_and_never_overwrites(tmp_path: Path) -> None:
    assert call("init", "mine.yaml", folder=tmp_path).returncode == 0
    assert call("validate", "mine.yaml", folder=tmp_path).returncode == 0
    again = call("init", "mine.yaml", folder=tmp_path)
    assert (again.returncode, "exists already" in again.stderr) == (2, True)


def test_a_preview_writes_a_sheet_and_nothing_else(home: Path, tmp_path: Path) -> None:
    done = call("preview", home / "spec.yaml", "-n", "4", "-o", tmp_path / "look.html", folder=home)
    assert done.returncode == 0, done.stderr
    assert "of 4 attempts" in done.stdout
    assert os.listdir(tmp_path) == ["look.html"]


def test_doctor_tells_what_this_machine_can_do(home: Path) -> None:
    done = call("doctor", folder=home)
    assert done.returncode == 0, done.stderr
    assert "bundled models   present" in done.stdout


@pytest.mark.parametrize(
    ("words", "offered"),
    [("synthgen stat", "status"), ("synthgen status outputs/sm", "outputs/small"), ("synthgen run spe", "spec.yaml")],
)
def test_the_shell_completes_commands_runs_and_specs(home: Path, words: str, offered: str) -> None:
    asked = {"_SYNTHGEN_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run(
        [Path(sys.executable).with_name("synthgen")],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **asked},
    )
    assert offered in done.stdout.split()
