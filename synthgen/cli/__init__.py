"""The command line: parse, call `api`, print, turn errors into exit codes. No logic.

What a command found goes to stdout; progress, notes and errors go to stderr.
"""

import json
import os
import shlex
import signal
import sys
import threading
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from synthgen.cli.audit import TRUST, audit
from synthgen.cli.show import (
    duration,
    print_failures,
    print_json,
    print_result,
    print_rounding,
    print_shortfalls,
    print_tally,
    size,
)
from synthgen.cli.streams import guard, lost_result, printing_is_the_result
from synthgen.errors import QuotaNotMet, StorageError, SynthgenError, UsageError
from synthgen.files import check_name_is_text, create_file, write_file
from synthgen.redaction import without_secrets
from synthgen.version import __version__

app = typer.Typer(
    name="synthgen",
    help="Labelled image datasets from diffusion models, with proof of what is in them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 2 usage or spec, 3 quota not met, 4 audit gate failed, "
    "5 model, device or storage, 75 interrupted (run again to resume), 130 Ctrl-C twice.",
)

SpecFile = Annotated[Path, typer.Argument(metavar="SPEC", help="The YAML spec.")]


def _location(text: str) -> str:
    return text if text.endswith("://") else text.rstrip("/") or text


RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN", parser=_location, help="A run: its folder, such as outputs/quickstart, or s3://bucket/prefix."
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key of the spec: --set model.steps=10. Repeatable."),
]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps; auto takes a GPU if there is one.")]
Devices = Annotated[
    str,
    typer.Option(help="auto (every GPU, else the processor), cpu:2, cuda, cuda:0,2, mps: a process for each."),
]
Extend = Annotated[
    bool, typer.Option("--extend", help="Let the run that is there grow, if the spec asks for more images than it.")
]
TopUp = Annotated[
    bool, typer.Option("--top-up", help="Try once more to make what a finished run is short of: in further shards.")
]

Trust = Annotated[bool, typer.Option("--trust", envvar="SYNTHGEN_TRUST", help=TRUST)]


