"""The commands that look after runs."""

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from synthgen.cli.app import app
from synthgen.cli.options import AsJson, Device, Overrides, RunArgument, Trust, location_of
from synthgen.cli.show import counted, duration, print_failures, print_json, print_result, print_shortfalls
from synthgen.cli.streams import printing_is_the_result
from synthgen.errors import StorageError
from synthgen.store import layout


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
        typer.Option("-o", metavar="DIR", parser=location_of, help="Or s3://bucket/prefix. Default: RUN-rejudged."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Apply stricter filters to a run that is there. No image is made again."""
    from synthgen.api.rejudging import rejudge

    print_result(rejudge(location, set_ or (), output), as_json, rendered=False)


@app.command()
def status(location: RunArgument, as_json: AsJson = False) -> None:
    """Show how far a run is. It reads the run's files alone, also while others write them."""
    from synthgen.api.keeping import status

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
    from synthgen.api.keeping import status, unverified, verify

    findings = verify(location, lambda shard: print(f"read shard {shard}", file=sys.stderr))
    for finding in findings:
        print(f"{location}/{finding.place}: {finding.message}")
    if findings:
        raise StorageError(
            f"{counted(len(findings), 'problem')} in {location}",
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
    from synthgen.api.keeping import repair

    done = repair(location, lambda shard: print(f"read shard {shard}", file=sys.stderr))
    for finding in done.findings:
        print(f"{location}/{finding.place}: {finding.message}")
    print(f"removed   {len(done.removed)} file(s) that no shard names")
    if done.reopened:
        print(f"re-opened shards {', '.join(map(str, done.reopened))}: run again to make them anew")
    if any(layout.of_dataset(finding.place) for finding in done.findings):
        print("re-opened the dataset: run again, or finalize, to write it anew")
    if any(finding.place in (layout.SHEET, layout.RESULTS) for finding in done.findings):
        print("re-opened the contact sheet: run again, or finalize, to write it anew")
    if any(finding.place == layout.SPEC for finding in done.findings):
        print(f"restored  {layout.SPEC}, from {layout.PLAN}")


@app.command()
def replay(
    location: RunArgument,
    image: Annotated[str, typer.Argument(metavar="ID", help="Of an attempt, such as 00000-000012.")],
    device: Device = "auto",
    trust: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Render one recorded attempt again, and say what agrees. Noise, pixels, scores and verdict are compared."""
    from synthgen.api.keeping import replay

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
