"""Where an audit goes, and what must not be overwritten there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.errors import UsageError
from synthgen.files import check_file, check_folder, expanded, refuse_links
from synthgen.store.layout import AUDIT, PLAN

if TYPE_CHECKING:
    from synthgen.sets import SetSource

JSON, REPORT, GROUPS, EMBEDDINGS = "audit.json", "report.html", "groups.parquet", "embeddings"
ISSUES, SHARES = "issues.csv", "shares.parquet"


def output_folder(place: SetSource, kind: str = AUDIT) -> Path:
    """Return where an audit goes by default: into the audited run, or else into `outputs/NAME-audit`.

    Args:
        kind: the name of the folder in a run, and what ends the name of another.

    Raises:
        StorageError: the run has a symbolic link in that place.
    """
    from synthgen.sets.set_name import set_name

    if not isinstance(place, str | os.PathLike):
        return Path("outputs") / f"table-{kind}"
    folder = expanded(place)
    for run in (folder, folder.parent):
        if (run / PLAN).is_file():
            refuse_links(run, run / kind)
            return run / kind
    return Path("outputs") / f"{set_name(folder)}-{kind}"


def embeddings_folder(cache: Path) -> Path:
    """Return where audits keep their embeddings in the user's own cache.

    Raises:
        StorageError: that place is a symbolic link.
    """
    refuse_links(cache, cache / EMBEDDINGS)
    return cache / EMBEDDINGS


def check_output(folder: Path, place: SetSource) -> None:
    """Check that an audit can be written to `folder`, before any image is looked at.

    Raises:
        UsageError: an audit in `folder` would overwrite a run's contact sheet, or end up among the images of the set;
            or its name is not valid UTF-8.
        StorageError: `folder` is a file, or cannot be written.
    """
    if (folder / PLAN).is_file():
        hint = f"Choose another folder with `output`, such as {folder / 'audit'}."
        raise UsageError(f"{folder} is a run, whose report.html is its contact sheet", hint=hint)
    if isinstance(place, str | os.PathLike) and os.path.realpath(folder) == _real(place):
        raise UsageError(f"{folder} is the set itself", hint="Choose another folder with `output`.")
    check_folder(folder)
    for name in (JSON, REPORT, GROUPS, SHARES):
        check_file(folder / name)


def _real(place: str | os.PathLike[str]) -> str:
    return os.path.realpath(expanded(place))
