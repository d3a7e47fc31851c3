"""Faults injected one by one into each command that changes a run, apart from `run`: what becomes of the runs.

`python -m tests.faults.changes [EACH] [NAME..]` tries EACH faults of each kind and action, 2 if it does not say.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from synthgen.store import layout
from tests.faults.commands import Ended, Fault, Server, built_shim
from tests.faults.small_run import SPEC, compared, seen
from tests.faults.sweep import faults_of, wrongly_ended

Command = Sequence[object]
_MORE = SPEC.replace("chef: 3", "chef: 3, nurse: 2")
_RUN = ("run", "spec.yaml", "-o", "runs/run", "--devices", "cpu")
_OUT = ("exclude", "runs/run", "00000-000000", "--reason", "blurred", "--reviewer", "ana")
_IN = ("include", "runs/run", "00000-000000", "--reviewer", "bo")
_EXPORT = ("export", "runs/run", "-o", "runs/out", "--to")
_EXTEND = ("run", "more.yaml", "-o", "runs/run", "--extend", "--devices", "cpu")


@dataclass(frozen=True, slots=True)
class Change:
    """A command that changes runs, and what it begins with: commands, and files that somebody has removed since."""

    command: Command
    begin: Sequence[Command] = (_RUN,)
    without: str | None = None


CHANGES = {
    "exclude": Change(_OUT),
    "include": Change(_IN, (_RUN, _OUT)),
    "undo": Change((*_OUT[:3], "--undo", "--reviewer", "ana"), (_RUN, _OUT)),
    "top-up": Change(("run", "runs/run", "--top-up", "--devices", "cpu"), (_RUN, _OUT)),
    "extend": Change(_EXTEND),
    "rejudge": Change(("rejudge", "runs/run", "--set", "filters.clip.min_score=-0.4")),
    "repair": Change(("repair", "runs/run"), (_RUN,), "shards/00001*.parquet"),
    "finalize": Change(("finalize", "runs/run"), (_RUN,), "report.html"),
    "export": Change((*_EXPORT, "webdataset", "--image", "jpeg"), (_RUN, (*_EXPORT, "imagefolder"))),
    "remove": Change(("remove", "runs/run", "--yes")),
}


class Place:
    """A folder with `runs/`, which is laid anew for each try, and what a change makes of it if nothing comes."""

    def __init__(self, server: Server, folder: Path, change: Change) -> None:
        self._server, self._folder, self._change = server, folder, change
        self._runs, self._prepared = folder / "runs", folder / "prepared"
        folder.mkdir()
        for name, text in (("spec", SPEC), ("more", _MORE)):
            (folder / f"{name}.yaml").write_text(text)
        self._runs.mkdir()
        for command in change.begin:
            self._must(command)
        if change.without is not None:
            for path in (self._runs / "run").glob(change.without):
                path.unlink()
        self._runs.rename(self._prepared)
        self._lay()
        undisturbed = self._call(change.command, Fault("fsync", 0, "count"))
        assert undisturbed.codes == (0,), undisturbed.said
        self._after()
        self.calls, self._whole = undisturbed.calls, self._seen()

    def faults(self, each: int) -> Iterator[Fault]:
        return faults_of(self.calls, each)

    def wrong(self, fault: Fault) -> list[str]:
        """Let the command meet a fault, and give it again; say what is not as it should be."""
        self._lay()
        found = wrongly_ended(fault, self._call(self._change.command, fault))
        again = self._call(self._change.command)
        is_gone = self._change.command[0] == "remove" and not (self._runs / "run").exists()
        if again.codes != (2 if is_gone and again.codes != (0,) else 0,):
            found.append(f"{self._change.command[0]} again ended with {again.codes[0]}: {again.said[0][-400:]}")
        if not found:
            self._after()
        return found or compared(self._seen(), self._whole)

    def _after(self) -> None:
        """A run is made whole where a command only discards."""
        if self._change.command[0] == "repair":
            self._must(_RUN)

    def _lay(self) -> None:
        shutil.rmtree(self._runs, ignore_errors=True)
        shutil.copytree(self._prepared, self._runs)

    def _call(self, command: Command, fault: Fault | None = None) -> Ended:
        fault = fault and replace(fault, root=str(self._runs))
        return self._server.call(self._folder, command, fault=fault)

    def _must(self, command: Command) -> None:
        ended = self._call(command)
        assert ended.codes == (0,), (command, ended.said)

    def _seen(self) -> dict[str, Any]:
        """Give what the runs hold, without the moments of decisions."""
        return {
            f"{run.name}/{name}": _timeless(name, content)
            for run in sorted(self._runs.iterdir())
            for name, content in seen(run).items()
        }


def _timeless(name: str, content: object) -> object:
    """Leave out moments, and the digests of files that have some."""
    if name.startswith(f"{layout.DECISIONS}/"):
        assert isinstance(content, bytes)
        decision = json.loads(content)
        return {key: decision[key] for key in decision.keys() - {"sha256", "time"}}
    return content


def main() -> None:
    """Print how many faults each command met, how it ended, and all that went wrong."""
    each = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "spec.yaml").write_text(SPEC)
        server = Server(folder / "spec.yaml", built_shim(folder))
        for chosen in sys.argv[2:] or CHANGES:
            began, place = time.monotonic(), Place(server, folder / chosen, CHANGES[chosen])
            tries: Counter[str] = Counter()
            wrong = 0
            print(f"{chosen}: calls {dict(place.calls)}", flush=True)
            for fault in place.faults(each):
                tries[fault.action] += 1
                if found := place.wrong(fault):
                    wrong += 1
                    print(f"WRONG {chosen}, {fault}: {'; '.join(found)}", flush=True)
            print(f"{chosen}: {tries.total()} tried, {wrong} wrong, {time.monotonic() - began:.0f} s", flush=True)
        server.end()


if __name__ == "__main__":
    main()
