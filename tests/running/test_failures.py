"""What ends a shard, what ends a worker, and what is told of it."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from synthgen.errors import DeviceError, DeviceLost, ModelError, SynthgenError
from synthgen.planning import first_candidates
from synthgen.records import Assessment, Candidate, Rendered
from synthgen.running import Outcome, failed_for, grouped, read_causes, work
from synthgen.running.shard.preview import preview
from synthgen.store import FolderStore
from tests.running.noise import BrightnessJudge, NoiseGenerator, make_run, noise_plan
from tests.running.tables import images_of, state_of

PLAN = noise_plan()
FAULTS = [
    torch.AcceleratorError("CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be"),
    RuntimeError("CUDA error: device-side assert triggered"),
    RuntimeError("CUDA error: uncorrectable ECC error encountered"),
    RuntimeError("NCCL error in: ProcessGroupNCCL.cpp:1, unhandled cuda error"),
    RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    RuntimeError("HIP error: unspecified launch failure"),
]


class FailingGenerator(NoiseGenerator):
    """Raises `error` while it is set up, or from its nth batch on."""

    def __init__(self, error: Exception, *, at: int | None = None) -> None:
        super().__init__()
        self._error, self._at, self.batches = error, at, 0

    def setup(self) -> None:
        super().setup()
        if self._at is None:
            raise self._error

    def render(self, candidates: Sequence[Candidate]) -> list[Rendered]:
        self.batches += 1
        if self._at is not None and self.batches > self._at:
            raise self._error
        return super().render(candidates)


class FailingJudge(BrightnessJudge):
    def assess(self, rendered: Sequence[Rendered]) -> list[Assessment]:
        raise TypeError("Cannot handle this data type: (1, 1, 1), |u1")


def start(folder: Path, generator: NoiseGenerator, judge: BrightnessJudge | None = None) -> Outcome:
    return work(PLAN, FolderStore(folder), generator, judge or BrightnessJudge(), range(PLAN.shard_count))


def ended_by(folder: Path, generator: NoiseGenerator, judge: BrightnessJudge | None = None) -> SynthgenError:
    """What ends the work, for which no shard is to blame."""
    with pytest.raises(SynthgenError) as raised:
        start(folder, generator, judge)
    state = state_of(folder, PLAN)
    assert (generator.loads, state.failed, state.orphans) == (1, {}, ())
    assert state.ended is not None
    assert state.ended in f"{type(raised.value).__name__}: {raised.value}"
    return raised.value


@pytest.mark.parametrize("at", [None, 0, 3], ids=["set up", "first batch", "later batch"])
@pytest.mark.parametrize("error", FAULTS, ids=str)
def test_a_broken_device_ends_the_worker_and_gives_its_shard_back(
    error: Exception, at: int | None, tmp_path: Path
) -> None:
    ended = ended_by(tmp_path, FailingGenerator(error, at=at))
    assert isinstance(ended, DeviceLost)
    assert ended.exit_code == 5
    assert str(error).splitlines()[0] in ended.message
    make_run(str(tmp_path), PLAN)
    assert len(images_of(tmp_path, PLAN)) == PLAN.spec.total


def test_an_error_that_hides_a_broken_device_is_one(tmp_path: Path) -> None:
    try:
        raise ValueError("the scheduler failed") from FAULTS[0]
    except ValueError as error:
        hidden = error
    assert isinstance(ended_by(tmp_path, FailingGenerator(hidden, at=2)), DeviceLost)


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError(), RuntimeError("CUDA error: out of memory")]
)
@pytest.mark.parametrize("at", [None, 0])
def test_too_little_memory_is_the_devices_and_does_not_break_it(
    error: Exception, at: int | None, tmp_path: Path
) -> None:
    ended = ended_by(tmp_path, FailingGenerator(error, at=at))
    assert type(ended) is DeviceError
    assert "memory ran out" in ended.message


@pytest.mark.parametrize("at", [None, 0], ids=["set up", "first batch"])
@pytest.mark.parametrize("error", [TypeError("no keyword 'size'\nmore"), KeyError("x"), OSError("gone")], ids=repr)
def test_whatever_else_fails_at_the_beginning_ends_the_run_with_its_first_line(
    error: Exception, at: int | None, tmp_path: Path
) -> None:
    ended = ended_by(tmp_path, FailingGenerator(error, at=at))
    assert isinstance(ended, ModelError)
    assert ended.message.endswith(f"failed: {type(error).__name__}: {str(error).splitlines()[0]}")
    assert ended.hint is not None
    assert ended.hint.startswith("Run again to retry" if isinstance(error, OSError) else "Running again fails")


def test_a_judge_that_cannot_take_the_first_images_ends_the_run_too(tmp_path: Path) -> None:
    ended = ended_by(tmp_path, NoiseGenerator(), FailingJudge())
    assert "TypeError: Cannot handle this data type" in ended.message


def test_a_preview_ends_with_the_cause_and_not_with_a_traceback() -> None:
    for generator in (FailingGenerator(KeyError("x")), FailingGenerator(FAULTS[0], at=1)):
        with pytest.raises((ModelError, DeviceLost)):
            list(preview(PLAN, generator, BrightnessJudge(), first_candidates(PLAN, 40)))


def test_three_shards_in_turn_that_fail_alike_end_the_run(tmp_path: Path) -> None:
    plan = noise_plan("output.shard_size=5")
    generator, store = FailingGenerator(ZeroDivisionError("deep\nin it"), at=1), FolderStore(tmp_path)
    with pytest.raises(ModelError, match=r"3 shards in turn failed alike: shards 1, 2, 3: ZeroDivisionError: deep$"):
        work(plan, store, generator, BrightnessJudge(), range(plan.shard_count))
    assert state_of(tmp_path, plan).failed == {1: 1, 2: 1, 3: 1}
    assert read_causes(store, [1, 3]) == dict.fromkeys((1, 3), "ZeroDivisionError: deep")


def test_shards_that_fail_each_in_its_own_way_do_not(tmp_path: Path) -> None:
    class Unlucky(NoiseGenerator):
        def render(self, candidates: Sequence[Candidate]) -> list[Rendered]:
            if candidates[0].shard:
                raise ZeroDivisionError(f"in {candidates[0].shard}")
            return super().render(candidates)

    plan = noise_plan("output.shard_size=5")
    outcome = work(plan, FolderStore(tmp_path), Unlucky(), BrightnessJudge(), range(plan.shard_count))
    assert (outcome.committed, len(outcome.failed)) == ((0,), plan.shard_count - 1)


def test_the_last_cause_is_told_whatever_its_file_is_called(tmp_path: Path) -> None:
    plan, store = noise_plan("output.shard_size=30"), FolderStore(tmp_path)
    for word in ("one", "two", "three", "four"):
        with pytest.raises(ModelError):
            work(plan, store, FailingGenerator(KeyError(word), at=0), BrightnessJudge(), [0])
        assert f"'{word}'" in str(state_of(tmp_path, plan).ended)
        work(plan, store, FailingGenerator(KeyError(word), at=1), BrightnessJudge(), [0])
        assert state_of(tmp_path, plan).causes == {0: f"KeyError: '{word}'"}


def test_a_failure_of_an_earlier_version_and_one_that_is_cut_off_are_no_hindrance(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    old = {"shard": 1, "error": "KeyError: 'x'\nmore", "traceback": "", "environment": {}}
    store.create(f"failed/00001-{'0' * 16}.json", json.dumps(old).encode())
    store.create(f"failed/00002-{'0' * 16}.json", b'{"shard": 2, "err')
    assert read_causes(store, [1, 2]) == {1: "KeyError: 'x'"}


def test_shards_are_told_by_cause() -> None:
    causes = {**dict.fromkeys((0, 2, 1), "TypeError: a"), 7: "OSError: b"}
    assert grouped(causes) == ["shards 0, 1, 2: TypeError: a", "shard 7: OSError: b"]
    assert grouped(dict.fromkeys(range(100), "E"))[0].endswith("18, 19 and 80 more: E")


def test_running_again_is_advised_only_where_it_may_help() -> None:
    mixed, own = failed_for("x", "run", ["TypeError: a", "OSError: b"]), failed_for("x", "run", ["TypeError: a"])
    assert (mixed.exit_code, mixed.hint) == (5, "Run again to retry. Tracebacks: run/failed")
    assert (own.exit_code, str(own.hint).partition(",")[0]) == (2, "Running again fails in the same way")
