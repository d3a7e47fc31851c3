"""Command lines in processes that begin at once: forks of one that has imported what they need.

Each is a process of its own, with its own folder, environment, streams and exit code, and ends as any other does. What
it lacks is only the seconds of imports. `python -m tests.warm SOCKET` is the server; it ends with its stdin.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

MODULES = (
    *(
        "synthgen.cli.making",
        "synthgen.cli.keeping",
        "synthgen.cli.sources",
        "synthgen.api.running",
        "synthgen.api.calibrating",
        "synthgen.api.auditing",
    ),
    *("synthgen.dataset.finalize", "synthgen.dataset.formats.opening", "synthgen.dataset.export"),
    *("synthgen.generating.renderer", "synthgen.judging.clip_judge", "synthgen.pages.sheet", "synthgen.ledger.tally"),
    *("synthgen.running.executors.local", "synthgen.store.object_store", "synthgen.store.s3"),
    *("synthgen.api.observing", "synthgen.api.prometheus", "synthgen.api.telemetry"),
    *("diffusers", "open_clip", "datasets", "pyarrow.parquet", "pyarrow.dataset", "scipy.fftpack", "s3fs"),
    *("PIL.PngImagePlugin", "PIL.JpegImagePlugin", "PIL.BmpImagePlugin", "PIL.GifImagePlugin", "PIL.PpmImagePlugin"),
)
_READ_ONCE = ("HF_", "PYTHON", "LD_", "XDG_", "OMP_", "TORCH", "CUDA", "LC_", "LANG", "HOME", "TMP")
"""How the names of variables begin that Python or a library reads when it is imported."""
_MOST = 1 << 17
_PROGRAM = """\
import json, os, socket, sys
asked = {{"arguments": sys.argv[1:], "folder": os.getcwd(), "variables": dict(os.environ)}}
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as caller:
    caller.connect({door!r})
    socket.send_fds(caller, [json.dumps(asked).encode()], [0, 1, 2])
    caller.recv(32)
    code = int(caller.recv(32))
sys.exit(code if code >= 0 else 128 - code)
"""


def close_files_but(kept: int) -> None:
    """Close every file that a fork took along, but the standard streams and one."""
    for number in map(int, os.listdir("/proc/self/fd")):
        if number > 2 and number != kept:
            with contextlib.suppress(OSError):
                os.close(number)


@dataclass
class Begun:
    """A process that has begun.

    Attributes:
        pid: its number, for signals.
    """

    pid: int
    _caller: socket.socket

    def is_over(self) -> bool:
        return bool(select.select([self._caller], [], [], 0)[0])

    def wait(self, timeout: float = 240) -> int:
        """Return its exit code, or the signal's number with a minus. A process that takes longer is killed."""
        with self._caller:
            self._caller.settimeout(timeout)
            try:
                return int(self._caller.recv(32))
            except TimeoutError:
                os.kill(self.pid, signal.SIGKILL)
                raise


class WarmServer:
    """Starts processes of synthgen with the variables that it was itself started with."""

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = dict(os.environ if variables is None else variables)
        self._folder = tempfile.TemporaryDirectory(prefix="warm-")
        self._door = str(Path(self._folder.name, "door"))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm", self._door],
            cwd=Path(__file__).parents[1],
            env=self._variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n", "the server did not begin"

    def serves(self, variables: Mapping[str, str]) -> bool:
        """Whether a process with these variables would import what the server has imported."""
        names = {name for name in {*variables, *self._variables} if name.startswith(_READ_ONCE)}
        return all(variables.get(name) == self._variables.get(name) for name in names)

    def run(
        self,
        arguments: Sequence[str],
        folder: Path,
        *,
        variables: Mapping[str, str] | None = None,
        stdin: Path | None = None,
        timeout: float = 240,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command line in a folder, and return what it printed."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            begun = self.begin(arguments, folder, out, err, variables=variables, stdin=stdin)
            code = begun.wait(timeout)
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(list(arguments), code, out.read(), err.read())

    def begin(
        self,
        arguments: Sequence[str],
        folder: Path,
        out: IO[bytes],
        err: IO[bytes],
        *,
        variables: Mapping[str, str] | None = None,
        stdin: Path | None = None,
    ) -> Begun:
        """Begin a command line that prints to files."""
        variables = dict(os.environ if variables is None else variables)
        asked = json.dumps({"arguments": list(arguments), "folder": str(folder), "variables": variables}).encode()
        assert len(asked) < _MOST
        caller = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with open(stdin or os.devnull, "rb") as given:
            caller.connect(self._door)
            socket.send_fds(caller, [asked], [given.fileno(), out.fileno(), err.fileno()])
        return Begun(int(caller.recv(32)), caller)

    def write_program(self, folder: Path) -> Path:
        """Write a program `synthgen` into a folder, for scripts: it has this server run each command line."""
        program = folder / "synthgen"
        program.write_text(f"#!{sys.executable} -SE\n{_PROGRAM.format(door=self._door)}")
        program.chmod(0o755)
        return program

    def end(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=30)
        self._folder.cleanup()


def main() -> None:
    """Serve until stdin ends; in a process that was forked, be the command."""
    for name in MODULES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # else the first collection of each process copies most of this one's memory
    arguments = _asked(sys.argv[1])
    if arguments is None:
        return
    from synthgen.__main__ import main as begin

    sys.argv = ["synthgen", *arguments]
    code: object = 1
    try:
        begin()
    except SystemExit as ended:
        code = ended.code
    if isinstance(code, int):
        # As the interpreter ends, but all that was imported is not taken apart: that takes longer than most commands.
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _asked(door: str) -> list[str] | None:
    """Fork for each request, and return its arguments there; return None here, once stdin ends."""
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening,
        selectors.DefaultSelector() as waiting,
        contextlib.ExitStack() as callers,
    ):
        listening.bind(door)
        listening.listen(16)
        waiting.register(listening, selectors.EVENT_READ)
        waiting.register(sys.stdin, selectors.EVENT_READ)
        print("ready", flush=True)
        while True:
            for key, _ in waiting.select():
                if key.fileobj is sys.stdin:
                    return None
                if key.data is not None:
                    child, caller = key.data
                    waiting.unregister(key.fd)
                    os.close(key.fd)
                    _tell(caller, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
                    caller.close()
                    continue
                caller, _ = listening.accept()
                text, streams, _, _ = socket.recv_fds(caller, _MOST, 3)
                child = os.fork()
                if child == 0:
                    caller.close()
                    return _become(json.loads(text), streams)
                for stream in streams:
                    os.close(stream)
                _tell(caller, child)
                waiting.register(os.pidfd_open(child), selectors.EVENT_READ, (child, caller))
                callers.callback(caller.close)


def _tell(caller: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):  # it did not wait
        caller.send(str(number).encode())


def _become(request: dict[str, object], streams: Sequence[int]) -> list[str]:
    """Take the streams, the folder and the variables of a request; return its arguments."""
    for target, stream in enumerate(streams):
        os.dup2(stream, target)
        os.close(stream)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        old, number = getattr(sys, name), ("stdin", "stdout", "stderr").index(name)
        buffering = 1 if name == "stderr" else -1
        new = open(number, mode, buffering, encoding=old.encoding, errors=old.errors, closefd=False)  # noqa: SIM115 # to the process's end
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)
    folder, variables, arguments = request["folder"], request["variables"], request["arguments"]
    assert isinstance(folder, str)
    assert isinstance(variables, dict)
    assert isinstance(arguments, list)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    sys.path[0] = folder  # as `python -m` sets it
    return arguments


if __name__ == "__main__":
    main()
