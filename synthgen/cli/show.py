"""What commands print on stdout: for people, or as one JSON object."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from synthgen.cli.streams import encodable, printing_is_the_result
from synthgen.errors import QuotaNotMet
from synthgen.inert import INVISIBLE
from synthgen.records import Reason, Shortfall
from synthgen.redaction import without_secrets
from synthgen.store import layout

if TYPE_CHECKING:
    from synthgen.running import RunState
    from synthgen.spec import Attribute, Spec

_SHORTFALLS = 20
"""So many are printed; --json has all."""

_MORE = (
    "Add --top-up to try once more, or ask in a new run (-o) for what the model can draw, loosen the filters, or raise "
    "budget.attempts_per_image."
)
_OFTEN = 0.25
"""What became of this share of a cell's attempts is named as a cause of its shortfall."""


def print_result(result: Any, as_json: bool, *, rendered: bool = True) -> None:
    """What a run came to, which `rendered` images, or judged those of another."""
    tally = result.tally
    if as_json:
        print_json(
            folder=str(result.folder),
            dataset=str(result.dataset),
            sheet=str(result.sheet),
            made_now=result.fresh,
            images=result.summary.rows,
            attempted=tally.attempted,
            accepted=tally.accepted,
            missing=result.missing,
            shortfalls=[asdict(short) for short in result.shortfalls],
            seconds=result.seconds,
            classes={kind.name: asdict(kind) for kind in tally.classes},
            splits={split.name: split.rows for split in result.summary.splits},
        )
    else:
        if not result.fresh:
            print("all images are there; the dataset is written anew" if result.rebuilt else "all is done already")
        print_tally(tally)
        if rendered:
            print(f"made in   {duration(result.seconds)} of work, summed over the workers")
        print(f"dataset   {result.dataset}: " + ", ".join(f"{s.name} {s.rows}" for s in result.summary.splits))
        if result.summary.dropped:
            print(f"dropped   {counted(result.summary.dropped, 'image')} repeating one of another shard")
        print_shortfalls(result.shortfalls, result.spec)
        print(f"look at   {result.sheet}")
    if result.missing:
        raise QuotaNotMet(
            f"{counted(result.missing, 'image')} short of what was asked for",
            hint=_unsure(result.shortfalls, result.spec.attributes)
            + (_MORE if rendered else _more_of_rejudged(result)),
        )


def _more_of_rejudged(result: Any) -> str:
    if "://" in result.folder:  # `run` reads specs on this machine
        return f"To make more, copy {result.folder}/{layout.SPEC} here: synthgen run SPEC -o {result.folder} --top-up"
    return f"To make more: synthgen run {result.folder}/{layout.SPEC} -o {result.folder} --top-up"


def print_tally(tally: Any) -> None:
    share = f" ({tally.accepted / tally.attempted:.0%})" if tally.attempted else ""
    print(f"accepted  {tally.accepted} of {tally.attempted} attempts{share}")
    width = max((len(kind.name) for kind in tally.classes), default=0)
    for kind in tally.classes:
        wanted = f"/{kind.quota}" if kind.quota is not None else ""
        others = ", ".join(f"{reason} {number}" for reason, number in kind.others.items())
        line = f"  {kind.name:<{width}}  {kind.accepted}{wanted} of {kind.attempted}"
        print(f"{line}   {others}" if others else line)


def print_shortfalls(shortfalls: Sequence[Shortfall], spec: Spec) -> None:
    for short in shortfalls[:_SHORTFALLS]:
        print(f"short     {short.cell}: {short.missing} missing")
        for line in (*_spent(short, spec), *_causes(short, spec.attributes)):
            print(f"          {line}")
    if more := shortfalls[_SHORTFALLS:]:
        print(f"short     {len(more)} more cells: {sum(short.missing for short in more)} missing; --json names them")


def print_failures(state: RunState, location: str) -> None:
    """Print what keeps shards from being done: the cause of each that failed, and what ended the last worker."""
    from synthgen.running import grouped

    for line in grouped({shard: state.causes.get(shard, "no cause was kept") for shard in state.failed}):
        print(f"failed    {without_secrets(line)}")
    if state.ended:
        print(f"ended     the last worker that stopped early: {without_secrets(state.ended)}")
    if state.failed or state.ended:
        print(f"          tracebacks: {location}/failed")


def _spent(short: Shortfall, spec: Spec) -> Iterator[str]:
    # Of shards that are full, nothing is recorded: the cell may have had hits there.
    where = " in the shards that lack it" if spec.total > spec.output.shard_size else ""
    if short.to_fill is None:
        yield f"none of {short.attempts} attempts{where} gave one"
    else:
        share = f"{short.hits} of {short.attempts} attempts{where} gave one, {short.hits / short.attempts:.0%}"
        yield f"{share}: about {short.to_fill:.0f} more"
    if short.spare:
        yield f"{short.spare} of them beyond the budget: a batch keeps its size, and nothing more is taken"


def _causes(short: Shortfall, attributes: Mapping[str, Attribute]) -> Iterator[str]:
    """What the attempts at a cell came to instead, the most frequent first."""
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
    """What to do about attributes that the judge often abstained on, where a cell is short."""
    from synthgen.spec import UNKNOWN

    return "".join(
        f"The judge could often not tell {name}: if the sheet shows that it was right, lower "
        f"attributes.{name}.abstain_below ({attribute.abstain_below:g}). "
        for name, attribute in attributes.items()
        if any(short.misses.get(f"{name}={UNKNOWN}", 0) >= max(1, _OFTEN * short.attempts) for short in shortfalls)
    )


def print_json(**content: object) -> None:
    """For machines: the same content whatever stdout can encode, and nothing in it that a terminal would obey."""
    printing_is_the_result()
    text = json.dumps(content, indent=2, ensure_ascii=False)
    if not encodable(text):
        text = json.dumps(content, indent=2)
    print(INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def print_rounding(rounding: Any) -> None:
    """What whole images do to the shares asked for, where they do something."""
    if rounding.worst:
        name, attribute, value, asked, planned = rounding.worst
        print(f"rounded   images are whole: {planned:.1%} of {name} is {attribute} {value!r}; {asked:.1%} was asked")
    if rounding.empty:
        print(f"empty     {len(rounding.empty)} cell(s) with too small a share for one image: {rounding.empty[0]}, ..")


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 shard`, `2 shards`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
