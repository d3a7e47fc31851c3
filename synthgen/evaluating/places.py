"""Where an evaluation goes, and what must not be overwritten there."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.auditing.places import output_folder
from synthgen.auditing.taken import place_sha256
from synthgen.errors import UsageError
from synthgen.files import as_storage_error, check_room
from synthgen.sets.near_names import first_of
from synthgen.spec.errors_file import is_errors, is_errors_file
from synthgen.stats.paired import Usefulness
from synthgen.store.layout import (
    ADDITIONS,
    AUDIT,
    AUDIT_JSON,
    CHANGES,
    DATASET,
    DECISIONS,
    DONE,
    EVALUATION,
    EVALUATION_JSON,
    FAILED,
    IMAGES,
    JOURNAL,
    LEDGER,
    PAGES,
    PLAN,
    SOURCES,
)

if TYPE_CHECKING:
    from synthgen.sets import SetSource

JSON, REPORT = EVALUATION_JSON, "report.html"
_MOST_BYTES = 2**28
_ANOTHER = "Choose another folder with `{}`."
_OF_A_RUN = {ADDITIONS, AUDIT, CHANGES, DATASET, DECISIONS, DONE, FAILED, IMAGES, JOURNAL, LEDGER, PAGES, SOURCES}


def default_folder(synthetic: SetSource) -> Path:
    """Return where the evaluation of a synthetic set goes by default: into its run, or `outputs/NAME-evaluation`.

    Raises:
        UsageError: there is the evaluation of another set.
        StorageError: the run has a symbolic link in that place.
    """
    folder = output_folder(synthetic, EVALUATION)
    theirs = evaluated_place(folder)
    if theirs is not None and theirs != place_sha256(synthetic) and not (folder.parent / PLAN).is_file():
        hint = "Give this one a folder of its own with `output`. A folder that you name is written to."
        raise UsageError(f"{folder} holds the evaluation of another set", argument="output", hint=hint)
    return folder


def check_evaluation_folder(folder: Path, place: str | None = None, sets: Collection[str | None] = ()) -> None:
    """Check that an evaluation can be written to a folder, before any image is looked at.

    Args:
        place: the hash of the synthetic set's place, as `place_sha256` gives it.
        sets: those of the other sets.

    Raises:
        UsageError: the folder is a run, or in a run that did not make the synthetic set, whose card would quote it; it
            is in a set; it is a file; or it holds anything but an earlier evaluation.
        StorageError: it cannot be written.
    """
    if (folder / PLAN).is_file():
        hint = f"Choose another folder with `output`, such as {folder / EVALUATION}."
        raise UsageError(f"{folder} is a run", argument="output", hint=hint)
    run = folder.parent
    if (run / PLAN).is_file() and folder.name == EVALUATION and place not in _places(run):
        what = f"{folder} is for evaluations of the run {run}: the card of its dataset quotes them"
        raise UsageError(what, argument="output", hint="The synthetic set is another one. Choose another folder.")
    with as_storage_error(folder):
        _check_where(folder, {place, *sets} - {None})
        _check_content(folder)
    check_room(folder)


def check_suggested_file(file: Path, sets: Collection[str | None] = ()) -> None:
    """Check that the errors to aim at can be written to a file, before any image is looked at.

    Args:
        sets: the hashes of the places of all sets.

    Raises:
        UsageError: the file is none of a learner's errors, has a name that no spec takes, is in a set or among the
            files of a run.
        StorageError: it cannot be written.
    """
    if not is_errors(file):
        what = f"expected a file that ends in .json, found {file.name!r}"
        raise UsageError(what, argument="suggest", hint="A spec knows a file of errors by its ending.")
    with as_storage_error(file):
        if (file.parent / PLAN).is_file():
            hint = f"Choose another place, such as {file.parent / EVALUATION / file.name}."
            raise UsageError(f"{file} would be among the files of the run {file.parent}", argument="suggest", hint=hint)
        _check_where(file.parent, {*sets} - {None}, "suggest")
        if (file.exists() or file.is_symlink()) and not is_errors_file(file):
            what = f"{file} is not a file of a learner's errors, and would be replaced"
            raise UsageError(what, argument="suggest", hint="Move it, or choose another name with `suggest`.")
    check_room(file.parent)


def _check_where(folder: Path, sets: Collection[str | None], argument: str = "output") -> None:
    """Refuse a folder in a set or among a run's own files, and a file.

    Raises:
        UsageError: it is one.
    """
    another = _ANOTHER.format(argument)
    inner = Path(os.path.realpath(folder))
    for step in (inner, *inner.parents):
        if step.exists() and not step.is_dir():
            what = f"{folder} is a file and not a folder" if step == inner else f"{step} is a file and not a folder"
            raise UsageError(what, argument=argument, hint=another)
        if (step / PLAN).is_file():
            if step != inner and inner.relative_to(step).parts[0] in _OF_A_RUN:
                what = f"{folder} is among the files of the run {step}"
                raise UsageError(what, argument=argument, hint=f"Choose another folder, such as {step / EVALUATION}.")
        elif step.exists() and place_sha256(step) in sets:
            what = f"{folder} is one of the sets" if step == inner else f"{folder} is in one of the sets, {step}"
            raise UsageError(what, argument=argument, hint=another)


def _check_content(folder: Path) -> None:
    """Refuse a folder that holds anything but an earlier evaluation.

    Raises:
        UsageError: it does.
    """
    names = sorted(os.listdir(folder)) if folder.is_dir() else []
    ours = _is_evaluation(folder / JSON)
    for name in (AUDIT_JSON, JSON, REPORT):
        if name in names and (name == AUDIT_JSON or not ours):
            what = f"{folder / name} is not of an earlier evaluation, and its report would be replaced"
            raise UsageError(what, argument="output", hint="Move it, or choose another folder with `output`.")
    others = [name for name in names if name not in (JSON, REPORT) and not name.startswith(".")]
    if others := [name for name in others if not is_errors_file(folder / name)]:
        what = f"{folder} has other files: {first_of(others)}"
        raise UsageError(what, argument="output", hint="Name a new folder. Nothing in this one was changed.")


def _is_evaluation(file: Path) -> bool:
    """Return whether a file is an `evaluation.json` of synthgen's, of any format."""
    found = _content(file)
    if not isinstance(found, dict) or type(found.get("format")) is not int:
        return False
    return found.get("verdict") in [each.value for each in Usefulness]


def _content(file: Path) -> object:
    """Read a file of JSON; None if it is none, or too large."""
    if not file.is_file() or file.stat().st_size > _MOST_BYTES:
        return None
    try:
        found: object = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return None
    return found


def evaluated_place(folder: Path) -> str | None:
    """Return the hash of the place of the set that the evaluation in a folder is of; None if it does not say."""
    file = folder / JSON
    with as_storage_error(file):
        found = _content(file)
    provenance = found.get("provenance") if isinstance(found, dict) else None
    place = provenance.get("place_sha256") if isinstance(provenance, dict) else None
    return place if isinstance(place, str) else None


def _places(run: Path) -> set[str | None]:
    """Return the hashes of a run's own places."""
    return {place_sha256(place) for place in (run, run / DATASET, run / DATASET / "data")}
