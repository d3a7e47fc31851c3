"""The runs below a folder are listed whatever lies there, and removed without touching anything else."""

import errno
import os
import pty
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import synthgen
from synthgen.api import removing
from synthgen.api.making import make_shards
from synthgen.errors import StorageError, UsageError
from synthgen.running import at_work, create_run
from synthgen.store import FolderStore
from tests.command import call, envelope, result
from tests.running.noise import SPEC, BrightnessJudge, NoiseGenerator, make_run, noise_plan

PLAN = noise_plan("classes={doctor: 3, chef: 2}", "output.shard_size=3")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    make_run(folder, PLAN)
    synthgen.finalize(folder)
    return folder


@pytest.fixture
def outputs(finished: Path, tmp_path: Path) -> Path:
    """A folder with one of everything."""
    outputs = tmp_path / "outputs"
    for name in ("done", "team/nested/half", "damaged", "torn", "unbuilt"):
        shutil.copytree(finished, outputs / name)
    next((outputs / "team/nested/half/done").iterdir()).unlink()
    (outputs / "damaged/plan.json").write_text('{"fingerprint": "\x1b[31m')
    next((outputs / "torn/done").iterdir()).write_text("{")
    shutil.rmtree(outputs / "unbuilt/dataset")
    create_run(FolderStore(outputs / "empty"), PLAN, SPEC)
    (outputs / "no-plan/done").mkdir(parents=True)
    (outputs / "no-plan/done/00000.json").write_text("[]")
    (outputs / "terraform").mkdir()
    (outputs / "terraform/plan.json").write_text('{"format_version": "1.2"}')
    (outputs / "x-audit").mkdir()
    (outputs / "x-audit/audit.json").write_text("{}")
    (tmp_path / "elsewhere").mkdir()
    shutil.copytree(finished, tmp_path / "elsewhere/run")
    (outputs / "link").symlink_to(tmp_path / "elsewhere")
    return outputs


def test_runs_are_listed_with_their_state_and_others_are_named(outputs: Path, finished: Path) -> None:
    found = synthgen.runs(outputs)
    assert {str(Path(run.location).relative_to(outputs)): run.state for run in found.runs} == {
        "done": "done", "team/nested/half": "resumable", "damaged": "damaged", "torn": "damaged",
        "unbuilt": "resumable", "empty": "empty", "no-plan": "damaged",
    }  # fmt: skip
    assert {Path(other.location).name: other.what for other in found.others} == {
        "terraform": "no run", "x-audit": "an audit", "link": "a link, which is not followed"
    }  # fmt: skip
    assert [run.location for run in found.runs] == sorted(run.location for run in found.runs)
    done = next(run for run in found.runs if run.state == "done")
    sizes = [path.stat().st_size for path in finished.rglob("*") if path.is_file()]
    assert (done.accepted, done.target, done.bytes, done.files) == (5, 5, sum(sizes), len(sizes))
    assert (done.model, done.name, done.done, done.shards) == ("owner/name", "noise", 2, 2)
    assert "dataset is not built" in str(next(run for run in found.runs if run.location.endswith("unbuilt")).problem)
    assert synthgen.runs(outputs / "done").runs[0].state == "done", "a run itself can be named"


def test_runs_are_sorted_by_what_changed_last(outputs: Path) -> None:
    for path in (outputs / "done").rglob("*"):
        os.utime(path, (1e9, 1e9))
    by_age = synthgen.runs(outputs, "age").runs
    assert by_age[-1].location == str(outputs / "done")
    assert by_age[-1].changed == "2001-09-09T01:46:40+00:00"
    sizes = [run.bytes for run in synthgen.runs(outputs, "size").runs]
    assert sizes == sorted(sizes, reverse=True)
    with pytest.raises(UsageError, match="expected name or age or size"):
        synthgen.runs(outputs, "colour")  # type: ignore[arg-type] # a wrong one


