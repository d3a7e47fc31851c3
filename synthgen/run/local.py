"""The local executor: one spawned process per device, fed shard by shard, replaced when it dies or hangs."""

import multiprocessing
import os
import signal
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from synthgen.errors import DeviceError, Interrupted, SynthgenError
from synthgen.run.devices import Slot
from synthgen.run.progress import Assignment, Progress
from synthgen.run.store import RunStore
from synthgen.run.worker import Outcome, write_failure

TRIES = 3
"""Workers that a shard may cost before it is set aside; one that shows which candidate kills is not counted."""
MAX_SKIPPED = 8
"""Candidates of a shard that may be skipped; with more of them, something else is wrong."""
_LOOK_EVERY = 0.2


class Start(Protocol):
    """Makes shards of the run at `location`, as `synthgen.run.work`. A function of a module: processes import it."""

    def __call__(
        self,
        location: str,
        shards: Iterable[int | Assignment],
        device: str,
        on_progress: Callable[[Progress], None],
        stop: Callable[[], bool],
    ) -> Outcome: ...


@dataclass(slots=True)
class _Worker:
    """A process, the shard that it is at, and when it was last heard of."""

    slot: Slot
    process: BaseProcess
    connection: Connection
    heard: float
    shard: int | None = None
    working: bool = False  # models are loaded
    under_way: tuple[int, ...] = ()  # attempts that it is at
    committed: list[int] = field(default_factory=list)  # before its outcome tells all


def run_local(
    start: Start,
    store: RunStore,
    shards: Iterable[int],
    slots: Sequence[Slot],
    *,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
    batch_deadline: float = 600.0,
    loading_deadline: float = 3600.0,
) -> Outcome:
    """Make `shards` with one process per slot. A shard whose worker dies or is silent is given to another one. A
    candidate that was under way at two deaths is skipped, as a failure in the ledger; a shard that cost `TRIES`
    workers otherwise is set aside, and `failed/` says so.

    Args:
        batch_deadline: seconds that a worker may take for a batch; then it is ended.
        loading_deadline: seconds until its first batch.

    Raises:
        Interrupted: `stop()` was true; workers have ended after their batch.
        ModelError, DeviceError, StorageError: as a worker raised it; the others have ended after their batch.
    """
    return _Pool(start, store, shards, slots, on_progress, batch_deadline, loading_deadline).run(stop)


