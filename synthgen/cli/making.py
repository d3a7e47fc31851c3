"""The commands that make datasets, from the first spec to the last shard."""

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from synthgen.cli.answer import Answer
from synthgen.cli.command import command
from synthgen.cli.options import (
    Device,
    Devices,
    Executor,
    Extend,
    Files,
    Limit,
    MaxTime,
    MetricsFile,
    NewRun,
    Overrides,
    PricePerHour,
    RunArgument,
    ScaleDown,
    SpecFile,
    TopUp,
    Trust,
    Variables,
    complete_spec,
    location_of,
)
from synthgen.cli.session import session
from synthgen.cli.show import answer_of_preview, answer_of_run
from synthgen.cli.stopping import stop_on_signals
from synthgen.cli.units import counted
from synthgen.cli.watched_work import watched_work
from synthgen.errors import ModelError, UsageError
from synthgen.events import ignore


@command
def validate(
    specs: Annotated[
        list[str],
        typer.Argument(
            metavar="SPEC", autocompletion=complete_spec, help="YAML specs; - reads one from standard input."
        ),
    ],
    overrides: Overrides = None,
    files: Files = None,
    variables: Variables = None,
    models: Annotated[
        bool,
        typer.Option("--models", help="Look the models up too, on the hub if there is a network. Reads no weights."),
    ] = False,
) -> Answer:
    """Check specs. All problems are reported at once, as file:line:column: message."""
    from synthgen.cli.sources import Changes
    from synthgen.cli.validated import answer_of_specs

    return answer_of_specs(specs, Changes(overrides, files, variables), models=models)


@command
def plan(
    spec: SpecFile,
    overrides: Overrides = None,
    files: Files = None,
    variables: Variables = None,
    limit: Limit = None,
    scale: ScaleDown = None,
    samples: Annotated[
        int, typer.Option("--samples", min=0, max=100, metavar="N", help="How many sample prompts to show.")
    ] = 6,
    location: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            parser=location_of,
            help="Start a run there, or at s3://bucket/prefix, for `synthgen work`. Default: only show the plan.",
        ),
    ] = None,
    extend: Extend = False,
    top_up: TopUp = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --extend: only show what the run would gain.")
    ] = False,
    price_per_hour: PricePerHour = None,
) -> Answer:
    """Show what a spec would make. Counts, sample prompts, shards, time and disk; loads no model."""
    from synthgen.api.costing import check_price, cost
    from synthgen.api.growing import extension
    from synthgen.api.outlining import outlined
    from synthgen.api.planning import forecast, plan, sample
    from synthgen.api.running import begin
    from synthgen.cli.planned import answer_of_plan
    from synthgen.cli.sources import Changes, checked

    price = None if price_per_hour is None else check_price(price_per_hour)
    found, text = checked(spec, Changes(overrides, files, variables, limit, scale), models=True)
    if location is None and (extend or top_up):
        raise UsageError("changes an existing run: name it with `location`", argument="extend" if extend else "top_up")
    if dry_run and (not extend or top_up):
        raise UsageError("shows what a run would gain: use it with `extend`, and without `top_up`", argument="dry_run")
    preset = None
    try:
        with session.progress(found.name, "planning") if found.source else nullcontext(ignore) as on_progress:
            if extend and location:
                planned, added = extension(found, location)
            elif location:
                planned, added = begin(found, location, text, top_up=top_up, on_progress=on_progress), None
            else:
                planned, added = plan(found, on_progress), None
    except ModelError as error:
        outline = None if location else outlined(found, error)
        if outline is None:
            raise
        (planned, preset), added = outline, None
    if location is not None and extend and not dry_run:
        planned = begin(found, location, text, extend=True, top_up=top_up)
    prompts = [candidate.prompt for candidate in sample(planned, samples)]
    place, auto = None if dry_run else location, found.output.shard_size == "auto"
    expected = forecast(planned)
    costs = None if price is None else cost(expected, price)
    return answer_of_plan(planned, expected, prompts, place, added, costs, auto=auto, recorded=preset)


