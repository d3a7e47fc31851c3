"""`synthgen show`: everything that a run has of single attempts."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from synthgen.cli.answer import Answer
from synthgen.cli.command import command
from synthgen.cli.options import RunArgument
from synthgen.cli.pictures import Picture, check_picture, write_pictures
from synthgen.cli.units import counted
from synthgen.errors import UsageError
from synthgen.redaction import without_secrets
from synthgen.spec import on_one_line

if TYPE_CHECKING:
    from synthgen.api.showing import Attempt
    from synthgen.running.recorded import RowPlace


@command
def show(
    location: RunArgument,
    image_ids: Annotated[list[str], typer.Argument(metavar="ID...", help="IDs of attempts, such as 00000-000012.")],
    path: Picture = None,
) -> Answer:
    """Show all that a run has of an attempt. Prompt, seed, scores, verdict, why, its files and its picture."""
    from synthgen.api.showing import show

    check_picture(path, image_ids)
    found = show(location, image_ids)
    written = write_pictures(path, {one.id: one.png for one in found})
    result = {"attempts": [_result(one, written.get(one.id)) for one in found]}
    lines = [line for one in found for line in ("", *_lines(one, location, written.get(one.id)))][1:]
    without = [one for one in found if path is not None and one.png is None]
    return Answer(
        result=result,
        lines=lines,
        error=_no_picture(without, location) if without else None,
        is_printing=path is None,
    )


def _result(attempt: "Attempt", written: str | None) -> dict[str, object]:
    content = asdict(replace(attempt, png=None))
    content["class"] = content.pop("class_name")
    content["has_picture"] = attempt.png is not None
    del content["png"]
    return content | {"picture": written}


def _no_picture(without: "list[Attempt]", location: str) -> UsageError:
    names = ", ".join(one.id for one in without[:5]) + (" and others" if len(without) > 5 else "")
    made = [one for one in without if one.verdict != "failed"]
    if not made:
        return UsageError(f"the model gave no picture: {names}", argument="path", hint="`message` says why.")
    hint = f"Make it again: synthgen replay {location} {made[0].id} -o {made[0].id}.png"
    return UsageError(f"the pixels were not kept: {names}", argument="path", hint=hint)


def _lines(attempt: "Attempt", location: str, written: str | None) -> Iterator[str]:
    reason = f": {attempt.reason}" if attempt.reason else ""
    verdict = f"{attempt.verdict or 'not judged yet'}{reason}"
    yield "  ".join(filter(None, (attempt.id, attempt.class_name, verdict)))
    yield f"why       {without_secrets(attempt.why)}"
    if not attempt.is_committed:
        yield f"          shard {attempt.shard} is not committed yet: its attempts are judged again when it is finished"
    yield f"prompt    {attempt.prompt}"
    if attempt.negative_prompt:
        yield f"negative  {attempt.negative_prompt}"
    if attempt.template is not None:
        yield f"template  {attempt.template}"
    for name, value in attempt.variables.items():
        yield f"variable  {name}: {value}"
    if attempt.settings:
        yield f"settings  {on_one_line(attempt.settings)}"
    if attempt.source is not None:
        label = f" ({attempt.source_label})" if attempt.source_label is not None else ""
        yield f"source    {attempt.source}{label}"
    for name, kept in attempt.kept.items():
        yield f"kept      {name}: {'nothing' if kept is None else kept}"
    yield f"seed      {attempt.seed}"
    yield from (f"then      {stage}" for stage in attempt.then)
    if attempt.cell_aimed is not None:
        yield f"cell      aimed at {attempt.cell_aimed}, fills {attempt.cell_filled or 'none'}"
    yield from _score_lines(attempt)
    for name, answer in attempt.answers.items():
        shares = ", ".join(f"{each} {share:.3g}" for each, share in attempt.posteriors.get(name, {}).items())
        yield f"measured  {name}: {answer}" + (f" ({shares})" if shares else "")
    yield f"time      {attempt.seconds:.3g} s, in a batch of {counted(attempt.batch_size, 'attempt')}"
    yield from _place_lines(attempt)
    yield f"picture   {_picture(attempt, location, written)}"


def _score_lines(attempt: "Attempt") -> Iterator[str]:
    """Show each score, and every rule beside the score that it limits."""
    limited = {rule.score for rule in attempt.rules}
    for rule in attempt.rules:
        yield f"score     {rule.sentence}" + ("" if rule.passed else ": FAILS")
    for name, value in attempt.scores.items():
        if name not in limited:
            yield f"score     {name} is {value:.4g}" if value is not None else f"score     {name} was not measured"


def _place_lines(attempt: "Attempt") -> Iterator[str]:
    places = {"ledger": attempt.ledger, "images": attempt.images, "journal": attempt.journal}
    for name, place in places.items():
        if place is not None:
            yield f"{name:<10}{_at(place)}"
    if attempt.dataset is not None:
        yield f"dataset   {_at(attempt.dataset)}, split {attempt.split}"
    elif attempt.verdict == "accepted":
        yield "dataset   not found in it: not built yet, left out as a duplicate, or of another format"


def _at(place: "RowPlace") -> str:
    return f"{place.file}, row {place.row}"


def _picture(attempt: "Attempt", location: str, written: str | None) -> str:
    if written is not None:
        return written
    if attempt.png is not None:
        return f"kept; to write it: synthgen show {location} {attempt.id} -o {attempt.id}.png"
    if attempt.verdict == "failed":
        return "none: the model gave no image"
    return f"not kept; to make it again: synthgen replay {location} {attempt.id} -o {attempt.id}.png"
