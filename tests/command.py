"""The command line as a user has it: a process of its own."""

import atexit
import json
import logging
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import jsonschema

from synthgen.cli.envelope import result_schema
from synthgen.cli.program import run
from synthgen.cli.session import session
from tests.warm import WarmServer

_COLD = 2
"""How many calls begin anew, before it pays to have a server for the others."""
_CALLS = count()


def call(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command line in a process of its own; from the third on, one that need not import what it uses."""
    words = list(map(str, arguments))
    if next(_CALLS) >= _COLD and (server := warm_server()).serves(os.environ):
        done = server.run(words, folder)
        return subprocess.CompletedProcess(words, done.returncode, done.stdout.decode(), done.stderr.decode())
    command = [sys.executable, "-m", "synthgen", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)


@cache
def warm_server() -> WarmServer:
    """Return the server of this process, which ends with it."""
    server = WarmServer()
    atexit.register(server.end)
    return server


def command_line(arguments: Sequence[str]) -> int:
    """Run a command line in this process, which is quicker, and leave the process as it was."""
    with process_left_as_it_was():
        return run(arguments)


@contextmanager
def process_left_as_it_was() -> Iterator[None]:
    """Restore logging, handlers of signals, the environment and what the session knows."""
    root, own = logging.getLogger(), logging.getLogger("synthgen")
    handlers, levels, state = list(root.handlers), (root.level, own.level), {**vars(session), "warnings": []}
    environment = dict(os.environ)
    stops = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    root.handlers.clear()  # `basicConfig` would close them
    try:
        with warnings.catch_warnings():
            yield
    finally:
        logging.captureWarnings(False)
        root.handlers[:] = handlers
        root.setLevel(levels[0])
        own.setLevel(levels[1])
        vars(session).update(state)
        os.environ.clear()
        os.environ.update(environment)
        for number, handler in stops.items():
            signal.signal(number, handler)


def envelope(stdout: str | bytes) -> dict[str, Any]:
    """What `--json` printed, which must keep its schema."""
    found: dict[str, Any] = json.loads(stdout)
    jsonschema.validate(found, result_schema())
    return found


def result(stdout: str | bytes) -> dict[str, Any]:
    """What a command found, from the envelope of `--json`."""
    found: dict[str, Any] = envelope(stdout)["result"]
    return found


def said(stderr: str) -> str:
    """The error that ended a command, with its hint: the last line of JSON, if progress had begun before it."""
    lines = stderr.splitlines()
    if not lines or not lines[-1].startswith('{"time"'):
        return stderr
    last = json.loads(lines[-1])
    return f"{last['message']}\n{last.get('hint', '')}"
