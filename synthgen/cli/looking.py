"""The commands that look inside a model: how it comes to its images, and what its settings change."""

from pathlib import Path
from typing import Annotated

import typer

from synthgen.cli.answer import Answer
from synthgen.cli.command import command
from synthgen.cli.options import Device, Files, Overrides, SpecFile, Variables
from synthgen.cli.session import session
from synthgen.cli.stopping import stop_on_signals
from synthgen.cli.units import counted
from synthgen.errors import UsageError


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"expected numbers such as 1,5,10, found {text!r}", argument="steps") from None


@command
def trajectory(
    spec: SpecFile,
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=64, metavar="N", help="How many images.")] = 4,
    steps: Annotated[
        str | None,
        typer.Option("--steps", metavar="N,N,...", help="Steps to show. Default: up to 6 of them."),
    ] = None,
    path: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Folder of the page. Default: outputs/NAME-trajectory."),
    ] = None,
    overrides: Overrides = None,
    files: Files = None,
    variables: Variables = None,
    device: Device = "auto",
) -> Answer:
    """Draw the way from noise to images.

    A PNG and a page show what the model predicts at some of its steps. What is drawn is kept: run it again to resume.
    """
    from dataclasses import asdict

    from synthgen.api.trajectories import trajectory
    from synthgen.cli.sources import Changes, checked

    wanted = None if steps is None else _numbers(steps)
    found, _ = checked(spec, Changes(overrides, files, variables), models=True)
    folder = path or Path("outputs") / f"{found.name}-trajectory"
    stop = stop_on_signals("after this batch")
    with session.progress(found.name, f"loading {found.model.id}") as on_progress:
        ways = trajectory(found, count, folder, wanted, device, on_progress=on_progress, stop=stop.is_set)
    result = {
        "page": ways.page,
        "strip": ways.strip,
        "drawn": ways.drawn,
        "images": [
            {
                "id": one.candidate.id,
                "class": one.candidate.class_name,
                "prompt": one.candidate.prompt,
                "seed": one.candidate.seed,
                "steps": one.steps,
                "failure": one.failure,
                "frames": [asdict(frame) for frame in one.frames],
            }
            for one in ways.images
        ],
    }
    there = len(ways.images) - ways.drawn
    lines = [
        f"drawn     {counted(ways.drawn, 'image')}" + (f"; {there} already there" if there else ""),
        f"strip     {ways.strip}",
        f"look at   {ways.page}",
    ]
    return Answer(result=result, lines=lines)


@command
def sweep(
    spec: SpecFile,
    over: Annotated[
        list[str],
        typer.Option("--over", metavar="KEY=V1,V2", help="A key of the spec and its values. Repeatable: a grid."),
    ],
    prompts: Annotated[
        int, typer.Option("-n", "--prompts", min=1, max=500, metavar="N", help="How many prompts in each setting.")
    ] = 8,
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, max=64, metavar="K", help="How many images of each prompt.")
    ] = 4,
    path: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Folder of the page. Default: outputs/NAME-sweep."),
    ] = None,
    most: Annotated[
        int, typer.Option("--most", min=1, metavar="N", help="Render at most N images: a larger grid is refused.")
    ] = 256,
    overrides: Overrides = None,
    files: Files = None,
    variables: Variables = None,
    device: Device = "auto",
) -> Answer:
    """Compare settings on the same prompts and seeds.

    A table and a page show yield, fidelity, distinct pictures per prompt and seconds per accepted image. Each
    finished setting is kept: run it again to resume.
    """
    from synthgen.api.specs import checked_spec
    from synthgen.api.sweeping import as_result, swept
    from synthgen.cli.sources import Changes, read
    from synthgen.cli.swept import lines_of

    source, changes = read(spec), Changes(overrides, files, variables).settings
    name = checked_spec(source, changes).name
    folder = path or Path("outputs") / f"{name}-sweep"
    stop = stop_on_signals("after this batch")
    with session.progress(name, "loading models") as on_progress:
        found = swept(source, changes, over, folder, (prompts, seeds, most), device, on_progress, stop.is_set)
    return Answer(result=as_result(found), lines=lines_of(found))
