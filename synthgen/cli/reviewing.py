"""The commands of a review: images taken out of a run's dataset, and into it."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synthgen.cli.answer import Answer
from synthgen.cli.cells import shown
from synthgen.cli.command import command
from synthgen.cli.options import RunArgument, Trust
from synthgen.cli.units import counted

if TYPE_CHECKING:
    from synthgen.api.reviewing import Reviewed

_SHOWN = 5

Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID...", help="IDs of images, such as 00000-000012, as the contact sheet shows them."),
]
ReviewFile = Annotated[
    list[Path] | None,
    typer.Option(
        "--file", metavar="FILE.csv", help="CSV with a column id, and maybe decision; the sheet saves one. Repeatable."
    ),
]
Why = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why, in a few words.")]
Reviewer = Annotated[
    str | None, typer.Option("--reviewer", metavar="NAME", help="Who decides. Default: the login name.")
]
Undo = Annotated[bool, typer.Option("--undo", help="Take back this decision about these images, instead.")]


@command
def exclude(
    location: RunArgument,
    ids: Ids = None,
    file: ReviewFile = None,
    reason: Why = None,
    reviewer: Reviewer = None,
    undo: Undo = False,
    trust: Trust = False,
) -> Answer:
    """Take images out of a run's dataset, and make it again. `synthgen run RUN --top-up` replaces them.

    A CSV with a column `decision` (exclude, include or nothing) decides row by row: one command for a whole review.
    """
    from synthgen.api.reviewing import exclude

    done = exclude(location, ids or (), file=file or None, reason=reason, reviewer=reviewer, undo=undo, trust=trust)
    return _answer(done, location)


@command
def include(
    location: RunArgument,
    ids: Ids = None,
    file: ReviewFile = None,
    reason: Why = None,
    reviewer: Reviewer = None,
    undo: Undo = False,
    trust: Trust = False,
) -> Answer:
    """Take surplus or rejected images into a run's dataset. Their pixels must have been kept; it is made again.

    A CSV with a column `decision` (exclude, include or nothing) decides row by row: one command for a whole review.
    """
    from synthgen.api.reviewing import include

    done = include(location, ids or (), file=file or None, reason=reason, reviewer=reviewer, undo=undo, trust=trust)
    return _answer(done, location)


@command
def sheet(
    location: RunArgument,
    per_page: Annotated[
        int | None,
        typer.Option("--per-page", min=1, max=1000, metavar="N", help="Pictures on a page. Default: 200."),
    ] = None,
) -> Answer:
    """Write every picture of a run on pages to look through. The contact sheet shows only some.

    The pages are in RUN/sheet; begin with index.html. Whatever builds the dataset again renews them from then on.
    """
    from synthgen.api.sheets import sheet

    found = sheet(location, per_page=per_page)
    lines = [f"pictures  {found.pictures:,} on {counted(found.pages, 'page')}, {found.written:,} written now"]
    lines += [f"hidden    {count:,} {why}" for why, count in found.hidden.items() if count]
    return Answer(result=asdict(found), lines=[*lines, f"look at   {found.index}"])


def _answer(done: "Reviewed", location: str) -> Answer:
    decided, run = done.decided, done.result
    result = {
        "decision": decided.number,
        "excluded": list(decided.excluded),
        "included": list(decided.included),
        "undone": list(decided.undone),
        "unchanged": list(decided.unchanged),
        "overfilled": dict(decided.overfilled),
        "dataset": run.dataset if run else None,
        "images": run.summary.rows if run else None,
        "missing": run.missing if run else None,
        "splits": {split.name: split.rows for split in run.summary.splits} if run else None,
    }
    return Answer(result=result, lines=[*_lines(done, location)])


def _lines(done: "Reviewed", location: str) -> Iterator[str]:
    decided, run = done.decided, done.result
    for word in ("excluded", "included", "undone"):
        if ids := getattr(decided, word):
            yield f"{word:<9} {_images(ids)}"
    if decided.unchanged:
        yield f"unchanged {_images(decided.unchanged)} (already so)"
    for cell, spare in decided.overfilled.items():
        yield f"overfull  {shown(cell)}: {counted(spare, 'image')} more than its quota"
    if run is None:
        yield "dataset   not made yet: some shards are not committed"
        return
    splits = ", ".join(f"{shown(split.name)} {split.rows}" for split in run.summary.splits)
    yield f"dataset   {run.dataset}: {splits}"
    if run.missing:
        yield f"short     {counted(run.missing, 'image')}; to fill up: synthgen run {location} --top-up"


def _images(ids: tuple[str, ...]) -> str:
    more = f" and {len(ids) - _SHOWN:,} more" if len(ids) > _SHOWN else ""
    return f"{counted(len(ids), 'image')}: {', '.join(ids[:_SHOWN])}{more}"