def test_the_search_is_bounded(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = outputs / "a/b/c/d/e"
    shutil.copytree(outputs / "done", deep)
    assert str(deep) not in {run.location for run in synthgen.runs(outputs).runs}
    monkeypatch.setattr("synthgen.api.listing._MOST", 5)
    with pytest.raises(UsageError, match="more than 5 folders"):
        synthgen.runs(outputs)
    with pytest.raises(UsageError, match="found an address: s3://"):
        synthgen.runs("s3://bucket/runs")


def everything(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


@pytest.mark.parametrize("name", ["done", "team/nested/half", "damaged", "torn", "unbuilt", "empty", "no-plan"])
def test_a_run_is_removed_in_any_state_and_nothing_else(outputs: Path, name: str) -> None:
    before = everything(outputs.parent)
    done = synthgen.remove(outputs / name)
    mine = [path for path in before if Path(path).is_relative_to(outputs / name)]
    assert everything(outputs.parent) == {path: data for path, data in before.items() if path not in mine}
    assert done.bytes == sum(len(data) for path in mine if (data := before[path]) is not None)
    assert done.kept == ()


@pytest.mark.parametrize("steps", range(10))
@pytest.mark.parametrize("name", ["done", "damaged", "no-plan"])
def test_a_removal_that_is_killed_can_be_repeated(
    outputs: Path, name: str, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, delete = [steps], removing._delete

    def killed(path: Path) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        delete(path)

    monkeypatch.setattr(removing, "_delete", killed)
    try:
        synthgen.remove(outputs / name)
    except KeyboardInterrupt:
        monkeypatch.undo()
        assert str(outputs / name) in {run.location for run in synthgen.runs(outputs).runs}, "it is a run still"
        synthgen.remove(outputs / name)
    assert not (outputs / name).exists()


def test_links_and_files_of_others_are_left_alone(outputs: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "a.txt").write_text("mine")
    run = outputs / "done"
    shutil.rmtree(run / "dataset")
    (run / "dataset").symlink_to(precious)
    (run / "shards/link").symlink_to(precious)
    (run / "notes.txt").write_text("mine")
    (run / "labels.csv").write_text("mine")
    assert synthgen.remove(run).kept == ("labels.csv", "notes.txt")
    assert (precious / "a.txt").read_text() == "mine"
    assert sorted(path.name for path in run.iterdir()) == ["labels.csv", "notes.txt"]
    with pytest.raises(UsageError, match="not a run"):
        synthgen.remove(run)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("terraform", "not a run"), ("x-audit", "an audit"), ("link", "is a link"), ("nope", "there is no folder"),
        ("done/dataset", "not a run"), ("team", "not a run"),
    ],
)  # fmt: skip
def test_what_is_no_run_is_refused(outputs: Path, name: str, told: str) -> None:
    before = everything(outputs.parent)
    with pytest.raises(UsageError, match=told):
        synthgen.remove(outputs / name)
    assert everything(outputs.parent) == before


def test_a_run_at_work_is_refused_until_its_process_ends(outputs: Path) -> None:
    with at_work(FolderStore(outputs / "empty")):
        with pytest.raises(StorageError, match="a process works on this run"):
            synthgen.remove(outputs / "empty")
        assert next(run for run in synthgen.runs(outputs).runs if run.state == "empty").is_in_use
        with at_work(FolderStore(outputs / "empty")):
            pass  # any number of processes may work on it
    assert synthgen.remove(outputs / "empty").files


def test_where_there_are_no_locks_its_last_change_decides(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fcntl.flock", no_locks)
    with pytest.raises(StorageError, match="this file system has no locks"):
        synthgen.remove(outputs / "done")
    old = time.time() - 700
    for path in (outputs / "done").rglob("*"):
        os.utime(path, (old, old))
    assert synthgen.remove(outputs / "done").files


def no_locks(descriptor: int, flags: int) -> None:
    raise OSError(95, "Operation not supported")


def test_work_marks_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused, folder = [], tmp_path / "made"
    monkeypatch.setattr("synthgen.api.wiring.generator", lambda *_, **__: NoiseGenerator())
    monkeypatch.setattr("synthgen.api.wiring.judge", lambda *_: BrightnessJudge())

    def try_to_remove(event: object) -> None:
        if isinstance(event, synthgen.Progress):
            with pytest.raises(StorageError, match="a process works on this run"):
                synthgen.remove(folder)
            refused.append(event)

    create_run(FolderStore(folder), PLAN, SPEC)
    make_shards(str(folder), range(2), "cpu", try_to_remove)
    assert refused
    assert synthgen.remove(folder).kept == ()


def test_the_commands_ask_and_tell(outputs: Path) -> None:
    folder = outputs.parent
    done = call("runs", folder=folder)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert len([line for line in done.stdout.splitlines() if " damaged    " in line]) == 3

    done = call("remove", "outputs/done", "--json", folder=folder)
    assert done.returncode == 2
    assert envelope(done.stdout)["errors"][0]["argument"] == "--yes"
    assert (outputs / "done/plan.json").exists()
    done = call("remove", "outputs/done", "outputs/terraform", "--yes", folder=folder)
    assert (done.returncode, (outputs / "done").exists()) == (2, True), "none is removed if one is refused"
    done = call("remove", "outputs/done/", "outputs/done", "outputs/torn", "--yes", "--json", folder=folder)
    assert [Path(each["location"]).name for each in result(done.stdout)["removed"]] == ["done", "torn"]
    assert result(done.stdout)["bytes"] > 10_000


@pytest.mark.parametrize("answer", ["n", "y"])
def test_on_a_terminal_the_answer_decides(outputs: Path, answer: str) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "synthgen", "remove", str(outputs / "done")]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        while b"[y/N]" not in seen:
            seen += os.read(ours, 1000)
        os.write(ours, f"{answer}\n".encode())
        while process.poll() is None:
            with suppress(OSError):
                seen += os.read(ours, 1000)
        os.close(ours)
    assert b"done, 5 images" in seen
    assert (process.returncode, (outputs / "done").exists()) == (0, answer == "n")


def test_an_empty_folder_that_a_killed_removal_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert synthgen.remove(tmp_path / "run").files == 0
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["scandir", "listdir"])
def test_a_run_that_cannot_be_listed_is_named_and_can_be_removed_again(
    outputs: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Each listing of the run's folder fails in turn, until all have been met."""
    real, nth, failed = getattr(os, name), 0, []
    place = outputs / "done"
    while place.exists():
        nth, calls = nth + 1, iter(range(1, 100))

        def listed(path: object = ".", nth: int = nth, calls: Iterator[int] = calls) -> object:
            if str(path) == str(place) and next(calls) == nth:
                failed.append(nth)
                raise OSError(errno.EIO, "Input/output error")
            return real(path)

        monkeypatch.setattr(os, name, listed)
        with suppress(StorageError, UsageError):
            assert synthgen.remove(place).kept == ()
        monkeypatch.setattr(os, name, real)
    assert failed
