"""The command line as a user has it: a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema

from synthgen.cli.envelope import result_schema


def call(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "synthgen", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)


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
