"""Batches of an unfinished shard are kept: a stop loses none, a kill no more than one interval."""

import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from synthgen.errors import Interrupted
from synthgen.planning import Plan
from synthgen.running import create_run, open_run, verify, work
from synthgen.running.shard.journal import SECONDS
from synthgen.store import FolderStore
from synthgen.testing import BrightnessJudge, NoiseGenerator
from tests.running.noise import SPEC, make_run, noise_plan
from tests.running.processes import start_run
from tests.running.tables import bytes_of, ledger_of, state_of, without

PLAN = noise_plan("output.shard_size=45", "filters.duplicates={}")


class CountedGenerator(NoiseGenerator):
    """Noise, with the attempts that were rendered."""

    def __init__(self, stop_after: int = 10**9) -> None:
        self.batches: list[list[int]] = []
        self.stop_after = stop_after
        super().__init__(8)

    def render(self, candidates):  # type: ignore[no-untyped-def]
        self.batches.append([one.attempt for one in candidates])
        return super().render(candidates)

    def stop(self) -> bool:
        return len(self.batches) >= self.stop_after

    @property
    def attempts(self) -> list[int]:
        return [attempt for batch in self.batches for attempt in batch]


def go_on(folder: Path, plan: Plan = PLAN, batches: int = 10**9) -> CountedGenerator:
    """Work on a run until it is done, or for so many batches."""
    store, generator = FolderStore(folder), CountedGenerator(batches)
    create_run(store, plan, SPEC)
    with suppress(Interrupted):
        work(open_run(store), store, generator, BrightnessJudge(), range(plan.shard_count), stop=generator.stop)
    return generator


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    go_on(folder)
    return folder


def assert_same(folder: Path, undisturbed: Path) -> None:
    assert bytes_of(folder, PLAN) == bytes_of(undisturbed, PLAN)
    mine, other = ledger_of(folder, PLAN), ledger_of(undisturbed, PLAN)
    assert str(without(mine, "seconds")) == str(without(other, "seconds"))
    assert verify(PLAN, FolderStore(folder)) == []
    assert list((folder / "journal").glob("*")) == []


def test_stopped_at_every_batch_it_renders_each_attempt_once(tmp_path: Path, undisturbed: Path) -> None:
    rendered: list[int] = []
    while not state_of(tmp_path, PLAN).complete if (tmp_path / "plan.json").exists() else True:
        rendered += go_on(tmp_path, batches=1).attempts
        if not state_of(tmp_path, PLAN).complete:
            assert state_of(tmp_path, PLAN).journalled == (0,)
    assert rendered == [row["attempt"] for row in ledger_of(undisturbed, PLAN)]
    assert_same(tmp_path, undisturbed)


@pytest.mark.parametrize("seed", range(10))
def test_stopped_at_random_moments_nothing_is_made_twice(seed: int, tmp_path: Path, undisturbed: Path) -> None:
    rng, rendered = random.Random(seed), list[int]()
    for _ in range(3):
        rendered += go_on(tmp_path, batches=rng.randint(1, 4)).attempts
    rendered += go_on(tmp_path).attempts
    assert sorted(rendered) == sorted(set(rendered))
    assert_same(tmp_path, undisturbed)


