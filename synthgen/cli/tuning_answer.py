"""The answer of `synthgen tune`: what is printed, and the reason for exit code 4."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from synthgen.cli.answer import Answer
from synthgen.cli.cells import shown
from synthgen.cli.units import counted
from synthgen.errors import GateFailed, GateUndecided

if TYPE_CHECKING:
    from synthgen.api.tuned import Tuned


def answer_of_tuning(made: "Tuned") -> Answer:
    """Show what the adapter is, its losses, what it memorised, and how a spec names it."""
    return Answer(result=made.to_dict(), lines=[*_lines(made)], error=_broken(made))


def _broken(made: "Tuned") -> GateFailed | None:
    """Return how the limit on what is memorised was broken; None if it holds."""
    if (failure := made.failure) is None:
        return None
    if made.is_undecided:
        hint = "Give more training images, such that some are alike, or another `judge` that tells them apart."
        return GateUndecided(f"memorised: {failure}", hint=hint)
    hint = f"Look at nearest.png; give more images, a smaller rank, or fewer steps than {made.record['best_step']}."
    return GateFailed(f"memorised: {failure}", hint=hint)


def _lines(made: "Tuned") -> Iterator[str]:
    from synthgen.tuning.document import memorised_lines
    from synthgen.tuning.folder import NEAREST, RECORD, SAMPLES

    record = made.record
    images, near = record["images"], record["memorisation"]
    assert isinstance(images, Mapping)
    uses = [each["use"] for each in images["files"]]
    held = uses.count("held out")
    classes = ", ".join(f"{count} {shown(name)}" for name, count in images["classes"].items())
    yield f"adapter   {made.folder}"
    yield f"sha256    {made.sha256}"
    yield f"images    {counted(len(uses) - held, 'image')} for training, {held} held out: {classes}"
    for reason, count in images["left_out"].items():
        yield f"left out  {counted(count, 'image')} {reason}"
    yield from _losses(record)
    if isinstance(near, Mapping):
        for number, line in enumerate(memorised_lines(near)):
            yield f"{'' if number else 'memorised':<9} {line}"
        yield f"          The closest pairs: {made.folder / NEAREST}"
    yield f"samples   {made.folder / SAMPLES}"
    yield f"figures   {made.folder / RECORD}"
    yield "in a spec, with a guidance of 1.5 to 2:"
    yield f"  {made.snippet}"


def _losses(record: Mapping[str, object]) -> Iterator[str]:
    losses, best = record["losses"], record["best_step"]
    assert isinstance(losses, list)
    first, kept = losses[0], next(each for each in losses if each["step"] == best)
    if first["held_out"] is None:
        yield f"loss      {kept['training']:.4f} in training after {best:,} steps; no image was held out"
        return
    yield f"loss      {kept['held_out']:.4f} on held-out images after {best:,} steps, {first['held_out']:.4f} before"
    if kept["held_out"] >= first["held_out"]:
        yield "note      the loss on held-out images did not fall: give more images, or fewer steps"
