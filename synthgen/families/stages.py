"""The later stages of a spec: which model draws each, how it is called, and which settings could not act."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from synthgen.errors import ModelError, SynthgenError, UsageError
from synthgen.families.call import PipelineCall, keys_that_differ
from synthgen.families.check import checked_call
from synthgen.families.tasks import IMAGE_TO_IMAGE
from synthgen.models.source import ModelSource
from synthgen.spec import (
    STRENGTH,
    UPSCALE,
    ModelSpec,
    ThenSpec,
    enlarged_choice,
    final_sizes,
    sizes_of,
    variants_of,
)

_LARGEST = 8192
"""Pixels of the longest side that an image may have."""
_KEYS = {"id": "model", "size": "scale", "width": "scale", "height": "scale"}
"""What a stage calls a key of `model`."""
_OWN = ("model", "variant", "scale", "strength", "steps", "guidance")
_OF_DEVICE = ("dtype", "batch_size", "safety_checker", "vae_slicing", "vae_tiling", "offload")
"""The keys of `model` that hold for a stage's own model, too."""
_OF_FIRST: Mapping[str, object] = {"guidance_interval": None, "image_guidance": None, "compile": "off"}
"""The keys of `model` that act on the first stage alone."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A later stage in which a model draws.

    Attributes:
        then: what the spec says.
        before: the stages before it.
        task: what the model does.
        model: its settings, as of a spec's own model; the size is that after the stage.
        source: where it is.
        call: how it is called.
        shared: whether it is the spec's own model.
    """

    then: ThenSpec
    before: tuple[ThenSpec, ...]
    task: str
    model: ModelSpec
    source: ModelSource
    call: PipelineCall
    shared: bool

    def size_of(self, size: int | str) -> int | str:
        """Return a size of `model.size` as images have it after the stage."""
        return enlarged_choice(size, (*self.before, self.then))

    def notes(self) -> Iterator[str]:
        """Say what works, and may not be what the spec's author expects."""
        yield from dict.fromkeys(
            note for each in variants_of(self.model) for note in self.call.notes(each, keys_that_differ(self.model))
        )


def stage_of(
    model: ModelSpec,
    stages: Sequence[ThenSpec],
    index: int,
    source: ModelSource,
    own: tuple[int, int] | None,
    shared: bool,
) -> Stage:
    """Find out how the model of a later stage is called, and refuse keys that cannot act. Reads no weights.

    Args:
        model: that of the spec, with its negative prompt.
        stages: all of the spec.
        source: where the stage's model is.
        own: width and height of the first stage's images, where the spec says none.
        shared: whether it is the spec's own model.

    Raises:
        UsageError, ModelError: as `checked_call`; each line begins with a key of the stage.
    """
    then, before = stages[index], tuple(stages[:index])
    at = "then" if len(stages) == 1 else f"then.{index}"
    task = UPSCALE if then.task == UPSCALE else IMAGE_TO_IMAGE
    asked = _settings(model, (*before, then), own, shared=shared)
    if shared and model.cache is not None:
        what = "steps taken over from earlier ones would not know that another picture is drawn"
        raise UsageError(f"{at}: {what}: remove model.cache", hint="Or name another model in `then`.")
    try:
        call = checked_call(asked, source, keys_that_differ(asked), task)
        if model.negative_prompt and call.negative and _guided(call, asked):
            asked = asked.model_copy(update={"negative_prompt": model.negative_prompt})
    except (UsageError, ModelError) as error:
        raise _placed(error, at) from None
    if problems := list(_sizes(then, before, call, sizes_of(model) or ({own: 1.0} if own else {}))):
        raise UsageError("\n".join(f"{at}.scale: {why}" for why in problems), hint="Set another scale or model.size.")
    return Stage(then, before, task, asked, source, call, shared)


def _settings(
    model: ModelSpec, stages: tuple[ThenSpec, ...], own: tuple[int, int] | None, *, shared: bool
) -> ModelSpec:
    """Return the settings of a stage as those of a model: its own keys, and of `model` what holds for it."""
    then = stages[-1]
    size: object = model.size
    if model.width and model.height:
        size = f"{model.width}x{model.height}"
    elif size is None and own is not None:
        size = f"{own[0]}x{own[1]}"
    if isinstance(size, Mapping):
        size = {enlarged_choice(one, stages): weight for one, weight in size.items()}
    elif isinstance(size, int | str):
        size = enlarged_choice(size, stages)

    changed = {
        "size": size,
        "width": None,
        "height": None,
        "steps": model.steps if then.steps is None else then.steps,
        "guidance": model.guidance if then.guidance is None else then.guidance,
        "strength": None if then.task == UPSCALE else then.strength or STRENGTH,
        "negative_prompt": None,
    }
    if shared:
        return model.model_copy(update={**_OF_FIRST, **changed})
    named = {"id": then.model, "revision": then.revision, "variant": then.variant}
    held = {key: getattr(model, key) for key in _OF_DEVICE}
    return ModelSpec(id=str(then.model)).model_copy(update={**named, **held, **changed})


def _guided(call: PipelineCall, model: ModelSpec) -> bool:
    return any(call.is_guided(each, keys_that_differ(model)) for each in variants_of(model))


def _sizes(
    then: ThenSpec, before: tuple[ThenSpec, ...], call: PipelineCall, sizes: Mapping[tuple[int, int], float]
) -> Iterator[str]:
    """Say why the sizes of images cannot be what a stage makes of them."""
    if (factor := call.task.only.get(call.pipeline)) is not None:
        if then.grows != factor:
            yield f"{call.pipeline} enlarges {factor} times: set {factor}, not {then.grows:g}"
        for width, height in final_sizes(sizes, before):
            if width % 8 or height % 8:
                yield f"{call.pipeline} takes sides that are multiples of 8, not {width} x {height}"
    for width, height in final_sizes(sizes, (*before, then)):
        if max(width, height) > _LARGEST:
            yield f"images would have {width} x {height} pixels: expected at most {_LARGEST:,} on a side"


def _placed(error: SynthgenError, at: str) -> SynthgenError:
    """Say of each key of `model` which key of the stage it comes from."""

    def said(line: str) -> str:
        key, _, why = line.removeprefix("model.").partition(": ")
        name = _KEYS.get(key.partition(".")[0], key.partition(".")[0])
        return f"{at}.{name}: {why}" if name in _OWN else f"{at}: {line}"

    lines = (said(line) if line.startswith("model.") else f"{at}.model: {line}" for line in error.message.splitlines())
    return type(error)("\n".join(lines), hint=error.hint)
