"""A reviewer's word: images of a run taken out of its dataset, or into it."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from synthgen import running as runs
from synthgen.api.arguments import PathInput, flag_of, path_of, text_of, text_of_path, texts_of
from synthgen.api.finishing import RunResult, finalized
from synthgen.api.trust import pinned_of_dataset, require_trust
from synthgen.errors import UsageError
from synthgen.inert import inert
from synthgen.pages.review_file import read_review_file
from synthgen.running import Asked, Decided
from synthgen.store import Location, open_store

_LONGEST = {"reviewer": 100, "reason": 500}


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a review changed.

    Attributes:
        decided: the decision.
        result: the run with its new dataset; None if some of its shards are not committed yet.

    Example:
        >>> ids = list(pandas.read_parquet("outputs/quickstart/dataset/data")["id"])
        >>> done = synthgen.exclude("outputs/quickstart", ids[:2], reviewer="ana")
        >>> synthgen.exclude("outputs/quickstart", ids[:2], undo=True, reviewer="ana")
        <Reviewed 2 undone>
    """

    decided: Decided
    result: RunResult | None

    def __repr__(self) -> str:
        words = ("excluded", "included", "undone", "unchanged")
        counts = ", ".join(f"{len(ids)} {word}" for word in words if (ids := getattr(self.decided, word)))
        return f"<Reviewed {counts or 'nothing'}>"


def exclude(
    location: Location,
    ids: Sequence[str] = (),
    *,
    file: PathInput | Sequence[PathInput] | None = None,
    reason: str | None = None,
    reviewer: str | None = None,
    undo: bool = False,
    trust: bool = False,
) -> Reviewed:
    """Take images out of the dataset of a run, and make it again without them. `run` with `top_up` replaces them.

    Nothing that was committed changes: the decision is a file of its own, `decisions/NNNNN.json`.

    Args:
        ids: of images in the dataset, such as "00000-000012".
        file: a CSV with a column `id`, as the contact sheet saves it, or several of them. A column `decision` says
            `exclude` or `include` for each row, and rows where it is empty are left alone. Without it, all rows are
            excluded.
        reason: why, in a few words.
        reviewer: who decides; by default the login name.
        undo: take back the exclusion of these images, instead. What was decided before it holds again.
        trust: open a plug-in that the run names as its dataset's format and this machine does not know.

    Raises:
        UsageError: an image is unknown or not accepted, a row contradicts another, or all images would be out.
        StorageError: the run or the file cannot be read, or the run cannot be written.

    Example:
        >>> ids = list(pandas.read_parquet("outputs/quickstart/dataset/data")["id"])
        >>> done = synthgen.exclude("outputs/quickstart", ids[:1], reason="six fingers", reviewer="ana")
        >>> done.result.summary.rows
        7
        >>> back = synthgen.exclude("outputs/quickstart", ids[:1], undo=True, reviewer="ana")
        >>> back.result.summary.rows
        8
    """
    return _decide(location, ids, False, file, reason, reviewer, undo, trust)


def include(
    location: Location,
    ids: Sequence[str] = (),
    *,
    file: PathInput | Sequence[PathInput] | None = None,
    reason: str | None = None,
    reviewer: str | None = None,
    undo: bool = False,
    trust: bool = False,
) -> Reviewed:
    """Take images that were not accepted into the dataset of a run, and make it again with them.

    Their pixels must have been kept: `output.surplus: keep` keeps those of surplus images, and
    `output.rejects.keep: images` those of rejected ones. A cell may get more images than its quota.

    Args:
        ids: of surplus, rejected or excluded images, such as "00000-000012".
        file: as for `exclude`. Without a column `decision`, all rows are included.
        reason: as for `exclude`.
        reviewer: as for `exclude`.
        trust: as for `exclude`.
        undo: take back the inclusion of these images, instead.

    Raises:
        UsageError: an image is unknown or its pixels are not kept, or a row contradicts another.
        StorageError: as `exclude`.

    Example:
        >>> ids = list(pandas.read_parquet("outputs/quickstart/dataset/data")["id"])
        >>> done = synthgen.exclude("outputs/quickstart", ids[:1], reviewer="ana")
        >>> back = synthgen.include("outputs/quickstart", ids[:1], reviewer="bo")
        >>> back.result.summary.rows
        8
    """
    return _decide(location, ids, True, file, reason, reviewer, undo, trust)


def _decide(
    location: Location,
    ids: Sequence[str],
    is_in: bool,
    file: PathInput | Sequence[PathInput] | None,
    reason: str | None,
    reviewer: str | None,
    undo: bool,
    trust: bool,
) -> Reviewed:
    place, undo, trust = text_of_path(location, "location"), flag_of(undo, "undo"), flag_of(trust, "trust")
    why = None if reason is None else _line(reason, "reason")
    who = _login() if reviewer is None else _line(reviewer, "reviewer")
    asked = [Asked(image_id, is_in) for image_id in texts_of(ids, "ids")]
    paths = _paths(file)
    for path in paths:
        asked += [Asked(one.id, one.is_in, one.place) for one in read_review_file(path, is_in=is_in)]
    if not asked:
        what = "names no image" if paths else "no image is named"
        hint = "Give `ids`, or a `file` with some; the contact sheet saves one."
        raise UsageError(what, argument="file" if paths else "ids", hint=hint)

    store = open_store(place)
    planned = runs.open_run(store)
    require_trust(pinned_of_dataset(planned), store.location, trust=trust)
    make: Callable[[], RunResult] = partial(finalized, planned, store, fresh=0)
    with runs.changing(store):
        decided = runs.decide(planned, store, asked, undo=undo, reason=why, reviewer=who)
        return Reviewed(decided, make() if runs.read_intact(planned, store, reviewed=False).complete else None)


def _paths(file: PathInput | Sequence[PathInput] | None) -> list[Path]:
    files = file if isinstance(file, list | tuple) else [] if file is None else [file]
    return [path_of(each, "file") for each in files]


def _line(text: object, argument: str) -> str:
    """Return a text for people as one line without characters that change what is shown."""
    line, most = " ".join(inert(text_of(text, argument, "a text")).split()), _LONGEST[argument]
    if not 0 < len(line) <= most:
        raise UsageError(f"expected 1 to {most} characters, found {len(line):,}", argument=argument)
    return line


def _login() -> str:
    try:
        return _line(getpass.getuser(), "reviewer")
    except (OSError, KeyError, ImportError) as error:  # a user without a name, as in some containers
        raise UsageError("this user has no login name", argument="reviewer", hint="Say who decides.") from error
