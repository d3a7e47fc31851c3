"""Whether what a spec asks of its model can act: found out from the model's files, without its weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from synthgen.api.controls import check_controls
from synthgen.api.long_texts import HINT, TextLengthError, long_texts, source_here
from synthgen.api.negatives import KEY as NEGATIVE
from synthgen.api.negatives import in_its_place, model_asked
from synthgen.api.references import check_references
from synthgen.api.stages import check_stages, stages_here
from synthgen.errors import ModelError, SynthgenError, UsageError
from synthgen.spec import Spec, Violation, choices_of, sizes_of
from synthgen.spec.preset import GUIDANCE

if TYPE_CHECKING:
    from synthgen.families import PipelineCall
    from synthgen.models import ModelSource


def placed(error: SynthgenError, spec: Spec) -> Iterator[tuple[Violation, str]]:
    """Give each line of a message that begins with a key of `model` its place in the spec, with a hint.

    What is said of a key that the spec does not have is placed at the model.
    """
    if isinstance(error, TextLengthError):
        yield from ((finding, HINT) for finding in error.findings)
        return
    if error.message.startswith(("source.", "canvas.")):
        key, _, why = "; ".join(map(str.strip, error.message.splitlines())).partition(": ")
        yield Violation(tuple(key.split(".")), why), error.hint or ""
        return
    for line in error.message.splitlines():
        if line.startswith(("control", "reference", "then")):
            key, _, why = line.partition(": ")
            yield (
                Violation(tuple(int(part) if part.isdigit() else part for part in key.split(".")), why),
                error.hint or "",
            )
            continue
        if line.startswith("classes.") and (of := f".{NEGATIVE}: ") in line:
            name, _, why = line.removeprefix("classes.").partition(of)
            yield Violation(("classes", name, NEGATIVE), why), error.hint or ""
            continue
        key, _, why = line.removeprefix("model.").partition(": ")
        if key.partition(".")[0] == "guidance" and spec.preset and choices_of(spec.model).get("guidance") == GUIDANCE:
            why += f" (preset: {spec.preset} sets guidance; write another model.guidance, which wins)"
        named = line.startswith("model.") and key.partition(".")[0] in spec.model.model_fields_set
        path = tuple(int(part) if part.isdigit() else part for part in key.split("."))
        yield Violation(("model", *path), why) if named else Violation(("model", "id"), line), error.hint or ""


def unfit(spec: Spec) -> Iterator[tuple[Violation, str]]:
    """Find keys that cannot act, and prompts that are too long, for a model in a folder."""
    source = source_here(spec)
    if source is None or not source.is_folder:
        return
    try:
        call = call_of_spec(spec, source)
    except (ModelError, UsageError) as error:
        yield from placed(error, spec)
        return
    yield from ((finding, HINT) for finding in long_texts(spec, call, source).findings)
    try:
        check_canvas(spec, call.size)
        here = stages_here(spec)
        if all(other is None or other.is_folder for other in here):
            list(check_stages(spec, call, source, here))
    except (ModelError, UsageError) as error:
        yield from placed(error, spec)


def check_canvas(spec: Spec, own: tuple[int, int] | None) -> None:
    """Check that margins leave room for a picture.

    Args:
        own: width and height of the model's images, where the spec says none.

    Raises:
        UsageError: they do not.
    """
    if spec.canvas is None or (margins := spec.canvas.margins) is None:
        return
    for width, height in [*sizes_of(spec.model)] or ([own] if own else []):
        if min(width - margins.left - margins.right, height - margins.top - margins.bottom) < 1:
            what = f"canvas.margins: they leave no room for a picture on an image of {width} x {height} pixels"
            raise UsageError(what, hint="Make them smaller, or set a larger model.size.")


def call_of_spec(spec: Spec, source: ModelSource) -> PipelineCall:
    """Find out how the model of a spec is called, and refuse keys that cannot act.

    Raises:
        UsageError: a key cannot act.
        ModelError: it does not make images from text, or its folder lacks something.
    """
    from synthgen.families import checked_call

    model = model_asked(spec)
    try:
        call = checked_call(model, source, model.model_fields_set, spec.task, led=bool(spec.control))
    except UsageError as error:
        raise in_its_place(error, spec) from None
    check_controls(spec, call, source)
    check_references(spec, call, source)
    return call
