"""What commands print on stdout: for people, or as one JSON object."""

import json
from dataclasses import asdict
from typing import Any

from synthgen.errors import QuotaNotMet


def print_result(result: Any, as_json: bool) -> None:
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
        print(f"made in   {duration(result.seconds)}")
        print(f"dataset   {result.dataset}: " + ", ".join(f"{s.name} {s.rows}" for s in result.summary.splits))
        if result.summary.dropped:
            print(f"dropped   {result.summary.dropped} image(s) that repeat one of another shard")
        print_shortfalls(result.shortfalls)
        print(f"look at   {result.sheet}")
    if result.missing:
        raise QuotaNotMet(
            f"{result.missing} image(s) short of what was asked for",
            hint="Add --top-up to try once more, or ask in a new run (-o) for what the model can draw, loosen the "
            "filters, or raise budget.attempts_per_image.",
        )


def print_tally(tally: Any) -> None:
    share = f" ({tally.accepted / tally.attempted:.0%})" if tally.attempted else ""
    print(f"accepted  {tally.accepted} of {tally.attempted} attempts{share}")
    width = max((len(kind.name) for kind in tally.classes), default=0)
    for kind in tally.classes:
        wanted = f"/{kind.quota}" if kind.quota is not None else ""
        others = ", ".join(f"{reason} {number}" for reason, number in kind.others.items())
        line = f"  {kind.name:<{width}}  {kind.accepted}{wanted} of {kind.attempted}"
        print(f"{line}   {others}" if others else line)


def print_shortfalls(shortfalls: Any) -> None:
    for short in shortfalls:
        spent = f"{short.attempts} attempts at it, of which {short.hits} gave one"
        forecast = f"filling it would take about {short.to_fill:.0f} more"
        print(f"short     {short.cell}: {short.missing} missing after {spent}; {forecast}")


def print_json(**content: object) -> None:
    print(json.dumps(content, indent=2, ensure_ascii=False))


def print_rounding(rounding: Any) -> None:
    """What whole images do to the shares asked for, where they do something."""
    if rounding.worst:
        name, attribute, value, asked, planned = rounding.worst
        print(f"rounded   images are whole: {planned:.1%} of {name} is {attribute} {value!r}; {asked:.1%} was asked")
    if rounding.empty:
        print(f"empty     {len(rounding.empty)} cell(s) with too small a share for one image: {rounding.empty[0]}, ..")


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
