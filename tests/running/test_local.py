"""The local executor with real processes: they are killed, stopped and broken, and the run comes out the same."""

import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
import torch

from synthgen.errors import DeviceLost, DeviceMissing, Interrupted, ModelError, UsageError
from synthgen.events import Progress
from synthgen.planning import Plan
from synthgen.records import Candidate, Rendered
from synthgen.running import Assignment, Outcome, Slot, create_run, open_run, run_local, slots, verify, work
from synthgen.running.executors.queue import TRIES
from synthgen.running.executors.worker_side import Start, serve_process
from synthgen.store import FolderStore
from tests.running.noise import SPEC, BrightnessJudge, NoiseGenerator, make_run, noise_plan
from tests.running.tables import images_of, ledger_of, state_of, without
from tests.warm import close_files_but

PLAN = noise_plan("classes.doctor=40", "output.shard_size=8")


def start(
    location: str,
    shards: Iterable[int | Assignment],
    device: str,
    on_progress: Callable[[Progress], None],
    stop: Callable[[], bool],
) -> Outcome:
    """A worker that does to itself what TROUBLE says, at shard 2: `kill`, `freeze`, `break`; `once` or always. Or
    that dies of `candidate N` of shard 2, in whichever batch it is."""
    store = FolderStore(location)
    trouble, _, times = os.environ.get("TROUBLE", "").partition(" ")

    def troubled() -> Iterator[Assignment]:
        for shard in shards:
            assert isinstance(shard, Assignment)
            told = Path(location).parent / "told"
            if shard.shard == 2 and not (times == "once" and told.exists()):
                told.touch()
                if trouble in ("kill", "freeze"):
                    os.kill(os.getpid(), signal.SIGKILL if trouble == "kill" else signal.SIGSTOP)
                if trouble == "warn":
                    logging.getLogger("synthgen.elsewhere").warning("the %s is warm", "GPU")
                if trouble == "break":
                    raise ModelError("it broke", hint="mend it")
            yield shard
            time.sleep(0.05)

    generator = NoiseGenerator()
    if trouble == "candidate":
        generator = DeadlyGenerator(int(times))
    if trouble in ("setup", "render"):
        generator = GeneratorOnABrokenDevice(Path(location).parent, trouble, int(times))
    return work(open_run(store), store, generator, BrightnessJudge(), troubled(), on_progress=on_progress, stop=stop)


class DeadlyGenerator(NoiseGenerator):
    """Kills its process when it meets one candidate of shard 2."""

    def __init__(self, attempt: int) -> None:
        super().__init__()
        self._attempt = attempt

    def render(self, candidates: Sequence[Candidate]) -> list[Rendered]:
        if any((one.shard, one.attempt) == (2, self._attempt) for one in candidates):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().render(candidates)


class GeneratorOnABrokenDevice(NoiseGenerator):
    """Its device breaks, at setup or in its second batch, in as many processes as there are faults left."""

    def __init__(self, beside: Path, where: str, faults: int) -> None:
        super().__init__(batch_size=4)
        self._beside, self._where, self._faults, self._batches = beside, where, faults, 0

    def setup(self) -> None:
        if not self.loads:
            (self._beside / f"load-{os.getpid()}").touch()
        super().setup()
        self._break("setup")

    def render(self, candidates: Sequence[Candidate]) -> list[Rendered]:
        self._batches += 1
        if self._batches > 1:
            self._break("render")
        return super().render(candidates)

    def _break(self, here: str) -> None:
        for fault in range(self._faults if here == self._where else 0):
            with suppress(FileExistsError):
                (self._beside / f"fault-{fault}").touch(exist_ok=False)
                raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered\nmore")


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers begin at once, as forks of this process; as if spawned, each has no file but its end of the pipe."""

    def served(start: Start, location: str, device: str, connection: Connection) -> None:
        torch.set_num_threads(1)  # the threads of OpenMP did not come along: with more than one, it waits for them
        close_files_but(connection.fileno())
        serve_process(start, location, device, connection)

    context = multiprocessing.get_context("fork")
    monkeypatch.setattr(multiprocessing, "get_context", lambda method=None: context)
    monkeypatch.setattr("synthgen.running.executors.local.serve_process", served)


def local(folder: Path, trouble: str = "", workers: int = 2, **options: object) -> Outcome:
    store = FolderStore(folder)
    create_run(store, PLAN, SPEC)
    slot = Slot("cpu", {"TROUBLE": trouble})
    return run_local(start, store, range(PLAN.shard_count), [slot] * workers, **options)  # type: ignore[arg-type]


def the_same(folder: Path, other: Path, plan: Plan) -> bool:
    dropped = "score_unmeasured"  # is never a number, and so equal to nothing
    return all(
        without(rows_of(folder, plan), dropped) == without(rows_of(other, plan), dropped)
        for rows_of in (ledger_of, images_of)
    )


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run as one process makes it."""
    folder = tmp_path_factory.mktemp("alone")
    make_run(str(folder), PLAN)
    return folder


