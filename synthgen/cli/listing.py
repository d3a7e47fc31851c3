"""`synthgen runs` and `synthgen remove`: what there is, and what should go."""

import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synthgen.cli.answer import Answer
from synthgen.cli.cells import aligned
from synthgen.cli.command import command
from synthgen.cli.options import complete_run, location_of
from synthgen.cli.units import age, counted, size
from synthgen.errors import UsageError
from synthgen.inert import unbroken

if TYPE_CHECKING:
    from synthgen.api.listing import FoundRun, FoundRuns
    from synthgen.api.removing import Removed


class Sort(StrEnum):
    """What runs are sorted by."""

    NAME = "name"
    AGE = "age"
    SIZE = "size"


@command
def runs(
    folder: Annotated[
        str, typer.Argument(metavar="[DIR]", parser=location_of, help="The folder that contains runs.")
    ] = "outputs",
    sort: Annotated[Sort, typer.Option("--sort", help="What to sort by.")] = Sort.NAME,
) -> Answer:
    """List the runs below a folder. State, images, size, age and model; reads only their files."""
    from synthgen.api.listing import runs

    found = runs(folder, sort.value)
    return Answer(result=asdict(found), lines=[*_lines(found, folder)], is_printing=True)


def _lines(found: "FoundRuns", folder: str) -> Iterator[str]:
    if not found.runs:
        yield f"no runs in {folder}"
    else:
        rows = aligned([("run", "state", "images", "size", "age", "model"), *map(_row, found.runs)])
        problems = ["", *(run.problem or "" for run in found.runs)]
        for row, problem in zip(rows, problems, strict=True):
            yield row
            if problem:
                yield f"  {problem}"
    yield from (f"{other.location}: {other.what}" for other in found.others)


def _row(run: "FoundRun") -> tuple[str, ...]:
    images = "-" if run.target is None else f"{run.accepted:,}/{run.target:,}"
    changed = "-" if run.changed is None else age(datetime.now(UTC) - datetime.fromisoformat(run.changed))
    state = "at work" if run.is_in_use else run.state
    return run.location, state, images, size(run.bytes), changed, run.model or "-"


@command
def remove(
    locations: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", autocompletion=complete_run, help="Runs: folders, or s3://bucket/prefix."),
    ],
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask. Needed where nobody can answer.")] = False,
    audits: Annotated[
        bool, typer.Option("--audits", help="Delete audits of the runs that lie outside them, too.")
    ] = False,
) -> Answer:
    """Delete runs, with their datasets. Asks first; leaves what synthgen did not make, and runs at work."""
    from synthgen.api.removing import find_removable, remove

    places = list(dict.fromkeys(map(location_of, locations)))
    found = [find_removable(place) for place in places]
    if not yes:
        if not (sys.stdin is not None and sys.stdin.isatty()):
            hint = "Add `yes=True` to remove them without a question."
            raise UsageError("there is no terminal to ask on, so nothing was removed", argument="yes", hint=hint)
        for each in found:
            print(f"{unbroken(each.location)}: {each.made or _made(each.location)}", file=sys.stderr)
            for audit in each.audits:
                fate = "goes, too" if audits else "stays; --audits removes it, too"
                print(f"  its audit {unbroken(audit)} {fate}", file=sys.stderr)
        if not typer.confirm(f"Remove {counted(len(found), 'run')} for good?", default=False, err=True):
            return Answer(result={"removed": [], "bytes": 0}, lines=["nothing was removed"])

    done = [remove(place, audits=audits) for place in places]
    freed = sum(each.bytes or 0 for each in done)
    return Answer(
        result={"removed": [asdict(each) for each in done], "bytes": freed},
        lines=[line for each in done for line in _told(each)],
    )


def _made(location: str) -> str:
    from synthgen.api.listing import look

    run = look(Path(location))
    return f"{run.state}, {counted(run.accepted, 'image')}, {size(run.bytes)}"


def _told(removed: "Removed") -> Iterator[str]:
    place, room = removed.location, "" if removed.bytes is None else f"{size(removed.bytes)} in "
    yield f"removed   {place}: {room}{counted(removed.files, 'file')}"
    yield from (f"removed   {audit}, its audit" for audit in removed.audits)
    if removed.kept:
        others = f" and {len(removed.kept) - 1} more" if len(removed.kept) > 1 else ""
        yield f"kept      {place}/{removed.kept[0]}{others}, which synthgen did not make"
    for audit in removed.audits_left:
        yield f"kept      {audit}, an audit of it: delete it, too, if you do not need it"
