"""A folder that is built beside its place and takes it in one step: there is the old one or the new one."""

import ctypes
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synthgen.dataset.writer import sync
from synthgen.errors import StorageError

MARKER = "synthgen.json"


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """An empty folder to fill. It replaces `folder` if the block ends well, and goes away if it does not.

    Raises:
        StorageError: something else than a finalized dataset stands there, or the disk refuses.
    """
    if folder.exists() and not (folder / MARKER).exists() and not _is_empty(folder):
        raise StorageError(
            f"{folder} is in the way: synthgen did not make it",
            hint="Move it, or choose another output folder.",
        )
    new = folder.with_name(f".{folder.name}.new-{secrets.token_hex(4)}")
    try:
        new.mkdir(parents=True)
        yield new
        for path in (new, *(path for path in new.rglob("*"))):
            sync(path)
        _take_place(new, folder)
        sync(folder.parent)
    except OSError as error:
        raise StorageError(f"cannot write {folder}: {error.strerror or error}") from error
    finally:
        if new.is_symlink():  # it stood in the folder's place; where it leads to is not ours
            new.unlink()
        shutil.rmtree(new, ignore_errors=True)


def recover(folder: Path) -> None:
    """Puts the old folder back where a crash took the new one before it came (see `_take_place`)."""
    aside = _aside(folder)
    if aside.exists() and not folder.exists():
        aside.rename(folder)
    shutil.rmtree(aside, ignore_errors=True)


def leftovers(folder: Path) -> list[Path]:
    """What builders of `folder` left that were killed. Garbage, unless one is at work now."""
    return sorted(folder.parent.glob(f".{folder.name}.new-*"))


def _take_place(new: Path, folder: Path) -> None:
    if not folder.exists():
        new.rename(folder)
    elif not _exchange(new, folder):
        # Some file systems (NFS) cannot exchange. A crash between these two lines is undone by `recover`.
        folder.rename(_aside(folder))
        new.rename(folder)
        shutil.rmtree(_aside(folder), ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Swaps two folders in one step, if the system and the file system can: renameat2(2), renamex_np(2)."""
    if sys.platform not in {"linux", "darwin"}:
        return False
    libc = ctypes.CDLL(None)
    here, swap = -100, 2  # AT_FDCWD, RENAME_EXCHANGE; RENAME_SWAP is 2 as well
    first, second = os.fsencode(one), os.fsencode(other)
    if hasattr(libc, "renameat2"):
        return bool(libc.renameat2(here, first, here, second, swap) == 0)
    return hasattr(libc, "renamex_np") and bool(libc.renamex_np(first, second, swap) == 0)


def _aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and next(folder.iterdir(), None) is None