@pytest.mark.slow
def test_several_workers_make_what_one_makes(alone: Path, tmp_path: Path) -> None:
    seen: list[int] = []
    outcome = local(tmp_path / "run", workers=3, on_progress=lambda progress: seen.append(progress.shard))
    assert outcome.committed == tuple(range(PLAN.shard_count)) == tuple(sorted(set(seen)))
    assert the_same(tmp_path / "run", alone, PLAN)


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize("trouble", ["kill once", "freeze once"])
def test_a_worker_that_dies_or_hangs_is_replaced_and_nothing_is_lost(alone: Path, tmp_path: Path, trouble: str) -> None:
    outcome = local(tmp_path / "run", trouble, batch_deadline=2.0, loading_deadline=20.0)
    assert (outcome.committed, outcome.failed) == (tuple(range(PLAN.shard_count)), ())
    assert the_same(tmp_path / "run", alone, PLAN)
    assert verify(PLAN, FolderStore(tmp_path / "run")) == []


@pytest.mark.usefixtures("forked")
def test_what_a_worker_logs_is_said_by_the_process_that_started_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """It prints nothing itself: stderr may hold JSON Lines."""
    assert local(tmp_path / "run", "warn once").failed == ()
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "cpu: the GPU is warm"
    ]
    assert "is warm" not in capfd.readouterr().err


@pytest.mark.usefixtures("forked")
def test_a_shard_that_kills_its_workers_is_set_aside_and_the_others_go_on(tmp_path: Path) -> None:
    outcome = local(tmp_path / "run", "kill always")
    assert outcome.failed == (2,)
    assert set(outcome.committed) == set(range(PLAN.shard_count)) - {2}
    assert state_of(tmp_path / "run", PLAN).failed == {2: 1}
    (failure,) = (tmp_path / "run/failed").iterdir()
    assert "3 workers in turn ended at this shard; the last one died, exit code -9" in failure.read_text()


@pytest.mark.usefixtures("forked")
def test_a_candidate_that_kills_its_worker_twice_is_skipped_and_recorded(alone: Path, tmp_path: Path) -> None:
    outcome = local(tmp_path / "run", "candidate 3")
    assert (outcome.committed, outcome.failed) == (tuple(range(PLAN.shard_count)), ())
    (skipped,) = [row for row in ledger_of(tmp_path / "run", PLAN) if row["reason"] == "killed_workers"]
    assert (skipped["id"], skipped["verdict"]) == ("00002-000003", "failed")
    assert len(images_of(tmp_path / "run", PLAN)) == PLAN.spec.total
    others = [row["id"] for row in images_of(alone, PLAN) if not row["id"].startswith("00002")]
    assert others == [row["id"] for row in images_of(tmp_path / "run", PLAN) if not row["id"].startswith("00002")]


