"""The commands for existing runs."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from synthgen.cli.answer import Answer
from synthgen.cli.command import command
from synthgen.cli.options import Device, Overrides, RunArgument, Trust, location_of
from synthgen.cli.pictures import Picture, check_picture, write_pictures
from synthgen.cli.session import session
from synthgen.cli.show import (
    answer_of_run,
    as_used,
    failure_lines,
    left_out_lines,
    prompt_lines,
    shortfall_lines,
    under_way_lines,
)
from synthgen.cli.units import counted, duration
from synthgen.errors import StorageError, UsageError
from synthgen.spec import on_one_line
from synthgen.store import layout

if TYPE_CHECKING:
    from synthgen.dataset.marking.counting import MarkCount
    from synthgen.planning import Plan
    from synthgen.running import Damage, RunState
    from synthgen.running.replay import Replay


@command
def finalize(location: RunArgument, trust: Trust = False) -> Answer:
    """Build the dataset and the contact sheet of a run. All its shards must be done."""
    from synthgen.api.finishing import finalize

    with session.progress(location, f"finalizing {location}") as on_progress:
        made = finalize(location, trust=trust, on_progress=on_progress)
    return answer_of_run(made, resumes=False)


@command
def rejudge(
    location: RunArgument,
    overrides: Overrides = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            parser=location_of,
            help="Folder of the new run, or s3://bucket/prefix. Default: RUN-rejudged.",
        ),
    ] = None,
    trust: Trust = False,
) -> Answer:
    """Apply stricter filters to a run, into a new one. No image is made."""
    from synthgen.api.rejudging import rejudge

    return answer_of_run(rejudge(location, overrides or (), output, trust=trust), rendered=False, resumes=False)


@command
def status(
    location: RunArgument,
    watch: Annotated[
        bool, typer.Option("-w", "--watch", help="Show it again and again, until no shard is left to make, or Ctrl-C.")
    ] = False,
    every: Annotated[
        float | None,
        typer.Option("--every", min=0.1, max=86400, metavar="SECONDS", help="How often --watch looks. Default: 5."),
    ] = None,
) -> Answer:
    """Show the progress of a run. Reads only its files, and may be called while workers write them."""
    from synthgen.api.keeping import status
    from synthgen.cli.watching import watched

    if every is not None and not watch:
        raise UsageError("is for `watch=True`", argument="every")
    if watch:
        return watched(location, every, _answer_of_status)
    return _answer_of_status(location, *status(location))


def _answer_of_status(location: str, planned: "Plan", state: "RunState") -> Answer:
    from synthgen.api.keeping import used_prompts
    from synthgen.api.publishing import published
    from synthgen.store import open_store

    used = used_prompts(location, planned, state)
    made = None if state.pending else published(open_store(location))
    result = {
        "name": planned.spec.name,
        "fingerprint": planned.fingerprint,
        "images": planned.spec.total,
        "shards": state.shard_count,
        "done": len(state.done),
        "pending": list(state.pending),
        "damaged": {str(shard): why for shard, why in state.damaged.items()},
        "failed": {str(shard): times for shard, times in state.failed.items()},
        "causes": {str(shard): cause for shard, cause in state.causes.items()},
        "ended": state.ended,
        "under_way": [asdict(each) for each in state.under_way.values()],
        "orphans": list(state.orphans),
        "counts": dict(state.counts),
        "attempted": sum(state.counts.values()),
        "passed": state.passed,
        "reasons": dict(state.reasons),
        "shortfalls": [asdict(short) for short in state.shortfalls],
        "seconds": state.seconds,
        "excluded": len(state.review.excluded),
        "included": len(state.review.included),
        "in_dataset": None if made is None else made.rows,
        "left_out": None if made is None else len(made.left_out),
        "prompts": None if used is None else as_used(used),
    }
    lines = [*_status_lines(planned, state, location)]
    lines += [*(left_out_lines(made) if made else ()), *(prompt_lines(used) if used else ())]
    return Answer(result=result, lines=lines, is_printing=True)


def _status_lines(planned: "Plan", state: "RunState", location: str) -> Iterator[str]:
    from synthgen.ledger.tally import headline

    review, attempted = state.review, sum(state.counts.values())
    accepted = state.accepted
    yield f"{planned.spec.name}: {len(state.done)} of {counted(state.shard_count, 'shard')} done"
    yield f"accepted  {accepted} of {counted(planned.spec.total, 'image')}"
    yield f"outcome   {headline(state.passed, attempted, accepted, len(review.excluded))}"
    for reason, number in sorted(state.reasons.items(), key=lambda item: -item[1]):
        yield f"  {reason:<12} {number}"
    if surplus := state.counts.get("surplus"):
        yield f"  {'surplus':<12} {surplus}"
    if review:
        yield f"reviewed  {len(review.excluded)} excluded, {len(review.included)} included"

    yield from under_way_lines(state)
    yield from shortfall_lines(state.shortfalls, planned.spec)
    yield from (f"damaged   shard {shard}: {why}" for shard, why in state.damaged.items())
    yield from failure_lines(state, location)
    if state.orphans:
        yield f"orphans   {_orphans(state)}"
    if state.done:
        speed = attempted / state.seconds if state.seconds else 0.0
        left = len(state.pending) * state.seconds / len(state.done)
        more = f"; {duration(left)} of work left" if state.pending else ""
        yield f"speed     {speed:.2g} attempts/s per worker{more}"


@command
def verify(location: RunArgument) -> Answer:
    """Check everything that was committed. Reads hashes, rows, ids, every image and the dataset's files again.

    Counts the images of the dataset that say, in their metadata, that a model made them, and those that carry a C2PA
    signature. Signatures are verified if synthgen[c2pa] is installed.
    """
    from synthgen.api.keeping import status, unverified, verify
    from synthgen.api.marked import marked

    with session.progress(location, f"checking {location}") as on_progress:
        findings = verify(location, on_progress=on_progress)
        marks = marked(location, on_progress)
    result: dict[str, object] = {
        "problems": [asdict(each) for each in findings],
        "marks": None if marks is None else asdict(marks),
    }
    lost = [found for found in findings if found.is_for_good]
    lines, error = [*_finding_lines(location, findings)], None
    if marks is not None:
        lines += [f"{location}: {line}" for line in _marks_lines(marks)]
    if findings:
        hint = "`synthgen repair` discards what is damaged. Then run again to remake it."
        message = f"{counted(len(findings), 'problem')} in {location}"
        error = StorageError(message, hint=_lost_hint(lost) if lost else hint)
    if not lost:  # a run with a decision that nobody can read has no state
        _, state = status(location)
        unsealed = unverified(location)
        result |= {"unverified": unsealed, "orphans": list(state.orphans), "pending": list(state.pending)}
        lines += _verified_lines(location, state, unsealed, bool(findings))
    return Answer(result=result, lines=lines, error=error, is_printing=True)


def _marks_lines(marks: "MarkCount") -> Iterator[str]:
    said = f"{marks.marked:,} of {counted(marks.images, 'image')} of the dataset carry a mark that a model made them"
    yield f"{said}; not read: {', '.join(marks.unread)}" if marks.unread else said
    if marks.signed:
        if marks.invalid is None:
            state = 'unverified: install "synthgen[c2pa]" to verify them'
        else:
            state = f"{marks.invalid:,} of them invalid" if marks.invalid else "all valid"
        yield f"{marks.signed:,} of {counted(marks.images, 'image')} carry a C2PA signature, {state}"


def _lost_hint(lost: "list[Damage]") -> str:
    """Say what to do about files that `repair` cannot mend."""
    others = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
    return f"Restore {lost[0].place}{others} from a backup: `synthgen repair` mends everything else."


def _verified_lines(location: str, state: "RunState", unsealed: list[str], is_damaged: bool) -> Iterator[str]:
    if unsealed:
        files = f"{counted(len(unsealed), 'file')} without a sha256, such as {unsealed[0]}"
        yield f"{location}: {files}: an earlier version wrote them, so changes to them cannot be detected"
    if state.orphans:
        yield f"{location}: {_orphans(state)}"
    pending = f"{len(state.pending)} of {counted(state.shard_count, 'shard')} not made yet"
    if is_damaged:
        if state.pending:
            yield f"{location}: {pending}"
    else:
        yield f"{location}: no problems found" + ("" if state.complete else f" so far; {pending}")


@command
def repair(location: RunArgument) -> Answer:
    """Discard damaged shards and orphaned files. The next run remakes them. Do not repair while workers are running."""
    from synthgen.api.keeping import repair

    with session.progress(location, f"checking {location}") as on_progress:
        done = repair(location, on_progress=on_progress)
    lines = [*_finding_lines(location, done.findings)]
    if done.removed:
        lines.append(f"removed   {counted(len(done.removed), 'orphaned file')}")
    if done.restored:
        lines.append(f"restored  the marker of shards {', '.join(map(str, done.restored))}, from their tables")
    if gone := {name.partition("/")[2].partition("-")[0] for name in done.removed if name.startswith(layout.IMAGES)}:
        which = ", ".join(str(int(shard)) for shard in sorted(gone) if shard.isdecimal())
        lines.append(f"lost      images of shards {which}, which nothing had committed: run again to make them")
    if done.forgotten:
        lines.append(f"forgot    {counted(len(done.forgotten), 'failure')}: the shards are tried again")
    if done.reopened:
        lines.append(f"discarded shards {', '.join(map(str, done.reopened))}: run again to make them")
    places = [finding.place for finding in done.findings]
    if any(map(layout.of_dataset, places)):
        lines.append("discarded the dataset: run again, or finalize, to rebuild it")
    if {layout.SHEET, layout.RESULTS} & set(places):
        lines.append("discarded the contact sheet: run again, or finalize, to rebuild it")
    if any(place.partition("/")[0] == layout.PAGES for place in places):
        lines.append(f"discarded pages of the contact sheet: synthgen sheet {location} writes them again")
    lines += [f"restored  {name}, from {layout.PLAN}" for name in (layout.SPEC, layout.RESOLVED) if name in places]

    result = {
        "problems": [asdict(each) for each in done.findings],
        "discarded": list(done.reopened),
        "removed": list(done.removed),
        "forgotten": list(done.forgotten),
        "restored": list(done.restored),
    }
    lost = [found for found in done.findings if found.is_for_good]
    left = f"{location}: {counted(len(lost), 'damaged file')} cannot be mended"
    return Answer(result=result, lines=lines, error=StorageError(left, hint=_lost_hint(lost)) if lost else None)


@command
def replay(
    location: RunArgument,
    image_id: Annotated[str, typer.Argument(metavar="ID", help="ID of the attempt, such as 00000-000012.")],
    path: Picture = None,
    device: Device = "auto",
    trust: Trust = False,
) -> Answer:
    """Repeat a recorded attempt. Noise, pixels, scores and verdict are compared."""
    from synthgen.api.keeping import replay

    check_picture(path, [image_id])
    found = replay(location, image_id, device, trust=trust)
    written = write_pictures(path, {image_id: found.png})
    result = asdict(replace(found, png=None))
    result["picture"] = result.pop("png") or written.get(image_id)
    lines = [*_replay_lines(found), *(f"picture   {file}" for file in written.values())]
    return Answer(result=result, lines=lines, is_printing=path is None)


def _replay_lines(found: "Replay") -> Iterator[str]:
    pixels = "not kept" if found.difference is None else f"differ by up to {found.difference} of 255"
    yield f"prompt    {found.candidate.prompt}"
    if found.candidate.settings:
        yield f"settings  {on_one_line(dict(found.candidate.settings))}"
    if found.candidate.source is not None:
        yield f"source    {found.candidate.source}"
    yield f"noise     {'same seed' if found.noise else 'DIFFERENT SEED'}: {found.candidate.seed}"
    yield f"pixels    {'identical' if found.difference == 0 else pixels}"
    for name, (then, now) in found.scores.items():
        yield f"score     {name}: {then:.6f}" + ("" if abs(then - now) < 1e-6 else f", now {now:.6f}")
    for name, (before, after) in found.attributes.items():
        yield f"measured  {name}: {before}" + ("" if before == after else f", now {after}")
    again = f"would be rejected: {found.reason}" if found.reason else "passes the filters"
    yield f"verdict   {found.verdict}; now {again}"


def _orphans(state: "RunState") -> str:
    return f"{counted(len(state.orphans), 'orphaned file')}: left by a killed worker, or still being written"


def _finding_lines(location: str, findings: "list[Damage] | tuple[Damage, ...]") -> Iterator[str]:
    return (f"{location}/{finding.place}: {finding.message}" for finding in findings)
