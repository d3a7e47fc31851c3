"""The real program, killed for real: at every write point, at random moments, with one worker and with two."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from synthgen.running.shard.journal import SECONDS
from synthgen.store.faults import POINTS, VARIABLE
from tests.command import call

# Batches of one image: a batch that a process died in is made again one by one, which may change a pixel by one level.
SPEC = """\
synthgen: 1
name: killed
model: {id: "bundled:workers", steps: 2, guidance: 1, batch_size: 1}
classes: {doctor: 12, chef: 12}
prompts: {templates: ["a {class}", "a portrait of a {class}"]}
filters: {clip: {min_score: -0.5}}
output: {shard_size: 3}
"""
ROUNDS = {"cpu": 20, "cpu:2": 10}  # 30 random moments; CI has those of `tests/faults`, where a program begins at once


def start(folder: Path, devices: str, **environment: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "synthgen", "run", "spec.yaml", "-o", "run", "--devices", devices]
    with (folder / "stderr").open("wb") as stderr:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
            env={**os.environ, **environment},
        )


def wait_for_the_first_shard(process: subprocess.Popen[bytes], run: Path) -> None:
    while not list((run / "done").glob("*.json")):
        assert process.poll() is None
        time.sleep(0.05)


def rows(run: Path, folder: str) -> list[tuple[object, ...]]:
    """The ids of all files in a folder, as anybody would read it, and the images' bytes."""
    tables = [pq.read_table(path).to_pylist() for path in sorted((run / folder).rglob("*.parquet"))]
    return sorted(
        (row["id"], row.get("image")["bytes"] if row.get("image") else None) for table in tables for row in table
    )


@pytest.fixture(scope="module")
def left_alone(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, float]]:
    """For `--devices`, a run that nothing disturbed, and the seconds that it took."""

    @cache
    def run(devices: str) -> tuple[Path, float]:
        folder = tmp_path_factory.mktemp("left-alone")
        (folder / "spec.yaml").write_text(SPEC)
        began = time.monotonic()
        assert start(folder, devices).wait(timeout=240) == 0
        return folder / "run", time.monotonic() - began

    return run


def assert_the_same(run: Path, other: Path) -> None:
    assert rows(run, "dataset/data") == rows(other, "dataset/data")
    assert [row[0] for row in rows(run, "ledger")] == [row[0] for row in rows(other, "ledger")]
    verified = call("verify", run, folder=run)
    assert (verified.returncode, verified.stdout.splitlines()[-1]) == (0, f"{run}: no problems found")


