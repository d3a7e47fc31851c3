"""Commands of synthgen in processes that are forked, disturbed and killed: the client of `tests.faults.server`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Fault:
    """What becomes of the `nth` call of a kind on files below `root`: see KINDS and ACTIONS of the server."""

    kind: str
    nth: int
    action: str
    root: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.nth}: {self.action}"


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal that the command number `to` gets after some seconds; or all its processes."""

    signal: str
    after: float
    group: bool = False
    to: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """How commands ended.

    Attributes:
        codes: the exit code of each, or the signal's number with a minus.
        said: stdout and stderr of each.
        calls: how often the first one called each kind, if it had a fault.
    """

    codes: tuple[int, ...]
    said: tuple[str, ...]
    calls: Mapping[str, int]
    seconds: float


def built_shim(folder: Path) -> Path | None:
    """Compile the shim; None where there is no compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        return None
    shim = folder / "shim.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(shim), str(HERE / "shim.c"), "-ldl"]
    subprocess.run(command, check=True, timeout=60)
    return shim


class Server:
    """A server with the models of `spec`, and with the shim, if there is one."""

    def __init__(self, spec: Path, shim: Path | None) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
        if shim is not None:
            environment["LD_PRELOAD"] = str(shim)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.server", str(spec)],
            cwd=HERE.parents[1],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._line() == "ready\n", "the server did not begin"

    def call(
        self,
        folder: Path,
        *commands: Sequence[object],
        fault: Fault | None = None,
        signals: Sequence[Signal] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Ended:
        """Run commands at the same time in `folder`, and wait until all have ended. The fault is the first one's."""
        asked: list[dict[str, Any]] = [
            {"name": number, "arguments": list(map(str, arguments))} for number, arguments in enumerate(commands)
        ]
        if fault is not None:
            asked[0]["fault"] = asdict(fault)
        request = {
            "folder": str(folder),
            "commands": asked,
            "signals": [asdict(each) for each in signals],
            "environment": dict(environment or {}),
        }
        outputs = [(folder / f"stdout-{number}", folder / f"stderr-{number}") for number in range(len(asked))]
        for file in (file for pair in outputs for file in pair):
            file.write_text("")  # a process may be killed before it opens them
        answer = self._ask(request)
        said = (f"{out.read_text()}{error.read_text()}" for out, error in outputs)
        return Ended(tuple(answer["codes"]), tuple(said), answer["calls"], answer["seconds"])

    def settle(self) -> None:
        """Wait until no process is left that a command started."""
        self._ask({"commands": []})

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._line())
        return answer

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()
