"""Which files an audit may replace: reports of the same set, and where a user names the folder, any report."""

from __future__ import annotations

import json
import os
import re
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.auditing.places import GROUPS, ISSUES, JSON, REPORT, SHARES
from synthgen.errors import UsageError
from synthgen.files import as_storage_error, expanded
from synthgen.pages.labels import PAGE
from synthgen.store.layout import PLAN

if TYPE_CHECKING:
    from synthgen.sets import SetSource

_MOST_BYTES = 2**28
_REPORTS_BYTES = 2**10
_BEGINS = b'"format"'
_MARK = re.compile(b'<meta name="synthgen-set" content="([0-9a-f]{64})">')


def place_sha256(place: SetSource) -> str | None:
    """Return what tells a set's place from others, without naming it; None for a set in memory.

    It is the hash of the resolved path, or of the id on the hub.
    """
    if not isinstance(place, str | os.PathLike):
        return None
    path = expanded(place)
    name = os.fsencode(path.resolve()) if path.exists() else b"hub:" + os.fsencode(place)
    return sha256(name).hexdigest()


def check_replaceable(folder: Path) -> None:
    """Check that every file which an audit would replace in `folder` is of an earlier audit.

    Raises:
        UsageError: one is not: a file of another program has such a name, for example.
        StorageError: the folder cannot be read.
    """
    with as_storage_error(folder):
        if (folder / JSON).exists():
            if not _is_report(folder / JSON):
                raise _not_ours(folder, JSON)
            return
        for name in (REPORT, GROUPS, ISSUES, SHARES):
            if (folder / name).exists():
                raise _not_ours(folder, name)


def check_same_set(folder: Path, place: SetSource) -> None:
    """Check that the report in `folder`, or the page to label, is of the same set, as it must be in a default folder.

    A run's own folder holds no other. A report that does not say which set it is of may be replaced.

    Raises:
        UsageError: it is of another one.
    """
    ours = place_sha256(place)
    if ours is None or (folder.parent / PLAN).is_file():
        return
    theirs, what = _reported(folder / JSON)
    if theirs is None:
        theirs, what = _to_label(folder / PAGE), "images to label of another set"
    if theirs is None or theirs == ours:
        return
    free = next(name for name in (f"{folder}-{number}" for number in range(2, 10**6)) if not os.path.lexists(name))
    raise UsageError(
        f"{folder} holds {what}",
        argument="output",
        hint=f"Give this one a folder of its own with `output`, such as {free}. A folder that you name is written to.",
    )


def _reported(file: Path) -> tuple[str | None, str]:
    """Return which set a report is of, and what it calls it; None if there is no report, or if it does not say."""
    if not file.is_file():
        return None, ""
    with as_storage_error(file):
        if file.stat().st_size > _MOST_BYTES:
            return None, ""
        try:
            found = json.loads(file.read_bytes())
        except (ValueError, RecursionError):
            return None, ""
    provenance = found.get("provenance")
    place = provenance.get("place_sha256") if isinstance(provenance, dict) else None
    return place, f"the report of another set: {found.get('source')}"


def _to_label(file: Path) -> str | None:
    """Return which set a page to label is of; None if there is no page, or if it does not say."""
    if not file.is_file():
        return None
    with as_storage_error(file), file.open("rb") as stream:
        mark = _MARK.search(stream.read(_REPORTS_BYTES))
    return mark[1].decode() if mark else None


def remove_old(file: Path) -> None:
    """Remove a file of the report that is being replaced, which the new one has not: it would be taken for its own."""
    with as_storage_error(file):
        file.unlink(missing_ok=True)


def _is_report(file: Path) -> bool:
    """Return whether an `audit.json` is ours, from its beginning. Reading all of a large one would take long."""
    if not file.is_file():
        return False
    with file.open("rb") as stream:
        head = stream.read(_REPORTS_BYTES).lstrip()
    return head.startswith(b"{") and head[1:].lstrip().startswith(_BEGINS) and b'"title"' in head


def _not_ours(folder: Path, name: str) -> UsageError:
    return UsageError(
        f"{folder / name} is not of an earlier audit, and would be replaced",
        argument="output",
        hint="Move it, or choose another folder with `output`.",
    )
