"""Everything about a model and its settings that can be found wrong before its weights are read."""

from collections.abc import Collection, Iterator
from pathlib import Path

from synthgen.errors import ModelError, ModelUnavailable, UsageError
from synthgen.families.call import PipelineCall
from synthgen.families.encoders import text_problems
from synthgen.families.folder import folder_problems
from synthgen.families.resolve import call_of
from synthgen.families.schedulers import scheduler_problems
from synthgen.models.remote_code import check_not_shadowed
from synthgen.models.source import ModelSource
from synthgen.spec import ModelSpec

_REMOVE = "Remove what it does not take from the spec, or choose another model."
_HINTS = {
    "id": "Download the model again, or choose another one in model.id.",
    "variant": "Check model.variant.",
    "scheduler": "Without model.scheduler, the model's own is used.",
}
"""What helps where the model itself is the trouble."""


def checked_call(model: ModelSpec, source: ModelSource, written: Collection[str]) -> PipelineCall:
    """Find out how a model is called, and refuse settings that cannot act. Reads no weights.

    Args:
        written: the keys of `model` that the spec's author set.

    Raises:
        ModelError: it does not make images from text, or its folder lacks something.
        ModelUnavailable: neither the hub nor its cache has the model's index now.
        UsageError: keys cannot act, besides or alone; every one is named. Or a folder has the name of a hub model.
    """
    if not source.is_folder:
        check_not_shadowed(source.location)
        if not source.read_json("model_index.json"):
            what = f"model {source.location}: its model_index.json cannot be read from the hub, and is not in the cache"
            raise ModelUnavailable(what, hint="Try again where the hub can be reached, or download the model first.")
    call = call_of(source.read_json)
    if problems := list(_problems(call, model, source, written)):
        keys = list(dict.fromkeys(key for key, _ in problems))
        hints = dict.fromkeys(_HINTS.get(key, _REMOVE) for key in keys)
        kind = ModelError if all(key in _HINTS for key in keys) else UsageError
        raise kind("\n".join(f"model.{key}: {why}" for key, why in problems), hint=" ".join(hints))
    return call


def _problems(
    call: PipelineCall, model: ModelSpec, source: ModelSource, written: Collection[str]
) -> Iterator[tuple[str, str]]:
    yield from call.problems(model, written)
    yield from text_problems(call, source.read_json, model)
    yield from scheduler_problems(call, source.read_json, model.scheduler, model.steps)
    if source.is_folder:  # what the cache has of a hub model may be a part of it
        yield from folder_problems(call, source.read_json, Path(source.location), model.variant)


def own_size(source: ModelSource) -> tuple[int, int] | None:
    """Return width and height of the images that a model makes unless it is asked for others.

    Reads a folder, or the hub's cache; downloads nothing. None where the files are not there or do not say.
    """
    try:
        return call_of(source.read_cached).size
    except ModelError:
        return None
