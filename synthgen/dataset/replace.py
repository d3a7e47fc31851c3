"""A folder that is built beside its place and moved there in one step: either the old one exists or the new one."""

import ctypes
import os
import re
import shutil
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from synthgen.dataset.strangers import names_files, strangers
from synthgen.errors import StorageError
from synthgen.files import as_storage_error, make_folder, sync
from synthgen.leftovers import clear, remove, scratch_folder
from synthgen.store import faults
from synthgen.store.layout import AUDIT_JSON, PLAN, SUMMARY

_MADE = re.compile(r"(-scratch)?-[0-9a-f]{8}-[0-9a-f]{8}")
"""How the names end of folders that are being built."""
_KINDS = ((PLAN, "a run"), (AUDIT_JSON, "an audit"))
"""Folders of synthgen that are no datasets, by a file of theirs."""


@contextmanager
def building(folder: Path, own: Collection[str] = ()) -> Iterator[Path]:
    """Give an empty folder to fill. It replaces `folder` if the block succeeds, and is removed if it does not.

    Args:
        own: files in `folder` that synthgen is known to have made.

    Raises:
        StorageError: `folder` is something other than a finalized dataset, or holds files that synthgen did not make;
            or the disk refuses.
    """
    check_place(folder, own)
    with as_storage_error(folder, "cannot write "):
        make_folder(folder.parent)
        with scratch_folder(folder.parent, _stem(folder)) as new:
            yield new
            for path in (new, *new.rglob("*")):
                sync(path)
            check_place(folder, own)  # somebody may have put a file there meanwhile
            faults.reach("dataset-written")
            _take_place(new, folder)
            faults.reach("dataset-in-place")
            sync(folder.parent)


@contextmanager
def scratch_beside(folder: Path) -> Iterator[Path]:
    """Give an empty folder on the same disk as `folder`, for what building it needs; it is removed after the block.

    What a killed process leaves of it is among the `leftovers` of `folder`.
    """
    with as_storage_error(folder, "cannot write "):
        make_folder(folder.parent)
        with scratch_folder(folder.parent, f"{_stem(folder)}-scratch", mode=0o700) as scratch:
            yield scratch


def check_place(folder: Path, own: Collection[str] = ()) -> None:
    """Check that `folder` is free, or may be replaced.

    Args:
        own: files in `folder` that synthgen is known to have made, even if nothing there says so.

    Raises:
        StorageError: `folder` is something other than a finalized dataset, or holds files that synthgen did not make.
    """
    with as_storage_error(folder):
        found = strangers(folder, own)
        is_dataset = (folder / SUMMARY).exists()
    if not found:
        return
    what = f"{folder} is in the way"
    if not is_dataset and (kind := next((kind for name, kind in _KINDS if name in found), None)):
        raise StorageError(f"{what}: it is {kind}, with files of its own", hint="Choose another output folder.")
    if not is_dataset:
        raise StorageError(f"{what}: synthgen did not make it", hint="Move it, or choose another output folder.")
    more = f" and {len(found) - 1:,} more files" if len(found) > 1 else ""
    why = "" if names_files(folder) else f"; {SUMMARY}, which lists what it wrote, is damaged"
    hint = "The new dataset would replace the whole folder: move what is yours, or choose another output folder."
    raise StorageError(f"{what}: synthgen did not write {found[0]}{more} there{why}", hint=hint)


def check_space(folder: Path, size: int) -> None:
    """Check that there is room for `size` bytes beside `folder`.

    Raises:
        StorageError: there is not.
    """
    with as_storage_error(folder):
        there = next(step for step in folder.absolute().parents if step.exists())
        free = shutil.disk_usage(there).free
    if free < size:
        what = f"{folder}: {size:,} bytes of pictures do not fit there, where {free:,} are free"
        raise StorageError(what, hint="Make room, or choose another folder.")


def recover(folder: Path) -> None:
    """Undo what killed builders of `folder` left: put the old folder back if the new one did not take its place.

    Only what certainly is synthgen's is touched: the folder may lie among a user's own files.
    """
    aside = _aside(folder)
    if not aside.is_symlink() and (aside / SUMMARY).is_file():
        if not os.path.lexists(folder):
            aside.rename(folder)
        elif not strangers(aside):
            remove(aside)
    for path in leftovers(folder):
        if _MADE.fullmatch(path.name.removeprefix(_stem(folder))):
            clear(path)


def leftovers(folder: Path) -> list[Path]:
    """List what killed builders of `folder` left behind, and what running ones are filling."""
    return sorted(path for path in folder.parent.glob(".*") if path.name.startswith(_stem(folder)))


def _stem(folder: Path) -> str:
    return f".{folder.name}.new"


def _take_place(new: Path, folder: Path) -> None:
    if not os.path.lexists(folder):
        new.rename(folder)
    elif not _exchange(new, folder):
        # Some file systems (NFS) cannot exchange. A crash between these two lines is undone by `recover`.
        folder.rename(_aside(folder))
        new.rename(folder)
        remove(_aside(folder))


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step, if the system and the file system can: renameat2(2), renamex_np(2)."""
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
