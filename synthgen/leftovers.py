"""What killed processes left behind, told from what living ones write. Whoever writes holds a lock, and the system
takes it back when the process ends, however it ends."""

import errno
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from platform import node

_HOST = sha256(node().encode()).hexdigest()[:8]
_ON_HOST = re.compile(r"-([0-9a-f]{8})-[0-9a-f]{8}$")
_A_DAY = 24 * 60 * 60.0
"""What nobody has touched for so long is abandoned, where locks cannot tell: of another machine, or on a file system
without any."""


def hold(descriptor: int) -> None:
    """Show that a file or folder is being written, for as long as `descriptor` is open."""
    import fcntl

    with suppress(OSError):  # without locks, its age tells
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def clear(path: Path, *, unsure: bool = False) -> bool:
    """Remove a temporary file or folder that certainly no living process writes; whether it was removed.

    Args:
        unsure: remove it also where that is not certain, if only no process of this machine holds it.
    """
    with _locked(path) as locked:
        # Under the lock: who makes one at this moment waits for it, and then sees that it is gone.
        if goes := _is_abandoned(path, locked) or (unsure and locked is not False):
            remove(path)
    return goes


def remove(path: Path) -> None:
    """Delete a file, a link, or a folder with all that is in it; what cannot be deleted stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


@contextmanager
def scratch_folder(parent: Path, stem: str, mode: int = 0o777) -> Iterator[Path]:
    """An empty folder in `parent`, under a name that nobody can foresee and that begins with `stem`. Whatever has that
    name after the block is removed."""
    path, descriptor = _made(parent, stem, mode)
    try:
        yield path
    finally:
        os.close(descriptor)
        remove(path)


def _made(parent: Path, stem: str, mode: int) -> tuple[Path, int]:
    while True:
        path = parent / f"{stem}-{_HOST}-{secrets.token_hex(4)}"
        path.mkdir(mode)
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:  # another process has cleared it away before it was held
            continue
        hold(descriptor)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return path, descriptor
        os.close(descriptor)


@contextmanager
def _locked(path: Path) -> Iterator[bool | None]:
    """Whether the lock could be had, and then it is held; None where that cannot be told."""
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        yield None
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        had = False if error.errno in (errno.EWOULDBLOCK, errno.EACCES) else None
    else:
        had = True
    try:
        yield had
    finally:
        os.close(descriptor)


def _is_abandoned(path: Path, locked: bool | None) -> bool:
    if path.is_symlink():
        return True  # nobody's work
    host = _ON_HOST.search(path.name)
    if locked and (host is None or host[1] == _HOST):
        return True
    return locked is not False and time.time() - _last_change(path) > _A_DAY


def _last_change(path: Path) -> float:
    """When something in it was last changed; now, where that cannot be told."""
    try:
        return max(one.lstat().st_mtime for one in (path, *path.rglob("*")))
    except OSError:
        return time.time()
