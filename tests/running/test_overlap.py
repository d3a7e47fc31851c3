"""The next batch is rendered while the last one is judged: the same images, nothing lost, the right attempts blamed."""

import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.errors import DeviceError, Interrupted, SynthgenError
from synthgen.events import Progress
from synthgen.planning import Plan
from synthgen.records import Assessment, Candidate, Failure, Judged, Rendered, Verdict
from synthgen.running import Assignment, Outcome, create_run, open_run, verify, work
from synthgen.running.executors.queue import ShardQueue, WorkerProgress
from synthgen.running.shard.filling import Filling
from synthgen.store import FolderStore
from synthgen.testing import BrightnessJudge, NoiseGenerator
from tests.running.noise import SPEC, noise_plan
from tests.running.tables import bytes_of, ledger_of, state_of, without
from tests.running.test_filling import assess, plan_of

PLAN = noise_plan("output.shard_size=45", "filters.duplicates={}")


class Elsewhere(NoiseGenerator):
    """Noise that is made elsewhere: whoever judges is not in its way. It raises `error` at one of its batches."""

    overlaps = True

    def __init__(self, batch_size: int = 8, fails_at: int = -1, error: Exception | None = None) -> None:
        super().__init__(batch_size)
        self.rendered: list[int] = []
        self._batches, self._fails_at, self._error = 0, fails_at, error

    def render(self, candidates: Sequence[Candidate]) -> list[Rendered]:
        self._batches += 1
        if self._batches == self._fails_at and self._error:
            raise self._error
        self.rendered += [one.attempt for one in candidates]
        return super().render(candidates)


class OnItsThread(BrightnessJudge):
    """Notes on which threads it is asked, and raises `error` at one of its batches."""

    def __init__(self, fails_at: int = -1, error: Exception | None = None) -> None:
        super().__init__()
        self.threads: list[str] = []
        self._fails_at, self._error = fails_at, error

    def assess(self, rendered: Sequence[Rendered]) -> list[Assessment]:
        self.threads.append(threading.current_thread().name)
        if len(self.threads) == self._fails_at and self._error:
            raise self._error
        return super().assess(rendered)


def made(folder: Path, generator: NoiseGenerator, judge: BrightnessJudge | None = None, **options: object) -> Outcome:
    store = FolderStore(folder)
    create_run(store, PLAN, SPEC)
    return work(open_run(store), store, generator, judge or BrightnessJudge(), [0], **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def in_turn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("in-turn")
    made(folder, NoiseGenerator(8))
    return folder


def assert_same(folder: Path, in_turn: Path) -> None:
    """The images are the same, and so are the ledgers, but for attempts after the last one that was needed."""
    assert bytes_of(folder, PLAN) == bytes_of(in_turn, PLAN)
    one, other = (without(ledger_of(place, PLAN), "seconds", "batch_size") for place in (folder, in_turn))
    shared = min(len(one), len(other))
    assert str(one[:shared]) == str(other[:shared])
    assert {row["verdict"] for row in [*one, *other][2 * shared :]} <= {"surplus", "rejected", "failed"}
    assert not any(row["verdict"] == "accepted" for row in one[shared:] + other[shared:])
    assert verify(PLAN, FolderStore(folder)) == []
    assert list((folder / "journal").glob("*")) == []


@pytest.mark.parametrize("batch_size", [1, 3, 8, 16, 20, 32])
def test_a_run_is_the_same_with_the_judge_beside_the_denoiser(batch_size: int, tmp_path: Path, in_turn: Path) -> None:
    generator, judge, seen = Elsewhere(batch_size), OnItsThread(), list[Progress]()
    made(tmp_path, generator, judge, on_progress=seen.append)
    assert_same(tmp_path, in_turn)
    assert [row["attempt"] for row in ledger_of(tmp_path, PLAN)] == generator.rendered
    if batch_size <= PLAN.window // 2:  # two batches fit the window
        assert any(progress.judging for progress in seen)
        assert any(name.startswith("judge") for name in judge.threads)
    assert not any(set(progress.judging) & set(progress.under_way) for progress in seen)


def test_a_generator_on_the_cpu_waits_for_the_judge(tmp_path: Path) -> None:
    judge = OnItsThread()
    made(tmp_path, NoiseGenerator(8), judge)
    assert {*judge.threads} == {threading.current_thread().name}


def beside(plan: Plan, most: int, yields: dict[str, float]) -> list[Judged]:
    """Fill a shard as the worker does: at most one batch without verdicts while the next one is rendered."""
    filling, waiting, judged = Filling(plan, plan.shard(0)), deque[list[Candidate]](), list[Judged]()

    def settle() -> None:
        for candidate in waiting.popleft() if waiting else ():
            assessment = assess(candidate, yields)
            failure = Failure("broken", "for the test") if assessment is None else None
            judged.append(filling.apply(Rendered(candidate, None, failure, 0.0, most), assessment))

    while not filling.done:
        batch = filling.propose_needed(most) if most <= plan.window - filling.undecided else []
        settle()
        if batch:
            waiting.append(batch)
    settle()
    return judged


@given(
    counts=st.lists(st.integers(1, 20), min_size=1, max_size=5),
    rates=st.lists(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), min_size=5, max_size=5),
    most=st.integers(1, 32),
    seed=st.integers(0, 2**63 - 1),
)
@settings(max_examples=40)
def test_what_is_tried_and_accepted_does_not_depend_on_when_verdicts_come(
    counts: list[int], rates: list[float], most: int, seed: int
) -> None:
    plan = plan_of({f"c{i}": count for i, count in enumerate(counts)}, seed=seed, budget={"attempts_per_image": 4})
    yields = {f"c{i}": rate for i, rate in enumerate(rates)}
    late = beside(plan, most, yields)
    filling, prompt = Filling(plan, plan.shard(0)), list[Judged]()
    while not filling.done:
        (candidate,) = filling.propose(1)
        assessment = assess(candidate, yields)
        failure = Failure("broken", "for the test") if assessment is None else None
        prompt.append(filling.apply(Rendered(candidate, None, failure, 0.0, 1), assessment))
    assert [one.rendered.candidate for one in late[: len(prompt)]] == [one.rendered.candidate for one in prompt]
    assert [(one.verdict, one.cell) for one in late[: len(prompt)]] == [(one.verdict, one.cell) for one in prompt]
    assert not any(one.verdict is Verdict.ACCEPTED for one in late[len(prompt) :])


