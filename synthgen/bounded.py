"""Reading files that a spec, a run or a model names: regular files only, and none without end."""

import errno
import json
import os
import stat
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

MOST_BYTES = 256 * 2**20
"""More than any file has that people or this program write as text."""
MOST_OF_A_MODEL = 64 * 2**20
"""More than any file of settings has that comes with a model; the list of its weights is the largest."""

_ALIKE = 0.7
"""How alike two names are that may have been mistaken for each other, as difflib measures it."""


def read_bounded(path: Path, most: int = MOST_BYTES) -> bytes:
    """Read a whole file without waiting for anybody: a pipe would block, and a device may never end.

    Raises:
        OSError: it cannot be read, is not a regular file, or has more than `most` bytes; its `strerror` says which.
    """
    _check_regular(path, os.stat(path))  # before it is opened, which has an effect on some devices
    flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())
        _check_regular(path, status)  # it may have been replaced a moment ago
        content = file.read(most + 1) if status.st_size <= most else None
    if content is None or len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most >> 20} MiB", str(path))
    return content


def read_object(path: Path, most: int = MOST_OF_A_MODEL) -> dict[str, Any]:
    """Read a JSON object. Its values are `Any`: what they should be is checked where they are used.

    Raises:
        OSError: as `read_bounded`.
        ValueError: it is not a JSON object in UTF-8.
    """
    try:
        content = json.loads(read_bounded(path, most).decode("utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(content, dict):
        raise ValueError("it is not an object")
    return content


def near_name(name: str, known: Iterable[str]) -> str | None:
    """Find the name that is most like that of a file that does not exist; None if none is like it.

    The endings are left out: they would make any two files alike that have the same one.

    Example:
        >>> from synthgen.bounded import near_name
        >>> near_name("spce.yaml", ("spec.yaml", "sec.txt")), near_name("nosuch.yaml", ("sec.yaml",))
        ('spec.yaml', None)
    """
    stems = {each.partition(".")[0].casefold(): each for each in sorted(known, reverse=True)}
    close = get_close_matches(name.partition(".")[0].casefold(), stems, n=1, cutoff=_ALIKE)
    return stems[close[0]] if close else None


def _check_regular(path: Path, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
