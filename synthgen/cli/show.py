"""How commands show runs: lines for people, and the same for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.cli.answer import Answer
from synthgen.cli.cells import aligned, shown
from synthgen.cli.session import session
from synthgen.cli.units import counted, duration, size
from synthgen.errors import QuotaNotMet
from synthgen.records import Reason, Shortfall
from synthgen.redaction import without_secrets

if TYPE_CHECKING:
    from synthgen.api.finishing import RunResult
    from synthgen.api.previewing import Preview
    from synthgen.dataset.summary import DatasetSummary
    from synthgen.ledger.tally import ClassTally, Tally
    from synthgen.running import RunState
    from synthgen.spec import Attribute, Spec

_SHORTFALLS = 20
"""At most this many are shown; `--json` has all."""

_PROMPTS = 6
"""Classes whose used prompts are shown; `--json` has all."""
_UNDER_WAY = 5
"""Shards under way that are shown; `--json` has all."""

_OTHERWISE = "With a larger budget or looser filters in the spec, add `extend=True` as well."
_OFTEN = 0.25
"""An outcome of at least this share of a cell's attempts is named as a cause of its shortfall."""


def answer_of_run(found: RunResult, *, rendered: bool = True, resumes: bool = True) -> Answer:
    """Show the result of a run.

    Args:
        rendered: whether the run made images, or judged those of another run.
        resumes: whether the same command makes missing images.
    """
    tally, summary = found.tally, found.summary
    result = {
        "folder": found.folder,
        "dataset": found.dataset,
        "sheet": found.sheet,
        "made_now": found.fresh,
        "images": summary.rows,
        "attempted": tally.attempted,
        **_counts(tally),
        "missing": found.missing,
        "left_out": len(summary.left_out),
        "dropped": summary.dropped,
        "excluded": len(found.review.excluded),
        "included": len(found.review.included),
        "kept_bytes": found.kept_bytes,
        "early": asdict(found.stopped) if found.stopped is not None else None,
        "shortfalls": [asdict(short) for short in found.shortfalls],
        "seconds": found.seconds,
        "classes": _classes(tally, summary.classes),
        "splits": {split.name: split.rows for split in summary.splits},
        "grouping": asdict(summary.grouping) if summary.grouping else None,
        "split_notes": list(summary.split_notes),
        "compared": [asdict(each) for each in summary.compared],
    }
    hint = _unsure(found.shortfalls, found.spec.attributes) + (
        _how_to_go_on(found) if resumes else _how_to_make_more(found)
    )
    short = QuotaNotMet(f"{counted(found.missing, 'image')} short of what was asked for", hint=hint)
    empty = _empty_splits(found)
    return Answer(result=result, lines=[*_run_lines(found, rendered)], error=short if found.missing else empty)


def _empty_splits(found: RunResult) -> QuotaNotMet | None:
    """Warn of splits that have no image, since groups of images stay whole. Nobody asked for the default ones."""
    from synthgen.spec.output import Output

    emptied = found.summary.emptied
    if not emptied:
        return None
    names = ", ".join(map(repr, emptied))
    split = "the split" if len(emptied) == 1 else "the splits"
    what = f"{split} {names} should have images, and whole groups of images left none"
    session.warn(what)
    if found.spec.output.splits == Output().splits:
        return None
    hint = "Loosen output.near or output.together, draw from more prompts or sources, or leave the split out."
    return QuotaNotMet(what, hint=hint)


def _run_lines(found: RunResult, rendered: bool) -> Iterator[str]:
    if not found.fresh:
        if found.rebuilt:
            yield (
                "all shards were done; rebuilt the dataset"
                if found.missing
                else "all images exist; rebuilt the dataset"
            )
        else:
            yield f"nothing to do: {'every shard is done' if found.missing else 'this run is complete'}"
    yield from tally_lines(found.tally, found.summary.classes if found.summary.left_out else None)
    if rendered:
        yield f"time      {duration(found.seconds)} of compute (all workers)"
    yield from (f"early     {line}" for line in (found.stopped.lines if found.stopped is not None else ()))
    splits = ", ".join(f"{shown(split.name)} {split.rows}" for split in found.summary.splits)
    yield f"dataset   {found.dataset}: {splits}"
    for split in found.summary.splits:
        if not split.rows and not split.wanted:
            yield f"empty     the split {split.name!r}: too few images for its share, so the dataset does not have it"
    yield from left_out_lines(found.summary)
    grouping = found.summary.grouping
    yield from (f"together  {note}" for note in (grouping.sentences if grouping else ()))
    yield from (f"splits    {note}" for note in found.summary.size_notes)
    for each in found.summary.compared:
        too_near = f"{counted(len(each.near), 'image')} too near to one of its {each.images:,}"
        yield f"against   {each.name}: {too_near}{_fate(each.removed) if each.near else ''}"
    if found.summary.dropped:
        yield f"dropped   {counted(found.summary.dropped, 'image')} that repeat an image of another shard"
    if review := found.review:
        yield f"reviewed  {len(review.excluded)} excluded, {len(review.included)} included"
    if found.kept_bytes:
        yield f"kept      {size(found.kept_bytes)} of images outside the dataset, for reviewers, --top-up and --extend"
    yield from shortfall_lines(found.shortfalls, found.spec)
    if not found.fresh and not found.rebuilt:
        yield f"unread    files were not read again; to check every byte: synthgen verify {found.folder}"
    yield f"look at   {found.sheet}"


