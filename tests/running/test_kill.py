"""Runs killed by SIGKILL, anywhere, and resumed: nothing lost, nothing doubled, nothing different."""

import random
import signal
import time
from pathlib import Path

import pytest

from synthgen.running import verify
from synthgen.running.shard.journal import SECONDS
from synthgen.store import open_store
from synthgen.store.faults import POINTS
from tests.running.noise import make_run, noise_plan
from tests.running.processes import race, start_run
from tests.running.tables import bytes_of, ledger_of, state_of, without

PLAN = noise_plan()
OF_SHARDS = [point for point in POINTS if not point.startswith("dataset-")]  # `tests/test_killed.py` has the others
# A file is created for the plan, the spec, and each of three shards.
CREATIONS = ("create-half-written", "create-before-link", "create-after-link")
IN_A_BUCKET = [point for point in OF_SHARDS if not point.startswith("create-")]  # there, one request creates a file
FAULTS = [*OF_SHARDS, *(f"{point}:{nth}" for point in CREATIONS for nth in (2, 3, 5)), "before-marker:2"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    make_run(str(folder), PLAN)
    return folder


def assert_same(run: str, uninterrupted: Path) -> None:
    assert bytes_of(run, PLAN) == bytes_of(uninterrupted, PLAN)
    mine, other = ledger_of(run, PLAN), ledger_of(uninterrupted, PLAN)
    assert [row["id"] for row in mine] == [row["id"] for row in other]
    assert str(without(mine, "seconds")) == str(without(other, "seconds"))
    store = open_store(run)
    assert store.read("spec.yaml") == (uninterrupted / "spec.yaml").read_bytes()
    assert store.read("plan.json") == (uninterrupted / "plan.json").read_bytes()
    assert verify(PLAN, store) == []


@pytest.mark.parametrize(
    ("place", "fault"),
    [
        *(("folder", fault) for fault in FAULTS),
        *(pytest.param("s3", fault, marks=pytest.mark.slow) for fault in IN_A_BUCKET),
    ],
    indirect=["place"],
)
def test_a_run_killed_at_any_write_point_resumes_as_if_nothing_had_been(
    place: str, fault: str, uninterrupted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "journal-written":
        monkeypatch.setenv(SECONDS, "0")
    killed = start_run(place, PLAN, fault=fault)
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    make_run(place, PLAN)
    assert_same(place, uninterrupted)


@pytest.mark.parametrize("place", ["folder", pytest.param("s3", marks=pytest.mark.slow)], indirect=True)
def test_a_run_killed_again_and_again_at_random_moments_comes_to_the_same_end(place: str, uninterrupted: Path) -> None:
    exits = []
    for _ in range(8):
        process = start_run(place, PLAN, pause=0.3)
        time.sleep(random.uniform(0.05, 2 if "://" in place else 0.7))  # S3's client takes a while to load
        process.kill()
        process.join()
        exits.append(process.exitcode)
    assert -signal.SIGKILL in exits
    make_run(place, PLAN)
    assert_same(place, uninterrupted)


def test_two_processes_that_race_for_a_shard_leave_one_marker_and_no_orphan(place: str, uninterrupted: Path) -> None:
    assert race(place, PLAN, 1) == ["committed", "lost"]
    state = state_of(place, PLAN)
    assert (list(state.done), state.orphans) == ([1], ())
    make_run(place, PLAN)
    assert_same(place, uninterrupted)
