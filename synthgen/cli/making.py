"""The commands that make datasets, from the first spec to the last shard."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from synthgen.cli.app import app
from synthgen.cli.options import (
    AsJson,
    Device,
    Devices,
    Executor,
    Extend,
    Overrides,
    RunArgument,
    SpecFile,
    TopUp,
    Trust,
    kept_text,
    location_of,
)
from synthgen.cli.show import (
    duration,
    print_json,
    print_result,
    print_rounding,
    print_tally,
    size,
)
from synthgen.cli.stopping import stop_on_signals
from synthgen.cli.streams import printing_is_the_result
from synthgen.errors import UsageError
from synthgen.files import check_name_is_text, create_file, write_file


@app.command()
def init(
    file: Annotated[Path, typer.Argument(help="Where to write the spec.")] = Path("spec.yaml"),
) -> None:
    """Write a commented starter spec. Beside it goes the JSON Schema that editors check it with."""
    from synthgen.spec import json_schema, starter_spec

    check_name_is_text(file)
    schema = file.with_name("synthgen.schema.json")
    name = "".join(c if c.isalnum() and c.isascii() else "-" for c in file.stem.lower()).strip("-") or "dataset"
    if os.path.lexists(schema) and not _is_schema(schema):
        raise UsageError(f"{schema} exists already, and is not a schema of synthgen", hint="Move it away first.")
    if not create_file(file, starter_spec(name, file=str(file), schema=schema.name).encode()):
        raise UsageError(f"{file} exists already", hint="Name another file, or remove it first.")
    write_file(schema, (json.dumps(json_schema(), indent=2) + "\n").encode())
    print(f"wrote {file} and {schema}\nnext: synthgen validate {file}")


@app.command()
def validate(spec: SpecFile, set_: Overrides = None) -> None:
    """Check a spec. Every problem is told at once, as file:line:column: message."""
    from synthgen.api.specs import read_spec

    found = read_spec(spec, set_ or ())
    kinds = len(found.classes)
    print(f"{spec}: good: {found.total} images in {kinds} class{'es' if kinds != 1 else ''}")


@app.command()
def plan(
    spec: SpecFile,
    set_: Overrides = None,
    samples: Annotated[int, typer.Option(min=0, max=100, help="How many sample prompts to show.")] = 6,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            metavar="DIR",
            parser=location_of,
            help="Begin the run there, or at s3://bucket/prefix, for `synthgen work`.",
        ),
    ] = None,
    extend: Extend = False,
    top_up: TopUp = False,
    as_json: AsJson = False,
) -> None:
    """Show what a spec would make. Counts, sample prompts, shards, time and disk; loads no model."""
    from synthgen.api.planning import forecast, plan, sample, steering_notes
    from synthgen.api.running import begin
    from synthgen.api.specs import read_spec
    from synthgen.planning import rounding_of

    found = read_spec(spec, set_ or ())
    if output is None and (extend or top_up):
        raise UsageError("--extend and --top-up change a run: expected -o RUN with them")
    if output is None:
        planned = plan(found)
    else:
        planned = begin(found, output, kept_text(spec, set_), extend=extend, top_up=top_up)
    if output is None:
        printing_is_the_result()
    cost, prompts = forecast(planned), [candidate.prompt for candidate in sample(planned, samples)]
    if as_json:
        print_json(
            name=planned.spec.name,
            fingerprint=planned.fingerprint,
            classes={name: kind.count for name, kind in planned.spec.classes.items()},
            cells={cell.name: cell.quota for cell in planned.cells},
            shards=planned.shard_count,
            samples=prompts,
            revisions=asdict(planned.revisions),
            forecast=asdict(cost),
        )
        return
    width = max(len(cell.name) for cell in planned.cells)
    print(f"{planned.spec.name}: {planned.spec.total} images, {planned.shard_count} shard(s)")
    for cell in planned.cells:
        print(f"  {cell.name:<{width}}  {cell.quota}")
    print_rounding(rounding_of(planned.spec))
    for note in steering_notes(planned.spec):
        print(f"note      {note}")
    if prompts:
        print("prompts such as")
        for prompt in prompts:
            print(f"  {prompt}")
    print(f"model     {planned.spec.model.id} ({planned.revisions.generator})")
    print(f"judge     {planned.spec.judge.id}")
    print(f"licence   {cost.licence}")
    print(
        f"attempts  {cost.attempts} if four of five are accepted, and the last batches of each shard; "
        f"{cost.budget} is the budget"
    )
    time = (
        f"about {duration(cost.seconds)} for {cost.attempts} attempts" if cost.seconds else "not known before a preview"
    )
    print(f"time      {time}")
    print(f"disk      about {size(cost.bytes)}")


@app.command()
def preview(
    spec: SpecFile,
    count: Annotated[int, typer.Option("-n", min=1, max=2000, help="How many attempts.")] = 16,
    output: Annotated[
        Path | None, typer.Option("-o", metavar="FILE.html", help="Default: outputs/NAME-preview.html.")
    ] = None,
    set_: Overrides = None,
    device: Device = "auto",
) -> None:
    """Render and judge a few images. A contact sheet is written; nothing else is kept."""
    from synthgen.api.running import preview
    from synthgen.api.specs import read_spec

    found = read_spec(spec, set_ or ())
    sheet = output or Path("outputs") / f"{found.name}-preview.html"
    print(f"loading {found.model.id}", file=sys.stderr)
    tally = preview(found, count, sheet, device)
    print_tally(tally)
    print(f"look at {sheet}")


@app.command()
def run(
    spec: SpecFile,
    output: Annotated[
        str | None,
        typer.Option("-o", metavar="DIR", parser=location_of, help="Or s3://bucket/prefix. Default: outputs/NAME."),
    ] = None,
    set_: Overrides = None,
    devices: Devices = "auto",
    extend: Extend = False,
    top_up: TopUp = False,
    executor: Annotated[
        Executor, typer.Option(help="ray: actors on a Ray cluster, one per GPU, or per core. Needs synthgen[ray].")
    ] = Executor.LOCAL,
    address: Annotated[
        str | None,
        typer.Option(help="Of the Ray cluster, HOST:PORT. Default: RAY_ADDRESS, one that runs here, or a new one."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the dataset. Stopped or killed, run it again: it goes on where it was."""
    from synthgen.api.running import run
    from synthgen.api.specs import read_spec
    from synthgen.cli.progress import show_progress

    if address is not None and executor is Executor.LOCAL:
        raise UsageError("--address is a Ray cluster's", hint="Give --executor ray too.")
    found = read_spec(spec, set_ or ())
    text, stop = kept_text(spec, set_), stop_on_signals()
    with show_progress(found.model.id) as on_progress:
        result = run(
            found,
            output,
            text=text,
            devices=devices,
            extend=extend,
            top_up=top_up,
            executor=executor.value,
            address=address,
            on_progress=on_progress,
            stop=stop.is_set,
        )
    print_result(result, as_json)