def left_out_lines(summary: DatasetSummary) -> Iterator[str]:
    """Say how many accepted images a dataset does not have."""
    if out := len(summary.left_out):
        yield f"left out  {counted(out, 'accepted image')}, so the dataset has {summary.rows:,}"


def _fate(removed: bool) -> str:
    return ", left out" if removed else ", kept"


def answer_of_preview(tally: Preview, sheet: Path) -> Answer:
    """Show the outcome of a preview."""
    from synthgen.api.distinct import as_json

    unseen = "pictures of a prompt: not seen; --seeds-per-prompt 4 shows each prompt 4 times"
    distinct = f"pictures of a {tally.distinct.by}: {tally.distinct.text}" if tally.distinct else unseen
    result = {
        "sheet": str(sheet),
        "attempted": tally.attempted,
        **_counts(tally),
        "classes": _classes(tally),
        "prompts": as_used(tally.prompts),
        "distinct": as_json(tally.distinct),
    }
    told = [f"distinct  {distinct}", f"look at   {sheet}"]
    return Answer(result=result, lines=[*tally_lines(tally), *prompt_lines(tally.prompts), *told])


def as_used(prompts: Mapping[str, tuple[int, int]]) -> dict[str, dict[str, int]]:
    """Write the used prompts of classes for programs."""
    return {name: {"used": used, "there": there} for name, (used, there) in prompts.items()}


