"""The local executor: one spawned process per device, fed shard by shard, replaced when it dies or hangs."""

import logging
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from synthgen.errors import DeviceError, DeviceLost, SynthgenError, stopped
from synthgen.events import Progress
from synthgen.running.executors.queue import TRIES, ShardQueue, WorkerProgress
from synthgen.running.executors.slots import Slot
from synthgen.running.executors.worker_side import Start, serve_process
from synthgen.running.failures import write_failure
from synthgen.running.shard.worker import Outcome
from synthgen.store.store import RunStore

_LOG = logging.getLogger(__name__)
_LOOK_EVERY = 0.2


@dataclass(slots=True)
class _Worker:
    """A process, what it took, and when it last reported.

    Attributes:
        faults: how often in a row the device of its slot broke, with no shard committed in between.
    """

    slot: Slot
    process: BaseProcess
    connection: Connection
    heard: float
    faults: int = 0
    working: bool = False  # models are loaded
    hand: WorkerProgress = field(default_factory=WorkerProgress)


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
    """Make `shards` with one process per slot.

    A shard whose worker dies or falls silent is given to another one. A candidate that was under way at two deaths is
    skipped, and recorded in the ledger as a failure; a shard that cost `TRIES` workers otherwise is set aside, and
    `failed/` says so. A process whose device broke is replaced, and its shard waits for another one, which does not
    count as a try. A device that breaks `TRIES` times in a row is no longer used.

    Args:
        batch_deadline: seconds that a worker may take for a batch before it is killed.
        loading_deadline: seconds that it may take until its first batch.

    Raises:
        Interrupted: `stop()` was true; workers have ended after their batch.
        ModelError, DeviceError, StorageError: as a worker raised it; the others have ended after their batch.
        DeviceLost: every device has broken.
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
        self._queue = ShardQueue(shards)
        self._early_deaths = 0
        # The slots with no shard left to make, whose devices work as far as is known.
        self._idle = list(slots[self._queue.waiting :])
        self._workers = [self._spawn(slot) for slot in slots[: self._queue.waiting]]

    def run(self, stop: Callable[[], bool]) -> Outcome:
        try:
            while self._workers:
                if stop() and not self._queue.stopping:
                    self._stop(stopped())
                heard = wait([worker.connection for worker in self._workers], timeout=_LOOK_EVERY)
                for worker in [worker for worker in self._workers if worker.connection in heard]:
                    self._listen(worker)
                for worker in list(self._workers):
                    self._look_after(worker)
        finally:
            for worker in self._workers:
                worker.process.kill()
        return self._queue.outcome()

    def _spawn(self, slot: Slot, faults: int = 0) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=serve_process, args=(self._start, self._store.location, slot.device, theirs))
        with _environment(slot.environment):
            process.start()
        theirs.close()  # so that we read the end of the file when the process is gone
        return _Worker(slot, process, ours, time.monotonic(), faults)

    def _listen(self, worker: _Worker) -> None:
        try:
            kind, content = worker.connection.recv()
        except (EOFError, OSError):
            self._bury(worker, "died")
            return

        worker.heard = time.monotonic()
        if kind == "ready":
            assignment = self._queue.take(worker.hand)
            with suppress(OSError):
                worker.connection.send(assignment)
        elif kind == "progress":
            worker.working = True
            # A shard that others began does not show that the device works: it may break at every other batch.
            worker.faults = 0 if content.committed and not content.kept else worker.faults
            self._queue.hear(worker.hand, content)
            self._on_progress(content)
        elif kind == "log":
            level, text = content
            _LOG.log(level, "%s: %s", worker.slot.device, text)
        elif kind == "outcome":
            self._queue.end(worker.hand, content)
        elif isinstance(content, DeviceLost) or (isinstance(content, DeviceError) and worker.faults):
            self._lose_device(worker, content)
        else:
            self._queue.end(worker.hand, None)
            self._stop(content)

    def _look_after(self, worker: _Worker) -> None:
        silent = time.monotonic() - worker.heard
        if worker in self._workers and silent > (self._batch_deadline if worker.working else self._loading_deadline):
            worker.process.kill()  # SIGKILL ends a stopped process too
            self._bury(worker, f"gave no sign of life for {silent:.0f} s")

    def _bury(self, worker: _Worker, how: str) -> None:
        """Give the shard of a worker that is gone to another one, and fill or free its slot."""
        worker.process.join()
        self._workers.remove(worker)
        code = worker.process.exitcode
        if not worker.hand.began:
            if code and not self._queue.stopping:
                self._replace_beginner(worker.slot, code)
            return
        if (lost := worker.hand.shard) is not None and not self._queue.stopping:
            _LOG.warning("the worker on %s %s at shard %d, exit code %s", worker.slot.device, how, lost, code)
        shard = self._queue.lose(worker.hand)
        if shard is not None:
            why = f"{TRIES} workers in turn ended at this shard; the last one {how}, exit code {code}"
            write_failure(self._store, shard, DeviceError(why))
        if self._queue.waiting:
            self._workers.append(self._spawn(worker.slot, worker.faults))
        else:
            self._idle.append(worker.slot)

    def _lose_device(self, worker: _Worker, error: DeviceError) -> None:
        """Replace the process of a broken device: it can never use the device again, but another one may."""
        worker.process.kill()  # a broken device may keep it from ending by itself
        worker.process.join()
        self._workers.remove(worker)
        self._queue.release(worker.hand)
        if not self._queue.waiting:
            return
        slot, faults = (self._idle.pop(), 0) if self._idle else (worker.slot, worker.faults + 1)
        if faults < TRIES:
            _LOG.warning("%s: %s; another worker takes its place", worker.slot.device, error)
            self._workers.append(self._spawn(slot, faults))
        elif self._workers:
            _LOG.warning("%s: %s; it broke %d times in turn: the others go on", worker.slot.device, error, faults)
        else:
            self._stop(error)

    def _replace_beginner(self, slot: Slot, code: int) -> None:
        """Replace a worker that ended while it was still importing, unless that keeps happening."""
        self._early_deaths += 1
        if self._early_deaths < TRIES:
            self._workers.append(self._spawn(slot))
        else:
            self._stop(DeviceError(f"workers on {slot.device} end before they begin: exit code {code}"))

    def _stop(self, error: SynthgenError) -> None:
        """Let all workers end after their batch; the first error is the one that is reported."""
        told = self._queue.stopping
        self._queue.stop(error)
        if told:
            return
        for worker in self._workers:
            with suppress(OSError):
                worker.connection.send(None)


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
