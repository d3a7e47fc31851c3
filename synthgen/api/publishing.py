"""Putting dataset and contact sheet in place: built in the run's folder, or locally and then uploaded."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, BinaryIO, Literal

from synthgen.api.results import (
    Results,
    as_record,
    damaged_record,
    digest_of_file,
    missing_records,
    read_results,
)
from synthgen.errors import StorageError
from synthgen.files import check_file, check_folder, is_draft, named_by_itself, refuse_links
from synthgen.leftovers import clear, scratch_folder
from synthgen.running import Damage
from synthgen.seal import unseal
from synthgen.store import MissingFileError, RunStore, layout
from synthgen.store.layout import (
    AUDIT,
    CARD,
    DATASET,
    EVALUATION,
    PAGES,
    RESULTS,
    SHEET,
    SUMMARY,
    in_dataset,
    of_dataset,
)

if TYPE_CHECKING:
    from synthgen.dataset.summary import DatasetSummary
    from synthgen.ledger.source import Source

_UPLOADS = "synthgen-upload"
_SUMMARY, _CARD = in_dataset(SUMMARY), in_dataset(CARD)
_ABOUT = (_CARD, *map(in_dataset, (layout.ORIGIN, layout.CROISSANT, layout.CONTACT)))
"""What synthgen itself writes beside the files of a format."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a run, for readers that know nothing about runs."""

    store: RunStore
    name: str

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        return self.store.open(self.name)

    def __str__(self) -> str:
        return f"{self.store.location}/{self.name}"


def committed(store: RunStore, name: str) -> Source:
    return store.folder / name if store.folder is not None else StoredFile(store, name)


def published(store: RunStore) -> DatasetSummary | None:
    """Return the summary of the run's dataset; None if it does not exist or is incomplete."""
    from synthgen.dataset.summary import read_summary

    if store.folder is not None:
        folder = store.folder / DATASET
        return None if folder.is_symlink() else read_summary(folder)
    try:
        summary = _summary(store)
    except MissingFileError:
        return None
    if summary is None:
        return None
    return summary if digests_of(summary).keys() <= set(store.names_below(DATASET)) else None


def _summary(store: RunStore) -> DatasetSummary | None:
    """Read the dataset's own summary; None if it is damaged.

    Raises:
        MissingFileError: the dataset has no summary.
    """
    from synthgen.dataset.summary import parse_summary

    return parse_summary(store.read(_SUMMARY).decode(errors="replace"))


def digests_of(summary: DatasetSummary) -> dict[str, str]:
    """Return the sha256 of every dataset file, except the summary, which carries its own."""
    return {in_dataset(name): digest for name, digest in summary.digests.items()}


def own_files(store: RunStore) -> set[str]:
    """Return the names of the files that synthgen wrote into the dataset's folder, even if its summary is lost."""
    recorded = read_results(store)
    names = recorded.files if recorded else ()
    return {own for name in names if (own := of_dataset(name)) is not None}


def check_new(store: RunStore) -> None:
    """Do what `check_place` does if a run is to begin here. A finished run need not be writable."""
    if layout.PLAN not in store.names(""):
        check_place(store)


def check_place(store: RunStore) -> None:
    """Check, before anything is made, that shards, dataset and sheet can be written.

    Raises:
        UsageError: the place has a name that cannot be used.
        StorageError: something is in the way, or the place is not writable.
    """
    from synthgen.dataset.replace import check_place as check_for_dataset

    store.check_writable()
    if store.folder is None:
        return
    folders = (layout.IMAGES, layout.LEDGER, layout.JOURNAL, layout.DONE, layout.FAILED)
    for name in (*folders, layout.ADDITIONS, layout.CHANGES, layout.DECISIONS, layout.SOURCES):
        refuse_links(store.folder, store.folder / name)
        check_folder(store.folder / name)
    for name in (SHEET, RESULTS):
        check_file(store.folder / name)
    check_for_dataset(store.folder / DATASET, own_files(store))


def damaged_results(store: RunStore) -> list[Damage]:
    """Find files of the run's dataset and contact sheet that are not as they were written."""
    recorded = read_results(store)
    findings, digests = damaged_record(store), dict(recorded.files) if recorded else {}
    summary = None
    try:
        summary = _summary(store)
    except MissingFileError:
        if store.names_below(DATASET):
            findings.append(Damage(_SUMMARY, "is missing: nothing says what the dataset should hold"))
    except StorageError as error:
        findings.append(Damage.of(_SUMMARY, error))
    else:
        if summary is None:
            findings.append(Damage(_SUMMARY, "is damaged, or of another version"))
        else:
            # It is written with the dataset, and the record a moment later: a kill may have come between the two.
            digests = {name: digest for name, digest in digests.items() if name == SHEET}
            digests |= digests_of(summary)
    if recorded is not None:
        findings += missing_records(store, recorded)
    elif not findings and summary is not None and _is_sealed(store):  # earlier versions wrote neither
        findings.append(Damage(RESULTS, "is missing: nothing says what the contact sheet should be"))
    return findings + [found for name, digest in digests.items() if (found := _damage_to(store, name, digest))]


def unverified_results(store: RunStore) -> list[str]:
    """List the files without a sha256, written by an earlier version or by a finalize that was killed."""
    recorded = read_results(store)
    found = [SHEET] if SHEET in store.names("") and SHEET not in (recorded.files if recorded else ()) else []
    try:
        is_sealed = _is_sealed(store)
    except (StorageError, ValueError):
        return found
    return found if is_sealed else [*found, _SUMMARY]