class Executor(StrEnum):
    """Where workers run."""

    LOCAL = "local"
    RAY = "ray"


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def main() -> None:
    """Run the command line; the process ends with the documented exit code, whatever became of its output."""
    guard()
    try:
        app(standalone_mode=True)
    except SynthgenError as error:
        for line in filter(None, (str(error), error.hint)):
            print(without_secrets(line), file=sys.stderr)
        sys.exit(error.exit_code)
    except SystemExit as ended:
        if not ended.code and (lost := lost_result()) is not None:
            print(f"stdout: what was found could not be printed: {lost.strerror}", file=sys.stderr)
            sys.exit(StorageError.exit_code)
        raise


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of the program itself."""


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
            parser=_location,
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
        planned = begin(found, output, _text_of(spec, set_), extend=extend, top_up=top_up)
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
        typer.Option("-o", metavar="DIR", parser=_location, help="Or s3://bucket/prefix. Default: outputs/NAME."),
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
    text, stop = _text_of(spec, set_), _stop_on_signals()
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
    stop = _stop_on_signals()
    with show_progress(location) as on_progress:
        done = work(location, mine, count, device=device, trust=trust, on_progress=on_progress, stop=stop.is_set)
    there = len(done.skipped) + len(done.lost)
    print(f"task {mine} of {count}: {len(done.committed)} shard(s) made, {there} were there")


@app.command()
def calibrate(
    spec: SpecFile,
    labels: Annotated[Path | None, typer.Option(help="The labelled CSV; without it, make the pilot.")] = None,
    count: Annotated[
        int | None,
        typer.Option("-n", min=1, help="Images per class in the pilot, 200 by default. One that is there grows."),
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", metavar="DIR", help="Default: outputs/NAME-pilot.")] = None,
    precision: Annotated[
        float, typer.Option(min=0.01, max=0.9999, help="Share of accepted that must be right.")
    ] = 0.95,
    confidence: Annotated[float, typer.Option(min=0.5, max=0.9999, help="Of the bound on that share.")] = 0.95,
    keep: Annotated[
        float | None,
        typer.Option(min=0.01, max=1, help="Instead of labels: the share of each class's pilot to accept."),
    ] = None,
    set_: Overrides = None,
    devices: Devices = "auto",
) -> None:
    """Find label thresholds that reach a precision. The first call makes a pilot to label by eye, or lets it grow; the
    second reads the labels."""
    from synthgen.api.calibrating import calibrate, keep_share, pilot
    from synthgen.api.specs import read_spec
    from synthgen.cli.progress import show_progress

    found = read_spec(spec, set_ or (), calibrated=False)
    folder = output or Path("outputs") / f"{found.name}-pilot"
    if labels is not None and keep is not None:
        raise UsageError("--labels and --keep exclude each other", hint="Labels promise a precision, --keep a yield.")
    if count is not None and (labels or keep):
        raise UsageError("-n is for making the pilot", hint="Call without --labels and --keep to let it grow first.")
    if labels is None and keep is None:
        stop = _stop_on_signals()
        with show_progress(found.model.id) as on_progress:
            made = pilot(found, folder, count, devices=devices, on_progress=on_progress, stop=stop.is_set)
        kept = f": more than -n {count}, and all are kept" if count is not None and count < made.per_class else ""
        print(f"pilot     {made.per_class} pictures of each class{kept}")
        for name, pictures in made.pictures.items():
            if pictures < made.per_class:
                print(f"short     {name}: the model made {pictures} that pass the quality filter and fit the balance")
        print(f"look at   {made.page}")
        print(f"fill in   {made.table}: yes or no in the column 'right'")
        again = ["synthgen", "calibrate", str(spec), "-o", str(folder), "--labels", str(made.table)]
        again += [part for override in set_ or () for part in ("--set", override)]
        print(f"then      {shlex.join(again)} --precision {precision:g}")
        return
    if labels is not None:
        calibration = calibrate(found, folder, labels, precision, confidence)
        print(f"look at {folder / 'calibration.svg'}")
    else:
        calibration = keep_share(found, folder, keep or 1.0)
    width = max(map(len, calibration.classes))
    for name, each in calibration.classes.items():
        print(f"{name:<{width}}  {each}")
    file = folder / "calibration.json"
    if calibration.missed:
        left = f"{file} is of an earlier call: it stays as it is" if file.exists() else f"{file} is not written"
        raise QuotaNotMet(
            f"{calibration.promise} was not reached for {', '.join(calibration.missed)}: {left}",
            hint=f"Label more images (synthgen calibrate {spec} -o {folder} -n MORE adds them to the pilot), ask for "
            "less precision, or describe the class better to the judge, in a new pilot.",
        )
    write_file(file, calibration.to_json().encode())
    print(f"wrote {file}: name it in the spec as filters.label.calibration")


@app.command()
def finalize(location: RunArgument, as_json: AsJson = False) -> None:
    """Build the dataset and contact sheet of a run. Its shards must all be done."""
    from synthgen.api.finishing import finalize

    print_result(finalize(location), as_json)


@app.command()
def rejudge(
    location: RunArgument,
    set_: Overrides = None,
    output: Annotated[
        str | None,
        typer.Option("-o", metavar="DIR", parser=_location, help="Or s3://bucket/prefix. Default: RUN-rejudged."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Apply stricter filters to a run that is there. No image is made again."""
    from synthgen.api.rejudging import rejudge

    print_result(rejudge(location, set_ or (), output), as_json, rendered=False)


@app.command()
def status(location: RunArgument, as_json: AsJson = False) -> None:
    """Show how far a run is. It reads the run's files alone, also while others write them."""
    from synthgen.api.running import status

    planned, state = status(location)
    printing_is_the_result()
    if as_json:
        print_json(
            name=planned.spec.name,
            fingerprint=planned.fingerprint,
            shards=state.shard_count,
            done=len(state.done),
            pending=list(state.pending),
            damaged={str(shard): why for shard, why in state.damaged.items()},
            failed={str(shard): times for shard, times in state.failed.items()},
            causes={str(shard): cause for shard, cause in state.causes.items()},
            ended=state.ended,
            orphans=list(state.orphans),
            counts=dict(state.counts),
            reasons=dict(state.reasons),
            shortfalls=[asdict(short) for short in state.shortfalls],
            seconds=state.seconds,
        )
        return
    accepted, attempted = state.counts.get("accepted", 0), sum(state.counts.values())
    print(f"{planned.spec.name}: {len(state.done)} of {state.shard_count} shards done")
    print(f"accepted  {accepted} of {planned.spec.total} wanted, in {attempted} attempts")
    for reason, number in sorted(state.reasons.items(), key=lambda item: -item[1]):
        print(f"  {reason:<12} {number}")
    if surplus := state.counts.get("surplus"):
        print(f"  {'surplus':<12} {surplus}")
    print_shortfalls(state.shortfalls, planned.spec)
    for shard, why in state.damaged.items():
        print(f"damaged   shard {shard}: {why}")
    print_failures(state, location)
    if state.orphans:
        print(f"orphans   {len(state.orphans)} file(s) that no shard names: left by a kill, or in the making")
    if state.done:
        speed = attempted / state.seconds if state.seconds else 0.0
        left = len(state.pending) * state.seconds / len(state.done)
        more = f"; about {duration(left)} left, divided by the workers" if state.pending else ""
        print(f"speed     {speed:.1f} attempts/s by a worker{more}")


