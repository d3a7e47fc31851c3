"""Runs that are killed, or asked to stop, at random moments, again and again, until they are done.

`python -m tests.faults.kills [KILLS]` kills so often in each way, and prints what came of it.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthgen.running.shard.journal import SECONDS
from synthgen.store import RunStore, open_store
from tests.faults.commands import Server, Signal
from tests.faults.small_run import differences

Command = Sequence[object]
_FOLDERS = ("shards", "ledger", "done", "journal", "failed", "additions")


@dataclass(frozen=True, slots=True)
class Way:
    """How a run is made: the commands that begin it, those that are disturbed, those that end it."""

    begin: Sequence[Command]
    disturbed: Sequence[Command]
    end: Sequence[Command]


def ways(run: object) -> dict[str, Way]:
    """List the ways to make a run at a place."""
    make = ("run", "spec.yaml", "-o", run, "--devices")
    tasks = [("work", run, "--index", index, "--of", 2, "--device", "cpu") for index in (0, 1)]
    alone = ("work", run, "--index", 0, "--of", 1, "--device", "cpu")
    return {
        "one worker": Way((), [(*make, "cpu")], [(*make, "cpu")]),
        "two workers": Way((), [(*make, "cpu:2")], [(*make, "cpu:2")]),
        "two tasks": Way([("plan", "spec.yaml", "-o", run)], tasks, [alone, ("finalize", run)]),
    }


@dataclass(slots=True)
class Came:
    """What came of runs that were disturbed.

    Attributes:
        signals: how many processes they ended.
        twice: attempts that were rendered more than once.
        rendered: attempts that were rendered at all, in all runs.
    """

    signals: int = 0
    runs: int = 0
    twice: int = 0
    rendered: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def disturb(
    server: Server,
    folder: Path,
    way: Way,
    location: str,
    whole: Mapping[str, Any],
    *,
    count: int,
    kinds: Sequence[str],
    rng: random.Random,
    a_run: int = 4,
    environment: Mapping[str, str] | None = None,
) -> Came:
    """Make runs, each disturbed `a_run` times, until `count` processes were ended; compare each with the whole one."""
    came, stops = Came(), {-9, -15, -2, 75, 130}
    settings = {SECONDS: "0", **(environment or {})}  # a part of the journal for every batch
    seconds = 1.0
    while came.signals < count:
        _clear(folder, location)
        for command in way.begin:
            assert server.call(folder, command, environment=settings).codes == (0,)
        for _ in range(a_run):
            signals = [
                Signal(rng.choice(kinds), rng.uniform(0.02, 1.1) * seconds, rng.random() < 0.5, number)
                for number in range(len(way.disturbed))
                if not number or rng.random() < 0.6
            ]
            ended = server.call(folder, *way.disturbed, signals=signals, environment=settings)
            came.signals += sum(code in stops for code in ended.codes)
            came.codes.update(ended.codes)
            if strange := [code for code in ended.codes if code not in stops | {0}]:
                came.wrong.append(f"ended with {strange[0]}: {' '.join(ended.said)[-600:]}")
        for command in way.end:
            ended = server.call(folder, command, environment=settings)
            if ended.codes != (0,):
                came.wrong.append(f"{command[0]} afterwards ended with {ended.codes[0]}: {ended.said[0][-600:]}")
        server.settle()
        seconds = max(0.5, 0.7 * seconds + 0.3 * ended.seconds)
        came.runs += 1
        came.wrong += differences(_here(folder, location), dict(whole))
        attempts = Counter((folder / "rendered").read_text().split())
        came.rendered += attempts.total()
        came.twice += sum(times - 1 for times in attempts.values())
    return came


def _clear(folder: Path, location: str) -> None:
    shutil.rmtree(folder / "run", ignore_errors=True)
    (folder / "rendered").unlink(missing_ok=True)
    if "://" in location:
        store = open_store(location)
        for name in _names(store):
            store.delete(name)


def _names(store: RunStore) -> list[str]:
    return [*store.names(""), *(name for each in _FOLDERS for name in store.names(each)), *store.names_below("dataset")]


def _here(folder: Path, location: str) -> Path:
    """Give the run as a folder: as it is, or a copy of what is in a bucket."""
    run = folder / "run"
    if "://" in location:
        store = open_store(location)
        for name in _names(store):
            (run / name).parent.mkdir(parents=True, exist_ok=True)
            (run / name).write_bytes(store.read(name))
    return run


def main() -> None:
    """Kill runs in each way on this machine, and stop them; print figures."""
    from tests.faults.small_run import SPEC
    from tests.faults.sweep import bench

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    chosen = sys.argv[2:] or list(ways("run"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "spec.yaml").write_text(SPEC)
        (folder / "work").mkdir()
        server = Server(folder / "spec.yaml", None)
        calm = bench(server, folder / "work")
        for way in chosen:
            for kinds in (["SIGKILL"], ["SIGTERM", "SIGINT"]):
                began = time.monotonic()
                made = ways("run")[way]
                rng = random.Random(os.urandom(8))
                some = count if kinds == ["SIGKILL"] else max(1, count // 25)
                came = disturb(server, folder / "work", made, "run", calm.whole, count=some, kinds=kinds, rng=rng)
                print(f"{way}, {' or '.join(kinds)}, {time.monotonic() - began:.0f} s: {came}", flush=True)
        server.end()


if __name__ == "__main__":
    main()