def prompt_lines(prompts: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    """Say how many of the prompts of each class were used; of many classes, those of which most were."""
    from synthgen.planning import used_of

    most = sorted(prompts, key=lambda name: -prompts[name][0] / max(prompts[name][1], 1))[:_PROMPTS]
    told = [f"{shown(name)} {used_of(*prompts[name])}" for name in prompts if name in most]
    more = f"; and {counted(len(prompts) - len(most), 'class', 'classes')} more" if len(prompts) > len(most) else ""
    if told:
        yield f"prompts   {'; '.join(told)}{more}"


def _counts(found: Tally | ClassTally) -> dict[str, int]:
    return {"accepted": found.accepted, "passed": found.passed, "surplus": found.surplus}


def _classes(tally: Tally, there: Mapping[str, int] | None = None) -> dict[str, dict[str, object]]:
    more = {} if there is None else {name: {"images": images} for name, images in there.items()}
    return {kind.name: asdict(kind) | _counts(kind) | more.get(kind.name, {}) for kind in tally.classes}


def tally_lines(tally: Tally, there: Mapping[str, int] | None = None) -> Iterator[str]:
    """Show the outcomes of the attempts, overall and by class. Surplus images passed: they were not rejected.

    Args:
        there: how many images of each class the dataset has, if there is one.
    """
    yield f"outcome   {tally.headline}"

    if tally.classes:
        asked = "kept/requested" if tally.quota is not None else "accepted"
        others = ", and what became of the others" if any(kind.others for kind in tally.classes) else ""
        yield f"by class  {asked} of attempts{others}"
    yield from aligned(((shown(kind.name), _outcomes(kind, there)) for kind in tally.classes), indent=2)


def _outcomes(kind: ClassTally, there: Mapping[str, int] | None) -> str:
    quota = f"/{kind.quota}" if kind.quota is not None else ""
    told = [", ".join(f"{reason} {number}" for reason, number in kind.others.items())]
    if there is not None and there.get(kind.name) != kind.accepted:
        told.append(f"the dataset has {there.get(kind.name, 0)}")
    return f"{kind.accepted}{quota} of {kind.attempted}   {'; '.join(filter(None, told))}"


def shortfall_lines(shortfalls: Sequence[Shortfall], spec: Spec) -> Iterator[str]:
    """Show the cells that are not full, and the outcomes of their attempts."""
    for short in shortfalls[:_SHORTFALLS]:
        yield f"short     {shown(short.cell)}: {short.missing} missing"
        for line in (*_spent(short, spec), *_causes(short, spec.attributes)):
            yield f"          {line}"
    if more := shortfalls[_SHORTFALLS:]:
        missing = sum(short.missing for short in more)
        yield f"short     {len(more)} more cells: {missing} missing; --json lists them"


def under_way_lines(state: RunState) -> Iterator[str]:
    """Show what the journals of unfinished shards hold, the latest first."""
    latest = sorted(state.under_way.values(), key=lambda each: (each.written, each.shard), reverse=True)
    for each in latest[:_UNDER_WAY]:
        accepted = f", {each.counts.get('accepted', 0):,} accepted" if each.counts else ""
        written = f"; kept at {each.written[11:19]} UTC" if each.written else ""
        yield f"under way shard {each.shard}: {counted(each.attempts, 'attempt')}{accepted}{written}"
    if more := latest[_UNDER_WAY:]:
        yield f"          {counted(len(more), 'more shard')}: {sum(each.attempts for each in more):,} attempts"


def failure_lines(state: RunState, location: str) -> Iterator[str]:
    """Show why shards are not done: the cause of each failure, and what ended the last worker."""
    from synthgen.running import grouped

    for line in grouped({shard: state.causes.get(shard, "no cause was kept") for shard in state.failed}):
        yield f"failed    {without_secrets(line)}"
    if state.ended:
        yield f"ended     the last worker that stopped early: {without_secrets(state.ended)}"
    if state.failed or state.ended:
        yield f"          tracebacks: {location}/failed"


def _how_to_go_on(found: RunResult) -> str:
    attempts = counted(found.missing * found.spec.budget.attempts_per_image, "more attempt")
    return f"Add `top_up=True` to try again: each time makes up to about {attempts}. {_OTHERWISE}"


def _how_to_make_more(found: RunResult) -> str:
    return f"To make more: synthgen run {found.folder} --top-up"


def _spent(short: Shortfall, spec: Spec) -> Iterator[str]:
    from synthgen.planning import shard_size_of

    # Full shards record no misses, so the cell may have had hits there.
    where = " in the shards that lack it" if spec.total > shard_size_of(spec) else ""
    if not short.attempts:
        yield "taken out by a reviewer"
    elif short.to_fill is None:
        yield f"0 of {short.attempts} attempts{where} passed"
    else:
        share = f"{short.hits} of {short.attempts} attempts{where} passed, {short.hits / short.attempts:.0%}"
        yield f"{share}: about {short.to_fill:.0f} more needed"
    if short.spare:
        yield f"{counted(short.spare, 'attempt')} beyond budget.attempts_per_image, to fill up the last batch"


def _causes(short: Shortfall, attributes: Mapping[str, Attribute]) -> Iterator[str]:
    """Show the outcomes of a cell's attempts, the most frequent first."""
    for key, count in list(short.misses.items())[:3]:
        if count >= _OFTEN * short.attempts:
            some = f"most ({count})" if 2 * count > short.attempts else str(count)
            some = some if count < short.attempts else "all"
            yield f"{some} {_came_to(key, 'was' if some == '1' else 'were', attributes)}"


def _came_to(key: str, was: str, attributes: Mapping[str, Attribute]) -> str:
    from synthgen.spec import NOT_APPLICABLE, UNKNOWN

    name, measured, value = key.partition("=")
    if not measured:
        return f"{was} rejected: {key}" if key in set(Reason) else f"failed: {key}"
    if value == UNKNOWN:
        return f"{was} {UNKNOWN!r}: attributes.{name}.abstain_below = {attributes[name].abstain_below:g}"
    return f"had {name} {NOT_APPLICABLE!r}" if value == NOT_APPLICABLE else f"showed {name} {value!r}"


def _unsure(shortfalls: Sequence[Shortfall], attributes: Mapping[str, Attribute]) -> str:
    """Say what to do about attributes that the judge often could not decide, where a cell is short."""
    from synthgen.spec import UNKNOWN

    return "".join(
        f"The judge often could not decide {name}: if the sheet shows that it was right, lower "
        f"attributes.{name}.abstain_below ({attribute.abstain_below:g}). "
        for name, attribute in attributes.items()
        if any(short.misses.get(f"{name}={UNKNOWN}", 0) >= max(1, _OFTEN * short.attempts) for short in shortfalls)
    )