def damaged(part: Path) -> None:
    data = bytearray(part.read_bytes())
    data[len(data) // 3] ^= 1
    part.write_bytes(data)


HARM: list[Callable[[Path], object]] = [damaged, lambda part: part.write_bytes(b""), lambda part: part.unlink()]


@pytest.mark.parametrize("harm", HARM, ids=["a flipped bit", "empty", "gone"])
def test_what_is_damaged_is_made_again(harm: Callable[[Path], object], tmp_path: Path, undisturbed: Path) -> None:
    for _ in range(3):
        go_on(tmp_path, batches=2)
    parts = sorted((tmp_path / "journal").iterdir(), key=lambda part: part.stat().st_mtime_ns)
    assert len(parts) == 3
    harm(parts[1])
    again = go_on(tmp_path)
    assert again.attempts[0] >= 16  # the first part is used
    assert again.attempts[0] < 48  # the rest is not
    assert_same(tmp_path, undisturbed)


def test_a_journal_of_another_plan_or_with_other_prompts_is_not_used(tmp_path: Path, undisturbed: Path) -> None:
    other = noise_plan("output.shard_size=45", "filters.duplicates={}", "seed=6")
    go_on(tmp_path / "other", other, batches=3)
    go_on(tmp_path / "run", batches=1)
    (tmp_path / "run/journal").rename(tmp_path / "own")
    (tmp_path / "other/journal").rename(tmp_path / "run/journal")
    assert go_on(tmp_path / "run").attempts[0] == 0
    assert_same(tmp_path / "run", undisturbed)


def test_an_error_keeps_what_was_made_before_it(tmp_path: Path, undisturbed: Path) -> None:
    store, batches = FolderStore(tmp_path), iter(range(100))

    def fail_late() -> None:
        if next(batches) == 4:
            raise LookupError("gone")

    create_run(store, PLAN, SPEC)
    outcome = work(PLAN, store, NoiseGenerator(8, fail_late), BrightnessJudge(), [0])
    assert outcome.failed == (0,)
    assert go_on(tmp_path).attempts[0] == 32
    assert_same(tmp_path, undisturbed)


@pytest.mark.parametrize("seconds", ["0", "60"], ids=["a part for every batch", "one part at the end"])
@pytest.mark.parametrize("error", [Interrupted("stopped"), LookupError("gone")], ids=lambda error: type(error).__name__)
def test_who_is_late_leaves_no_journal(
    error: Exception, seconds: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: Path
) -> None:
    """As the worker of a run that was killed is, which ends only after the next run has made its shard."""
    monkeypatch.setenv(SECONDS, seconds)
    store, batches = FolderStore(tmp_path), iter(range(100))

    def be_late() -> None:
        match next(batches):
            case 2:
                go_on(tmp_path)
            case 4:
                raise error

    create_run(store, PLAN, SPEC)
    with suppress(Interrupted):
        work(PLAN, store, NoiseGenerator(8, be_late), BrightnessJudge(), [0])
    assert_same(tmp_path, undisturbed)


def test_what_made_a_shard_in_several_goes_is_all_named(tmp_path: Path) -> None:
    class OtherDevice(CountedGenerator):
        def provenance(self) -> dict[str, str]:
            return {"model": "noise", "device": "cuda"}

    go_on(tmp_path, batches=2)
    work(PLAN, FolderStore(tmp_path), OtherDevice(), BrightnessJudge(), [0])
    facts = state_of(tmp_path, PLAN).done[0].provenance
    assert (facts["generator.device"], facts["generator.model"]) == ("cpu, then cuda", "noise")


def test_a_kill_loses_at_most_one_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: Path) -> None:
    monkeypatch.setenv(SECONDS, "0")  # a part for every batch
    killed = start_run(str(tmp_path), PLAN, fault="journal-written:3")
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    assert go_on(tmp_path).attempts[0] == 24
    assert_same(tmp_path, undisturbed)


def test_a_run_killed_at_random_moments_makes_progress_every_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: Path
) -> None:
    monkeypatch.setenv(SECONDS, "0")
    make_run_killed = 0
    for _ in range(4):
        process = start_run(str(tmp_path), PLAN, pause=0.1)
        time.sleep(random.uniform(0.2, 0.6))
        process.kill()
        process.join()
        make_run_killed += process.exitcode == -signal.SIGKILL
    make_run(str(tmp_path), PLAN)
    assert make_run_killed
    # A kill between a shard's marker and the end of its journal leaves parts of it, which finalize clears away.
    for name in state_of(tmp_path, PLAN).orphans:
        FolderStore(tmp_path).delete(name)
    assert_same(tmp_path, undisturbed)