class _Pool:
    def __init__(
        self,
        start: Start,
        store: RunStore,
        shards: Iterable[int],
        slots: Sequence[Slot],
        on_progress: Callable[[Progress], None],
        batch_deadline: float,
        loading_deadline: float,
    ) -> None:
        self._start, self._store, self._on_progress = start, store, on_progress
        self._batch_deadline, self._loading_deadline = batch_deadline, loading_deadline
        self._queue = deque(shards)
        self._deaths: Counter[int] = Counter()
        self._suspects: dict[int, Counter[int]] = defaultdict(
            Counter
        )  # by shard, deaths that each attempt was under way at
        self._early_deaths = 0
        self._outcomes: list[Outcome] = []
        self._set_aside: list[int] = []
        self._error: SynthgenError | None = None
        self._stopping = False
        self._workers = [self._spawn(slot) for slot in slots[: len(self._queue)]]

    def run(self, stop: Callable[[], bool]) -> Outcome:
        try:
            while self._workers:
                if stop() and not self._stopping:
                    self._stop(Interrupted("stopped on request", hint="Run again to go on: what was committed stays."))
                heard = wait([worker.connection for worker in self._workers], timeout=_LOOK_EVERY)
                for worker in [worker for worker in self._workers if worker.connection in heard]:
                    self._listen(worker)
                for worker in list(self._workers):
                    self._look_after(worker)
        finally:
            for worker in self._workers:
                worker.process.kill()
        if self._error is not None:
            raise self._error
        if self._queue:
            raise DeviceError(f"no worker is left, and {len(self._queue)} shards are", hint="Run again to go on.")
        return Outcome(
            committed=tuple(sorted(index for outcome in self._outcomes for index in outcome.committed)),
            skipped=tuple(sorted(index for outcome in self._outcomes for index in outcome.skipped)),
            lost=tuple(sorted(index for outcome in self._outcomes for index in outcome.lost)),
            failed=tuple(sorted([*self._set_aside, *(i for outcome in self._outcomes for i in outcome.failed)])),
        )

    def _spawn(self, slot: Slot) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(self._start, self._store.location, slot.device, theirs))
        with _environment(slot.environment):
            process.start()
        theirs.close()  # so that we read the end of the file when the process is gone
        return _Worker(slot, process, ours, time.monotonic())

    def _listen(self, worker: _Worker) -> None:
        try:
            kind, content = worker.connection.recv()
        except (EOFError, OSError):
            self._bury(worker, "died")
            return
        worker.heard = time.monotonic()
        if kind == "ready":
            worker.shard = self._queue.popleft() if self._queue and not self._stopping else None
            worker.under_way = ()
            with suppress(OSError):
                worker.connection.send(None if worker.shard is None else self._assignment(worker.shard))
        elif kind == "progress":
            worker.working, worker.under_way = True, content.under_way
            if content.committed:
                worker.committed.append(content.shard)
            self._on_progress(content)
        elif kind == "outcome":
            self._outcomes.append(content)
            worker.shard = None
            worker.committed.clear()
        else:
            worker.shard = None
            self._stop(content)

    def _look_after(self, worker: _Worker) -> None:
        silent = time.monotonic() - worker.heard
        if worker in self._workers and silent > (self._batch_deadline if worker.working else self._loading_deadline):
            worker.process.kill()  # SIGKILL ends a stopped process too
            self._bury(worker, f"gave no sign of life for {silent:.0f} s")

    def _bury(self, worker: _Worker, how: str) -> None:
        """What a worker that is gone leaves: its shard for another one, and its place."""
        worker.process.join()
        self._workers.remove(worker)
        self._outcomes.append(Outcome(tuple(worker.committed), (), (), ()))
        shard, code = worker.shard, worker.process.exitcode
        if shard is None:
            if code and not self._stopping:
                self._replace_beginner(worker.slot, code)
            return
        if not self._condemns(shard, worker.under_way):
            self._deaths[shard] += 1
        if self._deaths[shard] < TRIES:
            self._queue.appendleft(shard)
        else:
            self._set_aside.append(shard)
            why = f"{TRIES} workers in turn ended at this shard; the last one {how}, exit code {code}"
            write_failure(self._store, shard, DeviceError(why))
        if self._queue and not self._stopping:
            self._workers.append(self._spawn(worker.slot))

    def _replace_beginner(self, slot: Slot, code: int) -> None:
        """For a worker that ended while it was still importing: another one, unless that happens again and again."""
        self._early_deaths += 1
        if self._early_deaths < TRIES:
            self._workers.append(self._spawn(slot))
        else:
            self._stop(DeviceError(f"workers on {slot.device} end before they begin: exit code {code}"))

    def _assignment(self, shard: int) -> Assignment:
        deaths = self._suspects[shard]
        skipped = frozenset(attempt for attempt, times in deaths.items() if times > 1)
        return Assignment(shard, frozenset(deaths) - skipped, skipped)

    def _condemns(self, shard: int, under_way: Sequence[int]) -> bool:
        """Note what was under way at a death. Is it now known which candidate it was, and may one more be skipped?"""
        deaths = self._suspects[shard]
        deaths.update(under_way)
        known = sum(times > 1 for times in deaths.values())
        return len(under_way) == 1 and deaths[under_way[0]] == 2 and known <= MAX_SKIPPED

    def _stop(self, error: SynthgenError) -> None:
        """Let all workers end after their batch; the first error is the one that is told."""
        self._error = self._error or error
        if self._stopping:
            return
        self._stopping = True
        for worker in self._workers:
            with suppress(OSError):
                worker.connection.send(None)


def _serve(start: Start, location: str, device: str, connection: Connection) -> None:
    """The worker's process. It asks for shards until it gets None; whatever else comes, or the pipe's end, is a wish
    to stop, so a worker never outlives its parent by more than a batch."""
    stopped = False

    def on_signal(number: int, frame: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent says what it means
    signal.signal(signal.SIGTERM, on_signal)

    def assignments() -> Iterator[Assignment]:
        while True:
            connection.send(("ready", None))
            assignment = connection.recv()
            if assignment is None:
                return
            yield assignment

    def stop() -> bool:
        return stopped or connection.poll()

    def tell(kind: str, content: Any) -> None:
        with suppress(OSError):
            connection.send((kind, content))

    with suppress(EOFError):  # the parent is gone: there is nobody to tell
        try:
            outcome = start(location, assignments(), device, lambda progress: tell("progress", progress), stop)
        except SynthgenError as error:
            tell("error", error)
        else:
            tell("outcome", outcome)


@contextmanager
def _environment(more: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in more}
    os.environ.update(more)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
