"""Faults injected one by one into a small run, each in a fresh one: what becomes of it.

`python -m tests.faults.sweep [STRIDE]` tries every fault, or each STRIDE-th, and prints a table.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.faults.commands import Ended, Fault, Server, built_shim
from tests.faults.server import KINDS
from tests.faults.small_run import SPEC, differences, seen

_CHANGING = ("fsync", "create", "link", "rename", "mkdir", "unlink", "write")
ACTS = {
    "EIO once": KINDS,
    "ENOSPC from then on": ("fsync", "create", "link", "rename", "mkdir", "write"),
    "half": ("write", "read"),
    "SIGKILL before": _CHANGING,
    "SIGKILL after": _CHANGING,
}
"""Which kinds of calls each fault concerns."""
RUN = ("run", "spec.yaml", "-o", "run", "--devices", "cpu")


@dataclass(frozen=True, slots=True)
class Bench:
    """A server, a folder to work in, what an undisturbed run holds, and how often that calls each kind.

    Attributes:
        ends: by action, how many disturbed runs ended with each code.
    """

    server: Server
    folder: Path
    whole: Mapping[str, Any]
    calls: Mapping[str, int]
    ends: Counter[tuple[str, int]] = field(default_factory=Counter)

    def every(self) -> Iterator[Fault]:
        """List all faults that the run can meet."""
        for action, kinds in ACTS.items():
            for kind in kinds:
                yield from (Fault(kind, nth, action) for nth in range(1, self.calls[kind] + 1))

    def sample(self, each: int) -> Iterator[Fault]:
        """List some: of each pair of action and kind `each`, spread evenly from the first call to the last."""
        return faults_of(self.calls, each)

    def wrong(self, fault: Fault) -> list[str]:
        """Begin a run, let it meet a fault, run it again, finalize it; say what is not as it should be."""
        run = self.folder / "run"
        shutil.rmtree(run, ignore_errors=True)
        disturbed = self.server.call(self.folder, RUN, fault=replace(fault, root=str(run)))
        self.ends[fault.action, disturbed.codes[0]] += 1
        found = wrongly_ended(fault, disturbed)
        for command in (RUN, ("finalize", "run")):
            again = self.server.call(self.folder, command)
            if again.codes != (0,):
                found.append(f"{command[0]} afterwards ended with {again.codes[0]}: {again.said[0][-400:]}")
        return found or differences(run, dict(self.whole))


def faults_of(calls: Mapping[str, int], each: int) -> Iterator[Fault]:
    """List `each` faults of each pair of action and kind, spread evenly from the first call to the last."""
    for action, kinds in ACTS.items():
        for kind in kinds:
            last = calls[kind]
            spread = {1 + (last - 1) * (2 * part + 1) // (2 * each) for part in range(each)} if last else set()
            yield from (Fault(kind, nth, action) for nth in sorted(spread))


def wrongly_ended(fault: Fault, ended: Ended) -> list[str]:
    """Say what is wrong with how a disturbed command ended."""
    (code,), (said,) = ended.codes, ended.said
    allowed = {-9} if "SIGKILL" in fault.action else {0} if fault.action == "half" else {0, 5}
    if code not in allowed:
        return [f"ended with {code}: {said[-400:]}"]
    return ["a traceback"] if "Traceback" in said else []


def bench(server: Server, folder: Path) -> Bench:
    """Make the undisturbed run."""
    (folder / "spec.yaml").write_text(SPEC)
    undisturbed = server.call(folder, RUN, fault=Fault("fsync", 0, "count", str(folder / "run")))
    assert undisturbed.codes == (0,), undisturbed.said
    assert server.call(folder, ("finalize", "run")).codes == (0,)
    return Bench(server, folder, seen(folder / "run"), undisturbed.calls)


def tried(bench: Bench, faults: Iterable[Fault]) -> tuple[Counter[tuple[str, str]], dict[str, list[str]]]:
    """Try faults: how many of each action and kind, and what went wrong, by fault."""
    tries: Counter[tuple[str, str]] = Counter()
    wrong = {}
    for fault in faults:
        tries[fault.action, fault.kind] += 1
        if found := bench.wrong(fault):
            wrong[str(fault)] = found
    return tries, wrong


def main() -> None:
    """Print how many faults of each kind were tried, and all that went wrong."""
    stride = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    offset = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    with tempfile.TemporaryDirectory() as name:
        folder, began = Path(name), time.monotonic()
        (folder / "spec.yaml").write_text(SPEC)
        (folder / "work").mkdir()
        server = Server(folder / "spec.yaml", built_shim(folder))
        table = bench(server, folder / "work")
        print("calls:", dict(table.calls), flush=True)
        tries: Counter[tuple[str, str]] = Counter()
        wrong = 0
        for fault in list(table.every())[offset::stride]:
            tries[fault.action, fault.kind] += 1
            if found := table.wrong(fault):
                wrong += 1
                print(f"WRONG {fault}: {'; '.join(found)}", flush=True)
            if tries.total() % 50 == 0:
                print(f"{tries.total()} tried, {wrong} wrong, {time.monotonic() - began:.0f} s", flush=True)
        for (action, kind), count in tries.items():
            print(f"{action:20} {kind:8} {count}")
        for (action, code), count in table.ends.items():
            print(f"{action:20} ended with {code}: {count}")
        print(f"{tries.total()} tried, {wrong} wrong, {time.monotonic() - began:.0f} s")
        server.end()


if __name__ == "__main__":
    main()