@app.command()
def verify(location: RunArgument) -> None:
    """Read everything that was committed again. Hashes, rows, ids, every image and the dataset's files are checked."""
    from synthgen.api.running import status, unverified, verify

    findings = verify(location, lambda shard: print(f"read shard {shard}", file=sys.stderr))
    for finding in findings:
        print(f"{location}/{finding.place}: {finding.message}")
    if findings:
        raise StorageError(
            f"{len(findings)} thing(s) are wrong with {location}",
            hint="`synthgen repair` re-opens what is damaged; run again, and it is made anew.",
        )
    planned, state = status(location)
    if unsealed := unverified(location):
        files = f"{len(unsealed)} file(s) carry no sha256, such as {unsealed[0]}"
        print(f"{location}: {files}: an earlier version wrote them, and whether a byte changed cannot be told")
    if state.orphans:
        print(f"{location}: {len(state.orphans)} file(s) that no shard names: left by a kill, or in the making")
    if state.complete:
        print(f"{location}: good")
    else:
        print(f"{location}: good so far; {len(state.pending)} of {planned.shard_count} shards are not made yet")


@app.command()
def repair(location: RunArgument) -> None:
    """Re-open damaged shards; remove what no shard names. Not while anything works on the run."""
    from synthgen.api.running import repair

    done = repair(location, lambda shard: print(f"read shard {shard}", file=sys.stderr))
    for finding in done.findings:
        print(f"{location}/{finding.place}: {finding.message}")
    print(f"removed   {len(done.removed)} file(s) that no shard names")
    if done.reopened:
        print(f"re-opened shards {', '.join(map(str, done.reopened))}: run again to make them anew")
    if any(finding.place.startswith("dataset/") for finding in done.findings):
        print("re-opened the dataset: run again, or finalize, to write it anew")
    if any(finding.place in ("report.html", "results.json") for finding in done.findings):
        print("re-opened the contact sheet: run again, or finalize, to write it anew")
    if any(finding.place == "spec.yaml" for finding in done.findings):
        print("restored  spec.yaml, from plan.json")


@app.command()
def replay(
    location: RunArgument,
    image: Annotated[str, typer.Argument(metavar="ID", help="Of an attempt, such as 00000-000012.")],
    device: Device = "auto",
    trust: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Render one recorded attempt again, and say what agrees. Noise, pixels, scores and verdict are compared."""
    from synthgen.api.running import replay

    found = replay(location, image, device, trust=trust)
    printing_is_the_result()
    if as_json:
        print_json(**asdict(found))
        return
    pixels = "not kept" if found.difference is None else f"differ by up to {found.difference} of 255"
    print(f"prompt    {found.candidate.prompt}")
    print(f"noise     {'the same seed' if found.noise else 'ANOTHER SEED'}: {found.candidate.seed}")
    print(f"pixels    {'equal to the bit' if found.difference == 0 else pixels}")
    for name, (then, now) in found.scores.items():
        print(f"score     {name}: {then:.6f}" + ("" if abs(then - now) < 1e-6 else f", now {now:.6f}"))
    for name, (before, after) in found.attributes.items():
        print(f"measured  {name}: {before}" + ("" if before == after else f", now {after}"))
    again = f"would be rejected: {found.reason}" if found.reason else "passes the filters"
    print(f"verdict   {found.verdict}; now {again}")


app.command()(audit)


@app.command()
def schema(audit: Annotated[bool, typer.Option("--audit", help="of audit.json, in place of specs")] = False) -> None:
    """Print the JSON Schema of specs, for editors and pipelines."""
    if audit:
        from synthgen.auditing.report import audit_schema as found
    else:
        from synthgen.spec import json_schema as found

    print_json(**found())


@app.command()
def doctor() -> None:
    """Show what this machine can do."""
    from synthgen.api.machine import doctor

    printing_is_the_result()
    for name, fact in doctor().items():
        print(f"{name:<16} {fact}")


def _is_schema(file: Path) -> bool:
    """Whether it is what `init` wrote, if perhaps of an earlier version."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("title") == "synthgen spec"


def _text_of(spec: Path, overrides: list[str] | None) -> str:
    """The spec as its author wrote it, and above it what the command line changed."""
    return "".join(f"# --set {override}\n" for override in overrides or ()) + spec.read_text(encoding="utf-8-sig")


def _stop_on_signals() -> threading.Event:
    """An event that the first Ctrl-C or SIGTERM sets; the second Ctrl-C ends the process at once."""
    stop = threading.Event()

    def on_signal(number: int, _: object) -> None:
        if stop.is_set() and number == signal.SIGINT:
            os._exit(130)
        stop.set()
        print("stopping after this batch; Ctrl-C again to stop at once", file=sys.stderr)

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    return stop
