"""The Ray executor's actors: what runs on the machines of the cluster."""

import multiprocessing
import os
import platform
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from synthgen.running.assignment import Assignment
from synthgen.running.executors.worker_side import Start, serve_worker

_LOOK_EVERY = 0.2


class _Method(Protocol):
    def remote(self, *arguments: object) -> object: ...


class ActorHandle(Protocol):
    """Ray's handle of an `ShardActor`."""

    @property
    def begin(self) -> _Method: ...
    @property
    def exchange(self) -> _Method: ...


class ShardActor:
    """A process of Ray's: a thread that is the worker, and the executor's end of the pipe to it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        os.environ.update(environment)  # before anything imports torch

    def begin(self, start: Start, location: str, device: str) -> list[tuple[str, object]]:
        from ray import get_runtime_context

        self._connection, self._theirs = multiprocessing.Pipe()
        self._worker = ThreadPoolExecutor(1).submit(serve_worker, start, location, device, self._theirs)
        return [("place", (platform.node(), get_runtime_context().get_node_id()))]

    def exchange(self, answers: Sequence[Assignment | None]) -> list[tuple[str, object]]:
        """Send the worker `answers` and return its messages since; raise the unforeseen error that ended it, if any."""
        for answer in answers:
            self._connection.send(answer)
        told: list[tuple[str, object]] = []
        while self._connection.poll(0 if told else _LOOK_EVERY):
            told.append(self._connection.recv())
        if self._worker.done() and not told:
            self._worker.result()
        return told