def _damage_to(store: RunStore, name: str, digest: str) -> Damage | None:
    try:
        found = store.describe(name)
    except StorageError as error:
        return Damage.of(name, error)
    return None if found.sha256 == digest else Damage(name, "its sha256 is not the one that it was written with")


def _is_sealed(store: RunStore) -> bool:
    """Whether the dataset's summary has its own sha256."""
    return unseal(store.read(_SUMMARY).decode())[1]


def drop_damaged(store: RunStore, findings: Sequence[Damage], fingerprint: str) -> None:
    """Delete the damaged files of dataset and sheet. Whatever lacks a file is rebuilt when the run is finalized.

    Args:
        fingerprint: of the run's plan. It identifies a dataset whose marker is lost.
    """
    from synthgen.dataset.formats.parquet import is_parquet_of_dataset

    if store.folder is not None and (store.folder / DATASET).is_symlink():
        store.delete(DATASET)
        return
    for finding in findings:
        # The marker says whose folder this is, and a damaged one is no reason to keep the dataset.
        if finding.place != _SUMMARY:
            store.delete(finding.place)
    names = store.names_below(DATASET)
    if _SUMMARY not in names and _CARD in names and fingerprint.encode() in store.read(_CARD):
        own = {in_dataset(name) for name in own_files(store)}
        # Earlier versions recorded no names of files, and wrote Parquet only.
        for name in names:
            if name in _ABOUT or name in own or is_parquet_of_dataset(of_dataset(name) or ""):
                store.delete(name)


def leftovers(store: RunStore) -> list[str]:
    """List the drafts of dataset, sheet, audit and evaluation, by processes that were killed or are still writing."""
    from synthgen.dataset.replace import leftovers as copies

    if store.folder is None:
        return []
    own = [folder for name in (AUDIT, EVALUATION, PAGES) if not (folder := store.folder / name).is_symlink()]
    with named_by_itself(store.folder):
        inside = [path for folder in own for path in folder.rglob(".*") if is_draft(path)]
        drafts = (*copies(store.folder / DATASET), *copies(store.folder / PAGES), *sorted(inside))
        return [str(path.relative_to(store.folder)) for path in drafts]


def clear_leftovers(store: RunStore, orphans: Iterable[str], *, unsure: bool = False) -> list[str]:
    """Delete the files that no marker names and those that killed processes left. Return the deleted names.

    Args:
        orphans: those of `RunState`.
        unsure: also delete what may belong to a living process on another machine.
    """
    removed = []
    for name in orphans:
        if store.folder is None or not layout.is_temporary(name):
            store.delete(name)
            removed.append(name)
        elif clear(store.folder / name, unsure=unsure):
            removed.append(name)
    if store.folder is not None:
        removed += [name for name in leftovers(store) if clear(store.folder / name, unsure=unsure)]
    else:
        for path in Path(gettempdir()).glob(f"{_UPLOADS}-*"):
            if path.lstat().st_uid == os.getuid():
                clear(path)
    return removed


@contextmanager
def publishing(store: RunStore) -> Iterator[Path]:
    """Yield the folder to build in: the run's own or, for an object store, a temporary one.

    The files of a temporary folder are uploaded if the block ends without an error.
    """
    if store.folder is not None:
        yield store.folder
        return
    known = known_files(store)  # the block may delete the record of what was made
    with scratch_folder(Path(gettempdir()), _UPLOADS, mode=0o700) as folder:
        yield folder
        _upload(folder, store, known)


def known_files(store: RunStore) -> dict[str, str]:
    """Return the dataset's files that synthgen is known to have made, each with its sha256."""
    recorded = read_results(store)
    made = {name: digest for name, digest in recorded.files.items() if of_dataset(name)} if recorded else {}
    with suppress(MissingFileError):
        made |= digests_of(summary) if (summary := _summary(store)) else {}
    return made


def _upload(folder: Path, store: RunStore, known: Mapping[str, str]) -> None:
    """Replace the run's files by those of `folder`; delete what an older dataset left, and nothing of anybody else's.

    The dataset's summary is deleted first and written last, so wherever it exists, the files that it names exist.
    Only the record of all files comes after it. Before all that, the record names the old files and the new: if this
    process is killed, the next one knows whose they are.

    Args:
        known: files of an older dataset, each with its sha256.
    """
    from synthgen.dataset.formats.parquet import is_parquet_of_dataset

    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if _SUMMARY in files:
        new = {name: digest_of_file(folder / name) for name in files if of_dataset(name) and name != _SUMMARY}
        _put(store, RESULTS, io.BytesIO(as_record(Results(sheet="", files={**known, **new}))))
        store.delete(_SUMMARY)
        for name in set(store.names_below(DATASET)) - files:
            # Earlier versions recorded no names of files, and wrote Parquet only.
            if name in known or is_parquet_of_dataset(of_dataset(name) or ""):
                store.delete(name)
    for name in sorted(files, key=lambda name: (name == RESULTS, name == _SUMMARY, name)):
        with (folder / name).open("rb") as source:
            _put(store, name, source)


def _put(store: RunStore, name: str, content: BinaryIO) -> None:
    store.delete(name)
    with store.write(name) as target:
        shutil.copyfileobj(content, target, 1 << 20)
