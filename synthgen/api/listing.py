"""Runs below a folder: what there is, how far each one is, and how much room it takes."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG
from typing import Literal

from synthgen.api.arguments import PathInput, choice_of, text_of_path
from synthgen.api.publishing import published
from synthgen.errors import SynthgenError, UsageError
from synthgen.files import as_storage_error
from synthgen.leftovers import alone
from synthgen.running import RunState, open_run, read_state
from synthgen.store import FolderStore, layout

DEPTH = 4
"""Folders are searched so far down."""
_MOST = 20_000
"""Folders that are searched at most."""
_SORTS = ("name", "age", "size")
_NUMBERED = {
    layout.DONE: layout.shard_of_marker,
    layout.JOURNAL: layout.shard_of_journal,
    layout.FAILED: layout.shard_of_failure,
}
_MARK, _HEAD = b'"fingerprint"', 1 << 20
"""plan.json has it, and near its beginning."""


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run below a folder.

    Attributes:
        state: `done`: it has its dataset; `resumable`: shards or the dataset are missing; `empty`: nothing was made
            yet; `damaged`: `problem` says what is wrong.
        is_in_use: whether a process on this machine, or on this file system if it has locks, works on it.
        name, model: of its spec; None if its plan cannot be read, as is `target`.
        accepted: images in committed shards; `target` is how many were asked for.
        shards, done, failed: how many shards it has, how many are committed, and how many failed and are not committed.
        bytes, files: the size of everything in its folder.
        started, changed: when its plan was written, and when anything in it last changed: ISO times in UTC.
        problem: for a damaged run, what is wrong; for a resumable one without open shards, what is left to do.

    Example:
        >>> run, = synthgen.runs("outputs/quickstart").runs
        >>> run.state, run.accepted, run.target
        ('done', 8, 8)
    """

    location: str
    state: Literal["done", "resumable", "empty", "damaged"]
    is_in_use: bool
    name: str | None
    model: str | None
    accepted: int
    target: int | None
    shards: int
    done: int
    failed: int
    bytes: int
    files: int
    started: str | None
    changed: str | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class OtherFolder:
    """A folder in which no run was found, and what it is.

    Example:
        >>> synthgen.runs("outputs/quickstart").others
        ()
    """

    location: str
    what: str


@dataclass(frozen=True, slots=True)
class FoundRuns:
    """What lies below a folder.

    Example:
        >>> found = synthgen.runs("outputs")
        >>> any(run.location == "outputs/quickstart" for run in found.runs)
        True
    """

    runs: tuple[FoundRun, ...]
    others: tuple[OtherFolder, ...]


def runs(folder: PathInput = "outputs", sort: Literal["name", "age", "size"] = "name") -> FoundRuns:
    """List the runs below a folder, or the folder itself if it is a run. Links are not followed.

    Args:
        sort: `age` puts what changed last first, `size` the largest.

    Raises:
        UsageError: there is no such folder, it is an address, or it holds too many folders to search.

    Example:
        >>> found = synthgen.runs("outputs/quickstart")
        >>> found.runs[0].accepted
        8
    """
    place = text_of_path(folder, "folder")
    choice_of(sort, "sort", _SORTS)
    if "://" in place:
        hint = "`status` shows a run in a bucket; the tools of the store list its folders."
        raise UsageError(f"expected a folder, found an address: {place.partition('://')[0]}://...", hint=hint)
    root = Path(place)
    if not root.is_dir():
        hint = "Give the folder that contains your runs; by default they are made in outputs/."
        raise UsageError(f"there is no folder {root}", argument="folder", hint=hint)

    found, others = _searched(root)
    ordered = sorted(found, key=lambda run: run.location)
    if sort != "name":
        ordered.sort(key=lambda run: run.bytes if sort == "size" else run.changed or "", reverse=True)
    return FoundRuns(tuple(ordered), tuple(others))


def is_run(folder: Path) -> bool:
    """Whether a folder is a run, or what is left of one."""
    return mark_of(folder) is not None


def mark_of(folder: Path) -> str | None:
    """Name what shows that a folder is a run; None for any other. Some other program's plan.json is not enough."""
    plan = folder / layout.PLAN
    with suppress(OSError):
        if S_ISREG(plan.lstat().st_mode):  # a pipe would block
            with plan.open("rb") as file:
                if _MARK in file.read(_HEAD):
                    return layout.PLAN
    if (folder / layout.RESOLVED).is_file():
        return layout.RESOLVED
    return next((name for name in _NUMBERED if any(_is_ours(name, each) for each in _names(folder / name))), None)


