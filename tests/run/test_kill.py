"""Runs killed by SIGKILL, anywhere, and resumed: nothing lost, nothing doubled, nothing different."""

import random
import signal
import time
from pathlib import Path

import pytest

from synthgen.run import FolderStore, verify
from synthgen.run.faults import POINTS
from tests.run.noise import make_run, noise_plan
from tests.run.processes import race, start_run
from tests.run.tables import bytes_of, ledger_of, state_of, without

PLAN = noise_plan()
# A file is created for the plan, the spec, and each of three shards.
CREATIONS = ("create-half-written", "create-before-link", "create-after-link")
FAULTS = [*POINTS, *(f"{point}:{nth}" for point in CREATIONS for nth in (2, 3, 5)), "before-marker:2"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    make_run(str(folder), PLAN)
    return folder


def assert_same(run: Path, uninterrupted: Path) -> None:
    assert bytes_of(run, PLAN) == bytes_of(uninterrupted, PLAN)
    mine, other = ledger_of(run, PLAN), ledger_of(uninterrupted, PLAN)
    assert [row["id"] for row in mine] == [row["id"] for row in other]
    assert str(without(mine, "seconds")) == str(without(other, "seconds"))
    assert (run / "spec.yaml").read_bytes() == (uninterrupted / "spec.yaml").read_bytes()
    assert (run / "plan.json").read_bytes() == (uninterrupted / "plan.json").read_bytes()
    assert verify(PLAN, FolderStore(run)) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_run_killed_at_any_write_point_resumes_as_if_nothing_had_been(
    fault: str, tmp_path: Path, uninterrupted: Path
) -> None:
    killed = start_run(str(tmp_path), PLAN, fault=fault)
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    make_run(str(tmp_path), PLAN)
    assert_same(tmp_path, uninterrupted)


def test_a_run_killed_again_and_again_at_random_moments_comes_to_the_same_end(
    tmp_path: Path, uninterrupted: Path
) -> None:
    exits = []
    for _ in range(8):
        process = start_run(str(tmp_path), PLAN, pause=0.05)
        time.sleep(random.uniform(0.05, 0.7))
        process.kill()
        process.join()
        exits.append(process.exitcode)
    assert -signal.SIGKILL in exits
    make_run(str(tmp_path), PLAN)
    assert_same(tmp_path, uninterrupted)


def test_two_processes_that_race_for_a_shard_leave_one_marker_and_no_orphan(
    tmp_path: Path, uninterrupted: Path
) -> None:
    assert race(str(tmp_path), PLAN, 1) == ["committed", "lost"]
    state = state_of(tmp_path, PLAN)
    assert (list(state.done), state.orphans) == ([1], ())
    make_run(str(tmp_path), PLAN)
    assert_same(tmp_path, uninterrupted)
