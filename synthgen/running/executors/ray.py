"""The Ray executor: an actor per GPU or core of a cluster, fed shard by shard, replaced when it or its node is lost."""

import logging
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import cast

from synthgen.errors import (
    DeviceError,
    DeviceLost,
    DeviceMissing,
    StorageError,
    SynthgenError,
    UsageError,
    stopped,
)
from synthgen.events import Progress
from synthgen.running.assignment import Assignment
from synthgen.running.executors.queue import TRIES, ShardQueue, WorkerProgress
from synthgen.running.executors.ray_actor import ActorHandle, ShardActor
from synthgen.running.executors.ray_cluster import Ray, check_reachable, connected
from synthgen.running.executors.slots import Slot
from synthgen.running.executors.worker_side import Start
from synthgen.running.failures import write_failure
from synthgen.running.shard.worker import Outcome
from synthgen.store import layout
from synthgen.store.store import RunStore

_LOG = logging.getLogger(__name__)
_LOOK_EVERY = 0.2
_COUNT_EVERY = 5.0
_SHARED = "All nodes must see the run's folder, under one path: choose one on a file system that they share."


@dataclass(slots=True)
class _Worker:
    """An actor, what it took, and when it last reported.

    Attributes:
        telling: Ray's reference to its next messages.
        answers: what it is sent after those.
        place: its machine and node, once Ray has placed it.
    """

    actor: ActorHandle
    telling: object
    heard: float
    place: tuple[str, str] | None = None
    working: bool = False  # models are loaded
    ended: bool = False
    answers: list[Assignment | None] = field(default_factory=list)
    hand: WorkerProgress = field(default_factory=WorkerProgress)


def run_ray(
    start: Start,
    store: RunStore,
    shards: Iterable[int],
    *,
    devices: str = "auto",
    address: str | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
    batch_deadline: float = 600.0,
    loading_deadline: float = 3600.0,
    stop_deadline: float = 12.0,
) -> Outcome:
    """Make `shards` with as many actors as the cluster has places for, at most one per shard.

    Nodes that join are used. A shard whose actor or node is lost is treated as in `run_local`.

    Args:
        devices: `cuda`, an actor per GPU; `cpu`, an actor per core, with one thread; `auto`, what the cluster has.
        address: see `synthgen.running.executors.ray_cluster.connected`.
        batch_deadline: seconds that an actor may take for a batch before it is killed.
        loading_deadline: seconds until its first batch, and until the cluster has a place for any.
        stop_deadline: seconds that an actor may take for its batch after a stop; then the batch is dropped.

    Raises:
        UsageError: `devices` or `address` has another form.
        Interrupted: `stop()` was true.
        DeviceError: Ray is missing, no cluster answers, or it has no place for a worker.
        ModelError, DeviceError, StorageError: as a worker raised it; the others have ended after their batch.
        DeviceLost: devices broke `TRIES` times for each place that the cluster has.
    """
    _check_devices(devices)
    deadlines = _Deadlines(batch_deadline, loading_deadline, stop_deadline)
    queue = ShardQueue(shards)
    with connected(address) as ray:
        outcome = _Pool(ray, start, store, queue, _slot(ray, devices), on_progress, deadlines).run(stop)
    there = set(store.names(layout.DONE))
    if elsewhere := [shard for shard in outcome.committed if layout.marker(shard) not in there]:
        what = f"{store.location} lacks shards that workers committed, such as {elsewhere[0]}"
        raise StorageError(what, hint=_SHARED)
    return outcome


def check_ray(devices: str, address: str | None) -> None:
    """Check, before a run begins, what `run_ray` can know without a cluster: that one answers, if it is named.

    Raises:
        UsageError: Ray is not installed, or an argument has another form.
        DeviceError: nothing answers at the address.
    """
    _check_devices(devices)
    check_reachable(address)


def _check_devices(devices: str) -> None:
    if devices not in ("auto", "cpu", "cuda"):
        raise UsageError(f"with Ray: expected auto, cpu or cuda, found {devices!r}", argument="devices")