def look(folder: Path) -> FoundRun:
    """Read how far a run is, however damaged it is."""
    store = FolderStore(folder)
    size, files, changed = measured(folder)
    name = model = target = state = None
    kind: Literal["done", "resumable", "empty", "damaged"]

    try:
        planned = open_run(store)
        name, model, target = planned.spec.name, planned.spec.model.id, planned.spec.total
        state = read_state(planned, store)
        kind, problem = _kind(state, published(store) is not None)
    except SynthgenError as error:
        kind, problem = "damaged", error.message
    with alone(folder / layout.PLAN) as is_free:
        is_in_use = is_free is False
    return FoundRun(
        location=str(folder),
        state=kind,
        is_in_use=is_in_use,
        name=name,
        model=model,
        accepted=state.accepted if state else 0,
        target=target,
        shards=state.shard_count if state else 0,
        done=len(state.done) if state else 0,
        failed=len(state.failed) if state else 0,
        bytes=size,
        files=files,
        started=_time(_changed(folder / layout.PLAN)),
        changed=_time(changed),
        problem=problem,
    )


def measured(folder: Path) -> tuple[int, int, float | None]:
    """Return the bytes and the number of files in a folder, and when one last changed. Links are not followed."""
    size, files, changed = 0, 0, None
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                facts = os.lstat(os.path.join(place, name))
                size, files = size + facts.st_size, files + 1
                changed = max(changed or 0.0, facts.st_mtime)
    return size, files, changed


def _searched(root: Path) -> tuple[list[FoundRun], list[OtherFolder]]:
    """Find the runs below a folder, and name the folders directly in it that hold none."""
    if is_run(root):
        return [look(root)], []
    search, found, others = _Search(), [], []
    with as_storage_error(root):
        entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_symlink():
            if entry.is_dir():
                others.append(OtherFolder(entry.path, "a link, which is not followed"))
        elif _is_searched(entry):
            there = search.below(Path(entry.path), 1)
            found += there
            if not there:
                others.append(OtherFolder(entry.path, _what(Path(entry.path))))
    others += [OtherFolder(str(folder), f"cannot be read: {why}") for folder, why in search.unreadable]
    return found, others


class _Search:
    """A search of folders, which ends when there are too many.

    Attributes:
        unreadable: folders that could not be read, and why.
    """

    def __init__(self) -> None:
        self.unreadable: list[tuple[Path, str]] = []
        self._seen = 0

    def below(self, folder: Path, depth: int) -> list[FoundRun]:
        """List the runs in `folder`, which is `depth` folders down."""
        self._seen += 1
        if self._seen > _MOST:
            raise UsageError(f"more than {_MOST:,} folders: name one further down", argument="folder")
        if is_run(folder):
            return [look(folder)]
        if depth == DEPTH or _is_audit(folder):
            return []
        try:
            inside = sorted(entry.path for entry in os.scandir(folder) if _is_searched(entry))
        except OSError as error:
            self.unreadable.append((folder, error.strerror or type(error).__name__))
            return []
        return [run for path in inside for run in self.below(Path(path), depth + 1)]


def _kind(state: RunState, has_dataset: bool) -> tuple[Literal["done", "resumable", "empty", "damaged"], str | None]:
    if state.damaged:
        shard, why = next(iter(state.damaged.items()))
        return "damaged", f"shard {shard}: {why}"
    if state.complete:
        built = None if has_dataset else "all shards are done, and the dataset is not built"
        return ("done", None) if has_dataset else ("resumable", built)
    made = state.done or state.journalled or state.failed
    return ("resumable" if made else "empty"), None


def _is_searched(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False) and not layout.is_temporary(entry.name)


def _is_audit(folder: Path) -> bool:
    return (folder / layout.AUDIT_JSON).is_file()


def _what(folder: Path) -> str:
    return "an audit" if _is_audit(folder) else "no run"


def _names(folder: Path) -> list[str]:
    """List the plain files in a folder that is no link; none if it cannot be read."""
    with suppress(OSError):
        if not folder.is_symlink():
            return [entry.name for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False)]
    return []


def _is_ours(folder: str, name: str) -> bool:
    return _NUMBERED[folder](f"{folder}/{name}") is not None


def _changed(path: Path) -> float | None:
    with suppress(OSError):
        return path.lstat().st_mtime
    return None


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
