"""`synthgen runs` and `synthgen remove`: what there is, and what should go."""

import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from synthgen.cli.answer import Answer
from synthgen.cli.command import command
from synthgen.cli.options import complete_run, location_of
from synthgen.cli.units import age, counted, size
from synthgen.errors import UsageError
from synthgen.inert import inert

if TYPE_CHECKING:
    from synthgen.api.listing import FoundRun, FoundRuns


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
        rows = [("run", "state", "images", "size", "age", "model"), *map(_row, found.runs)]
        widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]) - 1)]
        problems = ["", *(run.problem or "" for run in found.runs)]
        for row, problem in zip(rows, problems, strict=True):
            cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False))
            yield "  ".join((*cells, row[-1])).rstrip()
            if problem:
                yield f"  {inert(problem)}"
    yield from (f"{inert(other.location)}: {other.what}" for other in found.others)


def _row(run: "FoundRun") -> tuple[str, ...]:
    images = "-" if run.target is None else f"{run.accepted:,}/{run.target:,}"
    changed = "-" if run.changed is None else age(datetime.now(UTC) - datetime.fromisoformat(run.changed))
    state = "at work" if run.is_in_use else run.state
    return inert(run.location), state, images, size(run.bytes), changed, inert(run.model or "-")


@command
def remove(
    locations: Annotated[
        list[str], typer.Argument(metavar="RUN...", autocompletion=complete_run, help="Folders of runs.")
    ],
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask. Needed where nobody can answer.")] = False,
) -> Answer:
    """Delete runs, with their datasets. Asks first; leaves what synthgen did not make, and runs at work."""
    from synthgen.api.listing import look
    from synthgen.api.removing import check_removable, remove

    places = list(dict.fromkeys(map(location_of, locations)))
    folders = [check_removable(place) for place in places]
    if not yes:
        if not (sys.stdin is not None and sys.stdin.isatty()):
            hint = "Add `yes=True` to remove them without a question."
            raise UsageError("there is no terminal to ask on, so nothing was removed", argument="yes", hint=hint)
        there = [look(folder) for folder in folders]
        for run in there:
            made = f"{run.state}, {counted(run.accepted, 'image')}, {size(run.bytes)}"
            print(f"{inert(run.location)}: {made}", file=sys.stderr)
        if not typer.confirm(f"Remove {counted(len(there), 'run')} for good?", default=False, err=True):
            return Answer(result={"removed": [], "bytes": 0}, lines=["nothing was removed"])

    done = [remove(place) for place in places]
    lines = []
    for each in done:
        lines.append(f"removed   {each.location}: {size(each.bytes)} in {counted(each.files, 'file')}")
        if each.kept:
            others = f" and {len(each.kept) - 1} more" if len(each.kept) > 1 else ""
            lines.append(f"kept      {each.location}/{each.kept[0]}{others}, which synthgen did not make")
    return Answer(
        result={"removed": [asdict(each) for each in done], "bytes": sum(each.bytes for each in done)}, lines=lines
    )