@command
def preview(
    spec: SpecFile,
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=2000, metavar="N", help="How many attempts.")] = 16,
    seeds_per_prompt: Annotated[
        int,
        typer.Option(
            "--seeds-per-prompt",
            min=1,
            max=64,
            metavar="K",
            help="Draw each prompt K times, to see what a seed changes. N is a multiple of K.",
        ),
    ] = 1,
    path: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE.html", help="The sheet. Default: outputs/NAME-preview.html."),
    ] = None,
    overrides: Overrides = None,
    files: Files = None,
    variables: Variables = None,
    device: Device = "auto",
) -> Answer:
    """Make and judge a few images. A contact sheet shows them; nothing else is kept."""
    from synthgen.api.previewing import preview
    from synthgen.cli.sources import Changes, checked

    found, _ = checked(spec, Changes(overrides, files, variables), models=True)
    sheet = path or Path("outputs") / f"{found.name}-preview.html"
    with session.progress(found.name, f"loading {found.model.id}") as on_progress:
        tally = preview(found, count, sheet, device, seeds_per_prompt=seeds_per_prompt, on_progress=on_progress)
    return answer_of_preview(tally, sheet)


@command
def run(
    spec: SpecFile,
    location: NewRun = None,
    overrides: Overrides = None,
    files: Files = None,
    variables: Variables = None,
    limit: Limit = None,
    scale: ScaleDown = None,
    devices: Devices = "auto",
    extend: Extend = False,
    top_up: TopUp = False,
    executor: Annotated[
        Executor,
        typer.Option(
            "--executor",
            envvar="SYNTHGEN_EXECUTOR",
            help="ray: actors on a Ray cluster, one for each GPU, or each core. Needs synthgen[ray].",
        ),
    ] = Executor.LOCAL,
    address: Annotated[
        str | None,
        typer.Option(
            "--address",
            metavar="HOST:PORT",
            help="Ray cluster to join. Default: RAY_ADDRESS, else one that runs here, else a new one.",
        ),
    ] = None,
    max_time: MaxTime = None,
    metrics_file: MetricsFile = None,
    trust: Trust = False,
) -> Answer:
    """Make the dataset. If it is stopped or killed, run it again: it resumes.

    SPEC may be a run: it resumes, or is made again from its own record where -o says. With --limit or --scale, the run
    is a small one to try the spec, in outputs/NAME-smoke unless -o says otherwise.
    """
    from synthgen.api.running import run
    from synthgen.cli.sources import Changes, source_of_run

    if address is not None and executor is Executor.LOCAL:
        raise UsageError("is for a Ray cluster", argument="address", hint='Add `executor="ray"`.')
    changes = Changes(overrides, files, variables, limit, scale)
    source, text, place = source_of_run(spec, changes)
    location = location or place
    stop = stop_on_signals()
    with watched_work(location, f"loading what {location} needs", metrics_file) as on_progress:
        result = run(
            source,
            location,
            text=text,
            devices=devices,
            extend=extend,
            top_up=top_up,
            executor=executor.value,
            address=address,
            trust=trust,
            max_time=max_time,
            on_progress=on_progress,
            stop=stop.is_set,
        )
        answer = answer_of_run(result)
        on_progress.end(answer.error.exit_code if answer.error else 0, answer.error)
    return answer


@command
def work(
    location: RunArgument,
    index: Annotated[
        int | None, typer.Option("--index", min=0, metavar="N", help="This task's number, counted from 0.")
    ] = None,
    of: Annotated[int | None, typer.Option("--of", min=1, metavar="N", help="How many tasks share the run.")] = None,
    device: Device = "auto",
    max_time: MaxTime = None,
    metrics_file: MetricsFile = None,
    trust: Trust = False,
) -> Answer:
    """Make one task's part of a run. `synthgen plan SPEC -o RUN` starts the run, `synthgen finalize RUN` finishes it.

    Without --index and --of, the numbers come from SLURM arrays, Kubernetes Indexed Jobs (which also need --of), or
    RANK and WORLD_SIZE. Tasks need not agree on their number, and may run twice: committed shards are left alone.
    """
    from synthgen.api.running import work
    from synthgen.cli.scheduler import index_and_count

    mine, count = index_and_count(index, of, os.environ)
    stop = stop_on_signals()
    with watched_work(location, f"loading the models of {location}", metrics_file, mine) as on_progress:
        done = work(
            location,
            mine,
            count,
            device=device,
            trust=trust,
            max_time=max_time,
            on_progress=on_progress,
            stop=stop.is_set,
        )

    there = len(done.skipped) + len(done.lost)
    result = {
        "index": mine,
        "of": count,
        "committed": sorted(done.committed),
        "skipped": sorted(done.skipped),
        "lost": sorted(done.lost),
    }
    lines = [f"task {mine} of {count}: {counted(len(done.committed), 'shard')} made, {there} already done"]
    return Answer(result=result, lines=lines)