def test_no_batch_is_begun_that_is_not_expected_to_be_needed() -> None:
    plan = plan_of({"doctor": 20})
    filling = Filling(plan, plan.shard(0))
    assert len(filling.propose_needed(16)) == 16, "13 images are expected of them"
    assert len(filling.propose_needed(16)) == 9, "and 7 more of these"
    assert filling.propose_needed(7) == []
    assert filling.undecided == 25


@pytest.mark.parametrize(
    ("generator", "judge", "kept"),
    [
        (Elsewhere(8, 4, LookupError("gone")), OnItsThread(), 24),
        (Elsewhere(8, 4, DeviceError("gone")), OnItsThread(), 24),
        (Elsewhere(8), OnItsThread(3, LookupError("gone")), 16),
        (Elsewhere(8), OnItsThread(3, DeviceError("gone")), 16),
    ],
    ids=["rendering fails", "the device fails", "judging fails", "the judge's device fails"],
)
def test_an_error_keeps_every_verdict_and_every_image_before_it(
    generator: Elsewhere, judge: OnItsThread, kept: int, tmp_path: Path, in_turn: Path
) -> None:
    with suppress(SynthgenError):
        assert made(tmp_path, generator, judge).failed == (0,)
    again = Elsewhere(8)
    made(tmp_path, again)
    assert again.rendered[0] == kept
    assert_same(tmp_path, in_turn)
    assert state_of(tmp_path, PLAN).pending == tuple(range(1, PLAN.shard_count))


@pytest.mark.parametrize("batches", [1, 2, 3, 5])
def test_a_stop_keeps_the_batch_that_was_being_judged(batches: int, tmp_path: Path, in_turn: Path) -> None:
    generator = Elsewhere(8)
    with pytest.raises(Interrupted):
        made(tmp_path, generator, stop=lambda: len(generator.rendered) >= 8 * batches)
    again = Elsewhere(8)
    made(tmp_path, again)
    assert again.rendered[0] == len(generator.rendered)
    assert_same(tmp_path, in_turn)


def test_whatever_was_rendered_or_judged_at_a_death_is_suspect_and_made_one_by_one(
    tmp_path: Path, in_turn: Path
) -> None:
    seen = list[Progress]()
    made(tmp_path / "one", Elsewhere(8), on_progress=seen.append)
    both = next(progress for progress in seen if progress.judging)
    queue, hand = ShardQueue([0]), WorkerProgress()
    queue.take(hand)
    queue.hear(hand, both)
    queue.lose(hand)
    assignment = queue.take(WorkerProgress())
    assert assignment == Assignment(0, frozenset((*both.judging, *both.under_way)), frozenset())

    seen.clear()
    store = FolderStore(tmp_path / "two")
    create_run(store, PLAN, SPEC)
    work(PLAN, store, Elsewhere(8), BrightnessJudge(), [assignment], on_progress=seen.append)
    for progress in seen:
        if assignment.suspects & {*progress.under_way, *progress.judging}:
            assert (len(progress.under_way), progress.judging) == (1, ())
    assert_same(tmp_path / "two", in_turn)
