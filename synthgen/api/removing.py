"""Removing runs: only what synthgen made, never through a link, and so that a kill midway loses nothing else."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from synthgen.api.arguments import flag_of, text_of_path
from synthgen.api.listing import is_run, mark_of, measured
from synthgen.api.publishing import own_files
from synthgen.api.removing_objects import look_in_bucket
from synthgen.api.run_audits import audits_of, remove_audit
from synthgen.dataset.replace import leftovers as unfinished
from synthgen.dataset.strangers import files_below, strangers
from synthgen.errors import StorageError, UsageError
from synthgen.files import as_storage_error, is_draft, sync
from synthgen.holders import named
from synthgen.judging.calibration.questions import files_of
from synthgen.leftovers import alone
from synthgen.store import Location, RunStore, layout, open_store

_ORDER = (
    *(layout.RESULTS, layout.SHEET, layout.PAGES, layout.DATASET, layout.AUDIT),
    *(layout.EVALUATION, layout.DONE),
    *(layout.IMAGES, layout.LEDGER, layout.JOURNAL, layout.FAILED, layout.ADDITIONS, layout.CHANGES, "decisions"),
    layout.SOURCES,
    *(path.name for path in files_of(Path())),
    layout.LOOKS,
    *(layout.SPEC, layout.RESOLVED, layout.PLAN),
)
"""What synthgen makes in a run, in the order in which it is removed, but for what shows that it is a run: that is last.
After each step the rest is a run that could go on. A pilot's labels are somebody's work, and stay."""
_SHARED = (layout.DATASET, layout.AUDIT)
"""Folders of a run in which files of others stay, such as labels that somebody filled in."""
_QUIET = 600.0
"""Seconds without a change after which nobody is taken to work on a run where locks cannot tell."""


@dataclass(frozen=True, slots=True)
class Removed:
    """A run that was removed.

    Attributes:
        bytes, files: what was freed; None bytes of a run in a bucket, whose files are not measured.
        kept: the names of what synthgen had not made, and which is still there, with its folder; in the folders of the
            dataset and the audit, each file.
        audits, audits_left: folders outside the run with audits of it: those removed with it, and those left.

    Example:
        >>> planned = synthgen.begin("specs/quickstart.yaml", "outputs/mistake")
        >>> synthgen.remove("outputs/mistake").location
        'outputs/mistake'
    """

    location: str
    bytes: int | None
    files: int
    kept: tuple[str, ...]
    audits: tuple[str, ...] = ()
    audits_left: tuple[str, ...] = ()


def remove(location: Location, *, audits: bool = False) -> Removed:
    """Delete a run with its dataset and the audit inside it. It does not ask.

    What synthgen did not make stays, and so do the targets of links. If it is interrupted, what is left is a run still,
    and can be removed again.

    Args:
        audits: also delete audits of this run that lie beside it or in `outputs/`, such as `outputs/NAME-audit`.

    Raises:
        UsageError: `location` is not a run, or is a link to one.
        StorageError: a process works on the run, or a file cannot be deleted.

    Example:
        >>> planned = synthgen.begin("specs/quickstart.yaml", "outputs/unwanted")
        >>> synthgen.remove("outputs/unwanted").kept
        ()
    """
    audits = flag_of(audits, "audits")
    found = find_removable(location)
    removed = _from_bucket(found.store) if found.store is not None else _from_folder(Path(found.location))
    if not audits:
        return replace(removed, audits_left=found.audits)
    for each in found.audits:
        size, files = remove_audit(Path(each))
        whole = None if removed.bytes is None else removed.bytes + size
        removed = replace(removed, bytes=whole, files=removed.files + files)
    return replace(removed, audits=found.audits)


def _from_bucket(store: RunStore) -> Removed:
    there = look_in_bucket(store, _ORDER)
    for name in there.ours:
        store.delete(name)
    return Removed(store.location, None, len(there.ours), there.kept)


def _from_folder(folder: Path) -> Removed:
    with alone(folder / layout.PLAN) as is_free:
        _refuse_in_use(folder, is_free)
        with as_storage_error(folder):
            ours = list(_ours(folder))
        named = own_files(open_store(folder))
        size = files = 0
        for path in ours:
            is_folder = path.is_dir() and not path.is_symlink()
            if is_folder and path.name == layout.DATASET:
                more, count = _remove_dataset(path, named)
            elif is_folder and path.name == layout.AUDIT:
                more, count = remove_audit(path)
            else:
                more, count, _ = measured(path) if is_folder else _one(path)
                _delete(path)
            size, files = size + more, files + count
    with as_storage_error(folder):
        left = {name: files_below(folder / name) if name in _SHARED else [] for name in os.listdir(folder)}
    kept = tuple(f"{name}/{one}" if one else name for name in sorted(left) for one in left[name] or [""])
    if not kept:
        with as_storage_error(folder, "cannot remove "):
            folder.rmdir()
            sync(folder.parent)
    return Removed(str(folder), size, files, kept)


@dataclass(frozen=True, slots=True)
class Removable:
    """A run that can be removed.

    Attributes:
        store: of a run in a bucket; None for a folder.
        made: what it holds, in a few words, for whoever is asked.
        audits: folders outside the run with audits of it.
    """

    location: str
    store: RunStore | None
    made: str
    audits: tuple[str, ...]


def find_removable(location: Location) -> Removable:
    """Check that a run can be removed.

    Raises:
        UsageError, StorageError: as `remove`.
    """
    place = text_of_path(location, "location")
    audits = tuple(map(str, audits_of(place)))
    if "://" in place:
        store = open_store(place)
        there = look_in_bucket(store, _ORDER)
        return Removable(store.location, store, f"{there.state}, {len(there.ours):,} files", audits)
    return Removable(str(_removable_folder(Path(place))), None, "", audits)


def _removable_folder(folder: Path) -> Path:
    if folder.is_symlink():
        hint = f"Name the run's own folder, {os.readlink(folder)}, and delete the link yourself."
        raise UsageError(f"{folder} is a link", argument="location", hint=hint)
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", argument="location", hint="`synthgen runs` lists the runs.")

    _check_plan_is_readable(folder / layout.PLAN)
    with as_storage_error(folder):
        is_empty = not os.listdir(folder)  # as a removal leaves it that is killed at its last step
    if not is_empty and not is_run(folder):
        audit = (folder / layout.AUDIT_JSON).is_file()
        what = "an audit, and not a run" if audit else "not a run"
        hint = "Only runs are removed. Delete other folders yourself."
        raise UsageError(f"{folder} is {what}", argument="location", hint=hint)
    with alone(folder / layout.PLAN) as is_free:
        _refuse_in_use(folder, is_free)
    return folder


def _check_plan_is_readable(plan: Path) -> None:
    """Refuse a plan.json that cannot be read: nobody knows then whether it is a run's.

    Raises:
        StorageError: it is a file, and cannot be read.
    """
    with as_storage_error(plan):
        if plan.is_file() and not plan.is_symlink():
            with plan.open("rb") as file:
                file.read(1)


def _refuse_in_use(folder: Path, is_free: bool | None) -> None:
    """Refuse a run that a process works on.

    Args:
        is_free: whether this process holds its lock; None where that is unknown.
    """
    if is_free is False:
        hint = "Stop it first: with Ctrl-C, or with SIGTERM."
        who = named(folder / layout.PLAN)
        raise StorageError(f"{folder}: a process works on this run: {who}", hint=hint)
    if is_free is None and (folder / layout.PLAN).is_file() and not (folder / layout.PLAN).is_symlink():
        _, _, changed = measured(folder)
        if changed is not None and (quiet := time.time() - changed) < _QUIET:
            what = f"{folder} changed {max(quiet, 0):.0f} s ago, and this file system has no locks"
            raise StorageError(what, hint="Stop whoever works on it, and try again in ten minutes.")


def _ours(folder: Path) -> Iterator[Path]:
    """List what synthgen made directly in a run's folder, in the order in which it is removed."""
    there, last = {entry.name for entry in os.scandir(folder)}, mark_of(folder)
    copies = (*unfinished(folder / layout.DATASET), *unfinished(folder / layout.PAGES))
    drafts = {path for path in folder.glob(".*") if is_draft(path)} | set(copies)
    yield from sorted(drafts)
    yield from (folder / name for name in _ORDER if name in there and name != last)
    if last is not None:
        yield folder / last


def _remove_dataset(folder: Path, named: Collection[str]) -> tuple[int, int]:
    """Delete the files of a dataset, what names them last, and return their bytes and number. Others stay.

    Args:
        named: files that the run's own record names.
    """
    with as_storage_error(folder):
        others = {*strangers(folder, named)}
        ours = [name for name in files_below(folder) if name not in others]
    size = 0
    for name in sorted(ours, key=lambda name: (name == layout.SUMMARY, name)):
        size += _one(folder / name)[0]
        _delete(folder / name)
    with as_storage_error(folder, "cannot remove "):
        for place, _, _ in os.walk(folder, topdown=False):
            if not os.listdir(place):
                os.rmdir(place)
    return size, len(ours)


def _one(path: Path) -> tuple[int, int, float | None]:
    with suppress(OSError):
        return path.lstat().st_size, 1, None
    return 0, 0, None


def _delete(path: Path) -> None:
    """Delete a file, a link, or a folder with all that is in it, without following links."""
    with as_storage_error(path, "cannot remove "):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
