"""Who holds a lock on a file: processes of this machine, as Linux lists them."""

import os
import re
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

_LOCKS = Path("/proc/locks")
_LINE = re.compile(r"\d+: FLOCK +\w+ +\w+ +(\d+) +([0-9a-f]+):([0-9a-f]+):(\d+) ")
_COMMAND = re.compile(r"[a-z-]{2,20}")


def holders(path: Path) -> tuple[str, ...]:
    """Name the other processes that hold a lock on a file or folder, such as "process 4711 (synthgen finalize)".

    Empty where it cannot be known: on other systems, and of processes on other machines.
    """
    try:
        there, lines = path.stat(), _LOCKS.read_text("ascii").splitlines()
    except (OSError, ValueError):
        return ()
    found = [match.groups() for line in lines if (match := _LINE.match(line)) and int(match[4]) == there.st_ino]
    device = os.major(there.st_dev), os.minor(there.st_dev)
    # Some file systems count their devices otherwise in this list: then the number of the file has to do.
    exact = [each for each in found if (int(each[1], 16), int(each[2], 16)) == device]
    pids = sorted({int(each[0]) for each in exact or found} - {0, os.getpid()})
    return tuple(f"process {pid}{_command(pid)}" for pid in pids)


def named(path: Path) -> str:
    """Name those who hold a lock on a file in a sentence; "another process" if they are not known."""
    return " and ".join(holders(path)) or "another process"


def _command(pid: int) -> str:
    """Return the command of synthgen that a process runs, and none of its arguments; empty for anything else."""
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        for word, following in pairwise(words):
            if Path(word).name == "synthgen" or word.endswith("synthgen/__main__.py"):
                return f" (synthgen {following})" if _COMMAND.fullmatch(following) else " (synthgen)"
            if word == "-m" and following == "synthgen":
                after = words[words.index(following) + 1 :][:1]
                return f" (synthgen {after[0]})" if after and _COMMAND.fullmatch(after[0]) else " (synthgen)"
    return ""
