"""The command line as a user has it: a process of its own."""

import subprocess
import sys
from pathlib import Path


def call(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "synthgen", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
