"""Dataset and contact sheet in their place: built where they will lie, or beside and then copied to an object store."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO, Literal

from synthgen.errors import StorageError
from synthgen.files import check_file, check_folder, refuse_links
from synthgen.run import Finding, MissingFileError, RunStore, layout

if TYPE_CHECKING:
    from synthgen.dataset.source import Source
    from synthgen.dataset.summary import DatasetSummary

SHEET = "report.html"
DATASET = "dataset"
RECORD = "results.json"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a run, for readers that know nothing of runs."""

    store: RunStore
    name: str

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        return self.store.open(self.name)

    def __str__(self) -> str:
        return f"{self.store.location}/{self.name}"


def committed(store: RunStore, name: str) -> Source:
    return store.folder / name if store.folder is not None else StoredFile(store, name)


def published(store: RunStore) -> DatasetSummary | None:
    """The dataset that lies in the run; None where there is none, or not all of it."""
    from synthgen.dataset.folder import MARKER
    from synthgen.dataset.summary import parse_summary, read_summary

    if store.folder is not None:
        return read_summary(store.folder / DATASET)
    try:
        summary = parse_summary(store.read(f"{DATASET}/{MARKER}").decode())
    except (MissingFileError, UnicodeDecodeError):
        return None
    if summary is None:
        return None
    there = {*store.names(DATASET), *store.names(f"{DATASET}/data")}
    return summary if all(f"{DATASET}/{name}" in there for name in summary.digests) else None


def check_new(store: RunStore) -> None:
    """As `check_place`, for a run that is to begin there. One that is finished needs to be written no more."""
    if layout.PLAN not in store.names(""):
        check_place(store)


def check_place(store: RunStore) -> None:
    """Before anything is made: find out whether the shards can be written, and dataset and sheet can take their places.

    Raises:
        UsageError: the place has a name that cannot be used.
        StorageError: something is in the way, or nothing can be written there.
    """
    from synthgen.dataset.folder import check_place as check_for_dataset

    store.check_writable()
    if store.folder is None:
        return
    for name in (layout.IMAGES, layout.LEDGER, layout.DONE, layout.FAILED, layout.ADDITIONS):
        refuse_links(store.folder, store.folder / name)
        check_folder(store.folder / name)
    for name in (SHEET, RECORD):
        check_file(store.folder / name)
    check_for_dataset(store.folder / DATASET)


def damaged_dataset(store: RunStore) -> list[Finding]:
    """What is not as it was written in the dataset that lies in the run; [] where there is none."""
    from synthgen.dataset.folder import MARKER
    from synthgen.dataset.summary import parse_summary

    try:
        summary = parse_summary(store.read(f"{DATASET}/{MARKER}").decode(errors="replace"))
    except MissingFileError:
        return []
    if summary is None:
        return [Finding(f"{DATASET}/{MARKER}", "is damaged, or of another version")]
    return [
        Finding(name, why)
        for name, digest in ((f"{DATASET}/{file}", digest) for file, digest in summary.digests.items())
        if (why := _why_damaged(store, name, digest))
    ]


def _why_damaged(store: RunStore, name: str, digest: str) -> str | None:
    try:
        found = store.describe(name)
    except StorageError as error:
        return error.message
    return None if found.sha256 == digest else "its sha256 is not the one that it was written with"


def drop_damaged(store: RunStore, findings: Sequence[Finding]) -> None:
    """Delete the dataset's damaged files. One that lacks a file is written anew when the run is finalized."""
    from synthgen.dataset.folder import MARKER

    for finding in findings:
        if finding.place != f"{DATASET}/{MARKER}":  # it says whose folder this is, and is no reason to keep the dataset
            store.delete(finding.place)


@contextmanager
def publishing(store: RunStore) -> Iterator[Path]:
    """The run's folder, to build in. For an object store a temporary one, whose files become the run's if the block
    ends well."""
    if store.folder is not None:
        yield store.folder
        return
    with TemporaryDirectory(prefix="synthgen-") as folder:
        yield Path(folder)
        _upload(Path(folder), store)


def _upload(folder: Path, store: RunStore) -> None:
    """The dataset's summary goes first and comes last: where it is, the files that it names are there."""
    from synthgen.dataset.folder import MARKER

    summary = f"{DATASET}/{MARKER}"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if summary in files:
        store.delete(summary)
        for stale in {*store.names(DATASET), *store.names(f"{DATASET}/data")} - files:
            store.delete(stale)
    for name in sorted(files, key=lambda name: (name == summary, name)):
        store.delete(name)
        with (folder / name).open("rb") as source, store.write(name) as target:
            shutil.copyfileobj(source, target, 1 << 20)