@dataclass(frozen=True, slots=True)
class _Deadlines:
    batch: float
    loading: float
    stop: float


def _slot(ray: Ray, devices: str) -> Slot:
    gpus = int(ray.cluster_resources().get("GPU", 0))
    if devices == "cpu" or (devices == "auto" and not gpus):
        return Slot("cpu", {"OMP_NUM_THREADS": "1"})
    if not gpus:
        hint = "`ray status` lists what it has."
        raise DeviceMissing("cuda: the cluster has no GPU", argument="devices", hint=hint)
    return Slot("cuda", {})


class _Pool:
    def __init__(
        self,
        ray: Ray,
        start: Start,
        store: RunStore,
        queue: ShardQueue,
        slot: Slot,
        on_progress: Callable[[Progress], None],
        deadlines: _Deadlines,
    ) -> None:
        self._ray, self._start, self._store, self._queue, self._slot = ray, start, store, queue, slot
        self._on_progress, self._deadlines = on_progress, deadlines
        self._workers: list[_Worker] = []
        self._resource, needs = ("CPU", {"num_cpus": 1}) if slot.device == "cpu" else ("GPU", {"num_gpus": 1})
        # Actors are replaced here, where it is known what became of the shard.
        self._actor = ray.remote(ShardActor).options(max_restarts=0, max_task_retries=0, **needs)
        self._places, self._counted = 0, float("-inf")
        self._vain = 0  # actors in a row that were lost before they asked for a shard
        self._faults = 0  # devices that broke
        self._stopped_at: float | None = None

    def run(self, stop: Callable[[], bool]) -> Outcome:
        try:
            while self._queue.waiting or self._workers:
                if stop() and not self._queue.stopping:
                    self._stop(stopped())
                self._hire()
                self._listen()
                self._look_after()
        finally:
            for worker in list(self._workers):
                self._dismiss(worker)
        return self._queue.outcome()

    def _hire(self) -> None:
        """Start an actor for each shard that waits, while there are places; if none waits, dismiss unplaced actors."""
        if not self._queue.waiting:
            for worker in [worker for worker in self._workers if worker.place is None]:
                self._dismiss(worker)
            return
        now = time.monotonic()
        if now - self._counted > _COUNT_EVERY:
            self._counted = now
            self._places = max(1, int(self._ray.cluster_resources().get(self._resource, 0)))
        idle = sum(not worker.hand.began for worker in self._workers)
        for _ in range(min(self._queue.waiting - idle, self._places - len(self._workers))):
            actor = self._actor.remote(dict(self._slot.environment))
            telling = actor.begin.remote(self._start, _seen_by_all(self._store.location), self._slot.device)
            self._workers.append(_Worker(actor, telling, now))

    def _listen(self) -> None:
        if not self._workers:
            time.sleep(_LOOK_EVERY)
            return
        telling = {worker.telling: worker for worker in self._workers}
        ready, _ = self._ray.wait(list(telling), num_returns=len(telling), timeout=_LOOK_EVERY)
        for worker in [telling[reference] for reference in ready]:
            try:
                told = self._ray.get(worker.telling)
            except self._ray.exceptions.RayError as error:
                self._bury(worker, error)
                continue
            for kind, content in told:
                self._hear(worker, kind, content)
            if worker.ended:
                self._dismiss(worker)
            else:
                worker.telling = worker.actor.exchange.remote(worker.answers)
                worker.answers = []

    def _hear(self, worker: _Worker, kind: str, content: object) -> None:
        worker.heard = time.monotonic()
        if kind == "place":
            worker.place = cast("tuple[str, str]", content)
        elif kind == "ready":
            self._vain = 0
            worker.answers.append(self._queue.take(worker.hand))
        elif kind == "progress":
            assert isinstance(content, Progress)
            worker.working = True
            self._queue.hear(worker.hand, content)
            self._on_progress(content)
        elif kind == "log":
            level, text = cast("tuple[int, str]", content)
            _LOG.log(level, "%s: %s", worker.place[0] if worker.place else "a worker", text)
        elif kind == "outcome":
            assert isinstance(content, Outcome)
            worker.ended = True
            self._queue.end(worker.hand, content)
        else:
            assert isinstance(content, SynthgenError)
            worker.ended = True
            if isinstance(content, DeviceLost) or (isinstance(content, DeviceError) and self._faults):
                self._lose_device(worker, content)
            else:
                self._stop(self._explained(worker, content))

    def _look_after(self) -> None:
        now, deadlines = time.monotonic(), self._deadlines
        for worker in list(self._workers):
            silent = now - worker.heard
            if self._stopped_at is not None and now - self._stopped_at > deadlines.stop:
                self._dismiss(worker)
            elif worker.place is None:
                if silent > deadlines.loading and not any(one.place for one in self._workers):
                    has = self._ray.cluster_resources().get(self._resource, 0)
                    what = f"the cluster had no place for a worker in {silent:.0f} s: it has {has:g} {self._resource}"
                    self._stop(DeviceError(what, hint="`ray status` lists what takes them."))
            elif silent > (deadlines.batch if worker.working else deadlines.loading):
                self._bury(worker, DeviceError(f"gave no sign of life for {silent:.0f} s"))

    def _bury(self, worker: _Worker, error: Exception) -> None:
        """Dismiss an actor that is gone, or must go, and give its shard to another one."""
        self._dismiss(worker)
        how = (str(error).strip() or type(error).__name__).splitlines()[-1].strip()
        if not worker.hand.began:
            self._vain += 1
            if self._vain >= TRIES:
                hint = "Every node must have the same Python and the same synthgen as this one."
                self._stop(DeviceError(f"{TRIES} workers in turn could not begin; the last one: {how}", hint=hint))
        shard = self._queue.lose(worker.hand, by_itself=self._has_ended_itself(worker, error))
        if shard is not None:
            failure = DeviceError(f"{TRIES} workers in turn ended at this shard; the last one: {how}")
            failure.__cause__ = error
            write_failure(self._store, shard, failure)

    def _lose_device(self, worker: _Worker, error: DeviceError) -> None:
        """Give its shard to another actor, in a process of its own, unless devices keep breaking."""
        self._queue.release(worker.hand)
        self._faults += 1
        place = worker.place[0] if worker.place else "a node"
        if self._faults < TRIES * max(1, self._places):
            _LOG.warning("%s: %s; another worker takes its place", place, error)
        else:
            what = f"devices broke {self._faults} times; the last one on {place}: {error.message}"
            self._stop(DeviceLost(what, hint=error.hint))

    def _has_ended_itself(self, worker: _Worker, error: Exception) -> bool:
        """Whether the actor ended by itself, and was not lost with its node."""
        if worker.place is None or isinstance(error, self._ray.exceptions.ActorUnavailableError):
            return False
        return any(node["Alive"] and node["NodeID"] == worker.place[1] for node in self._ray.nodes())

    def _dismiss(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        self._ray.kill(worker.actor)  # at once, or after some seconds if it does not react

    def _stop(self, error: SynthgenError) -> None:
        """Let all actors end after their batch; the first error is the one that is reported."""
        if not self._queue.stopping:
            self._stopped_at = time.monotonic()
            for worker in self._workers:
                worker.answers.append(None)
        self._queue.stop(error)

    def _explained(self, worker: _Worker, error: SynthgenError) -> SynthgenError:
        if isinstance(error, StorageError | UsageError) and not worker.hand.began and worker.place:
            return StorageError(f"a worker on {worker.place[0]} cannot begin: {error.message}", hint=_SHARED)
        return error


def _seen_by_all(location: str) -> str:
    """Make a folder's path absolute: actors work in folders of their own."""
    return location if "://" in location else os.path.abspath(location)
