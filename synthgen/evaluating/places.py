"""Where an evaluation goes, and what must not be overwritten there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.auditing.places import output_folder
from synthgen.auditing.taken import place_sha256
from synthgen.errors import UsageError
from synthgen.files import as_storage_error, check_file, check_folder
from synthgen.store.layout import AUDIT_JSON, DATASET, EVALUATION, EVALUATION_JSON, PLAN

if TYPE_CHECKING:
    from synthgen.sets import SetSource

JSON, REPORT = EVALUATION_JSON, "report.html"
_MOST_BYTES = 2**28


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


def check_evaluation_folder(folder: Path, place: str | None = None) -> None:
    """Check that an evaluation can be written to a folder, before any image is looked at.

    Args:
        place: the hash of the synthetic set's place, as `place_sha256` gives it.

    Raises:
        UsageError: the folder is a run, or in a run that did not make the synthetic set, whose card would quote it; or
            a file there would be replaced that is of no evaluation.
        StorageError: it is a file, or cannot be written.
    """
    if (folder / PLAN).is_file():
        hint = f"Choose another folder with `output`, such as {folder / EVALUATION}."
        raise UsageError(f"{folder} is a run", argument="output", hint=hint)
    run = folder.parent
    if (run / PLAN).is_file() and folder.name == EVALUATION and place not in _places(run):
        what = f"{folder} is for evaluations of the run {run}: the card of its dataset quotes them"
        raise UsageError(what, argument="output", hint="The synthetic set is another one. Choose another folder.")
    check_folder(folder)
    for name in (JSON, REPORT):
        check_file(folder / name)

    with as_storage_error(folder):
        other = next((name for name in (AUDIT_JSON, REPORT) if (folder / name).exists()), None)
        if other == AUDIT_JSON or (other and not (folder / JSON).exists()):
            what = f"{folder / other} is not of an earlier evaluation, and its report would be replaced"
            raise UsageError(what, argument="output", hint="Move it, or choose another folder with `output`.")


def evaluated_place(folder: Path) -> str | None:
    """Return the hash of the place of the set that the evaluation in a folder is of; None if it does not say."""
    file = folder / JSON
    with as_storage_error(file):
        if not file.is_file() or file.stat().st_size > _MOST_BYTES:
            return None
        try:
            found = json.loads(file.read_bytes())["provenance"]["place_sha256"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
    return found if isinstance(found, str) else None


def _places(run: Path) -> set[str | None]:
    """Return the hashes of a run's own places."""
    return {place_sha256(place) for place in (run, run / DATASET, run / DATASET / "data")}