@app.command()
def work(
    location: RunArgument,
    index: Annotated[int | None, typer.Option(min=0, help="This task's number, from 0.")] = None,
    of: Annotated[int | None, typer.Option(min=1, help="How many tasks share the run.")] = None,
    device: Device = "auto",
    trust: Trust = False,
) -> None:
    """Make one task's part of a run. `synthgen plan SPEC -o RUN` begins it, `synthgen finalize RUN` ends it.

    Without --index and --of they come from SLURM arrays, Kubernetes Indexed Jobs (--of is needed there), or RANK and
    WORLD_SIZE. Tasks need not agree on their number, and may run twice: what is committed is left alone.
    """
    from synthgen.api.running import work
    from synthgen.cli.progress import show_progress
    from synthgen.cli.scheduler import index_and_count

    mine, count = index_and_count(index, of, os.environ)
    stop = stop_on_signals()
    with show_progress(location) as on_progress:
        done = work(location, mine, count, device=device, trust=trust, on_progress=on_progress, stop=stop.is_set)
    there = len(done.skipped) + len(done.lost)
    print(f"task {mine} of {count}: {len(done.committed)} shard(s) made, {there} were there")


def _is_schema(file: Path) -> bool:
    """Whether it is what `init` wrote, if perhaps of an earlier version."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("title") == "synthgen spec"
