"""What killed processes left behind, as opposed to what running ones are writing.

A writer holds a lock, and the system releases it when the process ends, however it ends.
"""

import errno
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from platform import node

_HOST = sha256(node().encode()).hexdigest()[:8]
_ON_HOST = re.compile(r"-([0-9a-f]{8})-[0-9a-f]{8}$")
_TAKEN = (errno.EWOULDBLOCK, errno.EACCES)
_A_DAY = 24 * 60 * 60.0
"""Seconds without a change after which something counts as abandoned where locks cannot tell: it was made on another
machine, or the file system has no locks."""


def hold(descriptor: int) -> None:
    """Show that a file or folder is being written, for as long as `descriptor` is open."""
    import fcntl

    with suppress(OSError):  # without locks, its age decides
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _release(descriptor: int) -> None:
    """Close what was open for its lock only. The lock is gone even if closing reports an error, and nothing else is."""
    with suppress(OSError):
        os.close(descriptor)


@contextmanager
def shared(path: Path) -> Iterator[bool]:
    """Show, until the block ends, that this process uses a file that stays as it is; any number of processes may.

    Gives whether nobody is removing it; True where there are no locks, or no such file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        yield True
        return
    try:
        yield _shares(descriptor)
    finally:
        _release(descriptor)


def _shares(descriptor: int) -> bool:
    import fcntl

    for tries_left in range(20, -1, -1):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _TAKEN:
                return True
            if tries_left:  # whoever only looks whether it is used holds it for a moment
                time.sleep(0.05)
        else:
            return True
    return False


@contextmanager
def alone(path: Path) -> Iterator[bool | None]:
    """Keep others from using a file until the block ends; False if one does, None where that is unknown."""
    with _locked(path) as locked:
        yield locked


def clear(path: Path, *, unsure: bool = False) -> bool:
    """Remove a temporary file or folder that certainly no running process writes; return whether it was removed.

    Args:
        unsure: also remove it where that is not certain, as long as no process on this machine holds it.
    """
    with _locked(path) as locked:
        # Under the lock: a process that is making one waits for it, and then sees that it is gone.
        unlocked = unsure and locked is not False
        if goes := _is_abandoned(path, locked) or unlocked or _has_its_place(path):
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
    """Make an empty folder in `parent`, under an unpredictable name that begins with `stem`.

    Whatever has that name after the block is removed.
    """
    path, descriptor = _made(parent, stem, mode)
    try:
        yield path
    finally:
        _release(descriptor)
        remove(path)


def _made(parent: Path, stem: str, mode: int) -> tuple[Path, int]:
    while True:
        path = parent / f"{stem}-{_HOST}-{secrets.token_hex(4)}"
        path.mkdir(mode)
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:  # another process cleared it away before it was held
            continue
        hold(descriptor)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return path, descriptor
        _release(descriptor)


@contextmanager
def _locked(path: Path) -> Iterator[bool | None]:
    """Hold the lock if possible, and give whether it is held; None where that is unknown."""
    import fcntl

    descriptor = _opened_to_lock(path)
    if descriptor is None:
        yield None
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        had = False if error.errno in _TAKEN else None
    else:
        had = True
    try:
        yield had
    finally:
        _release(descriptor)


def _opened_to_lock(path: Path) -> int | None:
    """Open a file or folder for its lock; None if it cannot be opened.

    For writing where that is possible: NFS grants no lock of one's own on a file that is open for reading only, see
    flock(2). Nothing is written.
    """
    for flag in (os.O_RDWR, os.O_RDONLY):
        with suppress(OSError):  # a folder is opened for reading only, and so is a file that this user may not write
            return os.open(path, flag | os.O_NOFOLLOW | os.O_NONBLOCK)
    return None


def _is_abandoned(path: Path, locked: bool | None) -> bool:
    if path.is_symlink():
        return True  # nobody's work
    host = _ON_HOST.search(path.name)
    if locked and (host is None or host[1] == _HOST):
        return True
    return locked is not False and time.time() - _last_change(path) > _A_DAY


def _has_its_place(path: Path) -> bool:
    """Whether a draft is a second name of the file that it was to become: the process was killed between the two.

    Its lock says nothing. Whoever uses the file under its own name holds it, and may be this process.
    """
    stem = path.name[1:].rpartition(".")[0]
    with suppress(OSError):
        facts = path.lstat()
        if stem and stat.S_ISREG(facts.st_mode) and facts.st_nlink > 1:
            with os.scandir(path.parent) as entries:
                return any(entry.name.startswith(stem) and entry.inode() == facts.st_ino for entry in entries)
    return False


def _last_change(path: Path) -> float:
    """When anything in `path` last changed; now, where that is unknown."""
    try:
        return max(one.lstat().st_mtime for one in (path, *path.rglob("*")))
    except OSError:
        return time.time()