@pytest.mark.sweep
@pytest.mark.timeout(900)
@pytest.mark.parametrize("devices", ["cpu", "cpu:2"])
def test_killed_at_random_moments_and_resumed_nothing_is_lost_doubled_or_different(
    left_alone: Callable[[str], tuple[Path, float]], tmp_path: Path, devices: str
) -> None:
    whole, seconds = left_alone(devices)
    (tmp_path / "spec.yaml").write_text(SPEC)
    kills, rng = 0, random.Random(devices)
    while kills < ROUNDS[devices]:
        process = start(tmp_path, devices)
        try:
            process.wait(timeout=rng.uniform(0.2, 1) * seconds)
        except subprocess.TimeoutExpired:
            # The whole group at once, as a machine that goes away; or the first process alone, as `kill` would.
            (os.killpg if rng.random() < 0.5 else os.kill)(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
        else:
            assert process.returncode == 0
            assert_the_same(tmp_path / "run", whole)
            shutil.rmtree(tmp_path / "run")
    assert start(tmp_path, devices).wait(timeout=240) == 0
    assert_the_same(tmp_path / "run", whole)


# One run is killed at one point after the other: while its plan and spec are made, in a shard, at its marker.
WAY = (
    *("create-half-written", "create-before-link", "plan-created", "create-after-link"),
    *("journal-written", "rows-written", "images-finished", "before-marker"),
    *("create-half-written", "create-before-link", "create-after-link", "after-marker"),
    *("dataset-half-written", "dataset-written", "dataset-in-place"),
)


@pytest.mark.sweep
@pytest.mark.timeout(600)
def test_killed_at_each_write_point_and_resumed_nothing_is_lost_doubled_or_different(
    left_alone: Callable[[str], tuple[Path, float]], tmp_path: Path
) -> None:
    assert set(WAY) == set(POINTS)
    (tmp_path / "spec.yaml").write_text(SPEC)
    for point in WAY:
        environment = {VARIABLE: point} | (
            {SECONDS: "0"} if point == "journal-written" else {}
        )  # a part for every batch
        assert start(tmp_path, "cpu", **environment).wait(timeout=240) == -signal.SIGKILL, point
    assert start(tmp_path, "cpu").wait(timeout=240) == 0
    assert_the_same(tmp_path / "run", left_alone("cpu")[0])


@pytest.mark.slow
def test_a_worker_of_the_pool_killed_from_outside_is_replaced(
    left_alone: Callable[[str], tuple[Path, float]], tmp_path: Path
) -> None:
    whole, _ = left_alone("cpu:2")
    (tmp_path / "spec.yaml").write_text(SPEC)
    process = start(tmp_path, "cpu:2")
    wait_for_the_first_shard(process, tmp_path / "run")  # a worker made it, and six shards are to come
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    workers = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert workers
    os.kill(int(workers[0]), signal.SIGKILL)
    assert process.wait(timeout=240) == 0
    assert_the_same(tmp_path / "run", whole)


@pytest.mark.slow
@pytest.mark.parametrize("devices", [pytest.param("cpu", marks=pytest.mark.sweep), "cpu:2"])
def test_sigterm_ends_with_75_and_a_second_ctrl_c_at_once(tmp_path: Path, devices: str) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    for signals, codes, limit in (([signal.SIGTERM], {75}, 20.0), ([signal.SIGINT] * 2, {130, -signal.SIGINT}, 3.0)):
        process = start(tmp_path, devices)
        wait_for_the_first_shard(process, tmp_path / "run")
        began = time.monotonic()
        for heard, number in enumerate(signals):
            # As a person would: the second once the first was heard. Two signals that wait are one to a process.
            while heard and b"Ctrl-C again" not in (tmp_path / "stderr").read_bytes():
                time.sleep(0.002)
            os.killpg(process.pid, number)
        # A program that was ending anyway dies of the signal itself: a shell calls that 130 too.
        assert process.wait(timeout=60) in codes
        assert time.monotonic() - began < limit
        assert not (tmp_path / "run/dataset").exists()
        for marker in (tmp_path / "run/done").glob("*.json"):
            marker.unlink()


# Python imports this in every process that starts; C's clocks, and so `date`, stay what they were.
JUMPING_CLOCK = """\
import time

began, now, now_ns = time.monotonic(), time.time, time.time_ns
back = lambda: 86_400 if time.monotonic() - began > 3 else 0
time.time, time.time_ns = lambda: now() - back(), lambda: now_ns() - back() * 10**9
"""


@pytest.mark.sweep
def test_a_clock_that_jumps_back_changes_nothing(
    left_alone: Callable[[str], tuple[Path, float]], tmp_path: Path
) -> None:
    devices = "cpu:2"
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "sitecustomize.py").write_text(JUMPING_CLOCK)
    process = start(tmp_path, devices, PYTHONPATH=str(tmp_path))
    wait_for_the_first_shard(process, tmp_path / "run")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    tomorrow = time.time() + 86_400
    for file in (tmp_path / "run").rglob("*"):
        os.utime(file, (tomorrow, tomorrow))  # begun when the clock was ahead
    assert start(tmp_path, devices, PYTHONPATH=str(tmp_path)).wait(timeout=240) == 0
    assert_the_same(tmp_path / "run", left_alone(devices)[0])
