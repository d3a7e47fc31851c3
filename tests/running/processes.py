"""Real processes that work on a run, to be killed. One server imports torch; each is forked from it."""

import multiprocessing
import os
import resource
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.synchronize import Barrier

import torch

from synthgen.errors import StorageError
from synthgen.planning import Plan
from synthgen.running import work
from synthgen.store import open_store
from synthgen.store.faults import VARIABLE
from tests.running.noise import BrightnessJudge, NoiseGenerator, make_run


def context() -> ForkServerContext:
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(["datasets", "pyarrow.parquet", "PIL.Image", "tests.running.processes"])
    return found


def start_run(location: str, plan: Plan, *, fault: str = "", pause: float = 0.0) -> ForkServerProcess:
    process = context().Process(target=_run, args=(location, plan.to_json(), {**os.environ, VARIABLE: fault}, pause))
    process.start()
    return process


def race(location: str, plan: Plan, shard: int) -> list[str]:
    """Two processes make `shard`, batch by batch at the same time. What becomes of it for each, sorted."""
    barrier = context().Barrier(2)
    ends = [context().Pipe(duplex=False) for _ in range(2)]
    processes = [
        context().Process(target=_race, args=(location, plan.to_json(), dict(os.environ), shard, barrier, sender))
        for _, sender in ends
    ]
    for process in processes:
        process.start()
    fates = sorted(receiver.recv() for receiver, _ in ends)
    for process in processes:
        process.join()
    return fates


def run_with_small_files(folder: str, plan: Plan, limit: int) -> StorageError | None:
    """A run in a process that may write no file of more than `limit` bytes: what it raises."""
    receiver, sender = context().Pipe(duplex=False)
    process = context().Process(target=_run_with_small_files, args=(folder, plan.to_json(), limit, sender))
    process.start()
    message, hint = receiver.recv()
    process.join()
    return StorageError(message, hint=hint) if message else None


def _run(location: str, plan: str, environment: dict[str, str], pause: float) -> None:
    torch.set_num_threads(1)
    os.environ.update(environment)  # the server was started in that of another test
    make_run(location, Plan.from_json(plan), pause=pause)


def _race(
    location: str, plan: str, environment: dict[str, str], shard: int, barrier: Barrier, answer: Connection
) -> None:
    torch.set_num_threads(1)
    os.environ.update(environment)
    generator = NoiseGenerator(before_batch=lambda: barrier.wait(60))
    outcome = work(Plan.from_json(plan), open_store(location), generator, BrightnessJudge(), [shard])
    answer.send("committed" if outcome.committed else "lost" if outcome.lost else "neither")


def _run_with_small_files(folder: str, plan: str, limit: int, answer: Connection) -> None:
    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        make_run(folder, Plan.from_json(plan))
    except StorageError as error:
        answer.send((error.message, error.hint))
    else:
        answer.send((None, None))