@pytest.mark.usefixtures("forked")
def test_what_no_worker_can_do_ends_the_run_with_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="it broke") as caught:
        local(tmp_path / "run", "break")
    assert caught.value.hint == "mend it"


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize(("trouble", "workers"), [("render 1", 1), ("render 2", 2), ("setup 1", 1)])
def test_a_process_whose_device_breaks_is_replaced_and_another_one_makes_its_shard(
    alone: Path, tmp_path: Path, trouble: str, workers: int
) -> None:
    outcome = local(tmp_path / "run", trouble, workers)
    assert (outcome.committed, outcome.failed) == (tuple(range(PLAN.shard_count)), ())
    faults = int(trouble[-1])
    assert workers < len(list(tmp_path.glob("load-*"))) <= workers + faults
    assert state_of(tmp_path / "run", PLAN).failed == {}
    assert {path.name[:7] for path in (tmp_path / "run/failed").iterdir()} == {"worker-"}
    ids = [row["id"] for row in images_of(tmp_path / "run", PLAN)]
    assert ids == [row["id"] for row in images_of(alone, PLAN)]


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize("trouble", ["setup 99", "render 99"])
def test_a_device_that_breaks_again_and_again_ends_the_run_with_its_cause(tmp_path: Path, trouble: str) -> None:
    with pytest.raises(DeviceLost, match="CUDA error: an illegal memory access was encountered"):
        local(tmp_path / "run", trouble)
    assert TRIES <= len(list(tmp_path.glob("load-*"))) <= 2 * TRIES
    assert state_of(tmp_path / "run", PLAN).failed == {}


@pytest.mark.usefixtures("forked")
def test_one_broken_device_among_several_is_left_alone_and_the_others_make_its_shards(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "run")
    create_run(store, PLAN, SPEC)
    places = [Slot("cpu", {"TROUBLE": "render 99"}), Slot("cpu", {"TROUBLE": ""})]
    outcome = run_local(start, store, range(PLAN.shard_count), places)
    assert (outcome.committed, outcome.failed) == (tuple(range(PLAN.shard_count)), ())


@pytest.mark.usefixtures("forked")
def test_a_stop_ends_all_workers_after_their_batch(tmp_path: Path) -> None:
    began: list[float] = []
    with pytest.raises(Interrupted):
        local(
            tmp_path / "run",
            on_progress=lambda progress: began.append(time.monotonic()),
            stop=lambda: bool(began),
        )
    assert time.monotonic() - began[0] < 20
    assert len(state_of(tmp_path / "run", PLAN).pending) > 0
    assert local(tmp_path / "run").failed == ()
    assert state_of(tmp_path / "run", PLAN).complete


def test_devices_become_workers() -> None:
    assert slots("auto", lambda: 0, {}) == (Slot("cpu", {}),)
    assert len(slots("auto", lambda: 3, {})) == 3
    half = str(max(1, (os.cpu_count() or 1) // 2))
    assert slots("cpu:2", lambda: 8, {}) == (Slot("cpu", {"OMP_NUM_THREADS": half}),) * 2
    assert [slot.environment for slot in slots("cuda:0,2", lambda: 3, {})] == [
        {"CUDA_VISIBLE_DEVICES": "0"},
        {"CUDA_VISIBLE_DEVICES": "2"},
    ]
    outer = {"CUDA_VISIBLE_DEVICES": "5,GPU-7"}
    assert [slot.environment for slot in slots("cuda", lambda: 2, outer)] == [
        {"CUDA_VISIBLE_DEVICES": "5"},
        {"CUDA_VISIBLE_DEVICES": "GPU-7"},
    ]
    for wrong in ("", "gpu", "cpu:0", "cuda:", "cuda:a", "cpu:2,3"):
        with pytest.raises(UsageError, match="devices: expected auto"):
            slots(wrong, lambda: 1, {})
    for missing in ("cuda", "cuda:1"):
        with pytest.raises(DeviceMissing, match="there is no GPU"):
            slots(missing, lambda: 0, {})


def broken(location: str, *_: object) -> Outcome:
    raise TypeError(f"a store that cannot be opened\n{location}")


def test_an_unforeseen_error_outside_a_shard_is_one_line_with_its_traceback_in_failed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    store = FolderStore(tmp_path / "run")
    create_run(store, PLAN, SPEC)
    with pytest.raises(ModelError, match=r"between two: TypeError: a store that cannot be opened$") as refused:
        run_local(broken, store, [0], [Slot("cpu", {})])  # type: ignore[arg-type]
    assert (refused.value.exit_code, f"Tracebacks: {store.location}/failed" in str(refused.value.hint)) == (2, True)
    (kept,) = store.names("failed")
    assert b"Traceback (most recent call last)" in store.read(kept)
    assert "Traceback" not in capfd.readouterr().err
