"""Runs on a Ray cluster whose driver and whose actors are killed at random moments, until they are done.

`python -m tests.faults.ray_kills [KILLS]` kills so often, and prints what came of it.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL
from typing import Any

from synthgen.running.shard.journal import SECONDS
from tests.faults.commands import Ended, Server, Signal
from tests.faults.small_run import SPEC, differences, seen
from tests.ray_nodes import Nodes, cluster

NODES = {"OMP_NUM_THREADS": "1", SECONDS: "0"}
"""The environment of the nodes: pixels do not depend on threads, and each batch is journalled at once."""


@dataclass(slots=True)
class Came:
    """What came of runs that were disturbed.

    Attributes:
        drivers: how many commands were killed.
        actors: how many actors were killed, in all runs.
        working: how many of those while a shard was under way, and not while models were loaded.
    """

    drivers: int = 0
    actors: int = 0
    working: int = 0
    runs: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        return self.drivers + self.actors


class _Killer(threading.Thread):
    """Kills actors of a cluster at random moments until it is told to end: some while they load, most at work."""

    def __init__(self, nodes: Nodes, run: Path, seconds: float, most: int, rng: random.Random) -> None:
        super().__init__()
        self._nodes, self._run, self._seconds, self._most, self._rng = nodes, run, seconds, most, rng
        self._ended = threading.Event()
        self.killed, self.working = 0, 0

    def run(self) -> None:
        while self.killed < self._most:
            if self._rng.random() < 0.7:
                before = self._files()
                while self._files() == before and not self._ended.wait(0.01):
                    pass
                pause = 0.1
            else:
                pause = 0.5
            if self._ended.wait(self._rng.uniform(0, pause) * self._seconds):
                return
            if actors := self._nodes.actors():
                with suppress(ProcessLookupError):
                    os.kill(self._rng.choice(actors), SIGKILL)
                    self.killed += 1
                    self.working += pause == 0.1

    def end(self) -> None:
        self._ended.set()
        self.join()

    def _files(self) -> int:
        """Count what actors have written: they are at work when it grows."""
        return sum(len(list((self._run / name).glob("*"))) for name in ("journal", "shards", "ledger", "done"))


def undisturbed(server: Server, folder: Path) -> Mapping[str, Any]:
    """Make a run that nothing disturbs, and see what it holds.

    A batch is one image: what was under way when an actor died is rendered one by one, as the guide says, and the last
    bit of a pixel may depend on the size of its batch.
    """
    (folder / "spec.yaml").write_text(SPEC.replace("batch_size: 4", "batch_size: 1"))
    for command in (("run", "spec.yaml", "-o", "run", "--devices", "cpu"), ("finalize", "run")):
        ended = server.call(folder, command)
        assert ended.codes == (0,), ended.said
    return seen(folder / "run")


def disturb(
    server: Server,
    nodes: Nodes,
    folder: Path,
    whole: Mapping[str, Any],
    *,
    count: int,
    rng: random.Random,
    seconds: float = 10.0,
    told: Callable[[Came], None] = lambda came: None,
) -> Came:
    """Make runs, each disturbed twice, until `count` processes were killed; compare each with the whole one.

    Args:
        seconds: about how long an undisturbed run takes.
        told: hears what came of all runs so far, after each.
    """
    came, run = Came(), folder / "run"
    make = ("run", "spec.yaml", "-o", "run", "--executor", "ray", "--address", nodes.address, "--devices", "cpu")
    while came.kills < count:
        shutil.rmtree(run, ignore_errors=True)
        for _ in range(2):
            killer = _Killer(nodes, run, seconds, 2, rng)
            killer.start()
            stop = Signal("SIGKILL", rng.uniform(0.05, 1.3) * seconds)  # or only actors are killed
            ended = server.call(folder, make, signals=[stop] if rng.random() < 0.5 else [], environment=NODES)
            killer.end()
            came.drivers += ended.codes == (-SIGKILL,)
            came.actors += killer.killed
            came.working += killer.working
            came.codes.update(ended.codes)
            came.wrong += _wrongly_ended(ended)
            if rng.random() < 0.5:
                _wait_for_none(nodes)  # else what is left of this driver's actors meets the next one's
        ended = server.call(folder, make, environment=NODES)
        if ended.codes != (0,):
            came.wrong.append(f"run afterwards ended with {ended.codes[0]}: {ended.said[0][-600:]}")
        seconds = 0.7 * seconds + 0.3 * ended.seconds
        _wait_for_none(nodes)
        came.runs += 1
        came.wrong += differences(run, dict(whole))
        told(came)
    return came


def _wrongly_ended(ended: Ended) -> list[str]:
    """Three actors in a row that are killed before their first shard end the run with 5, as the guide says."""
    (code,), (said,) = ended.codes, ended.said
    if code not in {0, 5, -SIGKILL}:
        return [f"ended with {code}: {said[-600:]}"]
    return [f"a traceback: {said[-600:]}"] if "Traceback" in said else []


def _wait_for_none(nodes: Nodes) -> None:
    """Wait until the cluster has ended the actors whose driver is gone."""
    deadline = time.monotonic() + 60
    while nodes.actors():
        assert time.monotonic() < deadline, "actors outlive their driver"
        time.sleep(0.05)


def main() -> None:
    """Kill drivers and actors on a cluster of this machine; print figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with tempfile.TemporaryDirectory() as name:
        folder, began = Path(name), time.monotonic()
        (folder / "spec.yaml").write_text(SPEC)
        server = Server(folder / "spec.yaml", None)
        whole = undisturbed(server, folder)
        with cluster(**NODES) as nodes:
            rng = random.Random(os.urandom(8))

            def told(came: Came) -> None:
                print(f"{came.kills} kills in {time.monotonic() - began:.0f} s: {came}", flush=True)

            disturb(server, nodes, folder, whole, count=count, rng=rng, told=told)
        server.end()


if __name__ == "__main__":
    main()
