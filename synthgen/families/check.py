"""Everything about a model and its settings that can be found wrong before its weights are read."""

from collections.abc import Collection, Iterator
from pathlib import Path

from synthgen.errors import UsageError
from synthgen.families.call import PipelineCall, call_of
from synthgen.families.folder import folder_problems
from synthgen.families.schedulers import scheduler_problems
from synthgen.models.source import ModelSource, cached_folder
from synthgen.spec import ModelSpec


def checked_call(model: ModelSpec, source: ModelSource, written: Collection[str]) -> PipelineCall:
    """Find out how a model is called, and refuse settings that cannot act. Reads no weights.

    Args:
        written: the keys of `model` that the spec's author set.

    Raises:
        UsageError: it does not make images from text, its folder lacks something, or a key cannot act; every such key
            is named.
    """
    call = call_of(source.read_json)
    if problems := [f"model.{key}: {why}" for key, why in _problems(call, model, source, written)]:
        hint = "Remove what it does not take from the spec, or choose another model."
        raise UsageError("\n".join(problems), hint=hint)
    return call


def _problems(
    call: PipelineCall, model: ModelSpec, source: ModelSource, written: Collection[str]
) -> Iterator[tuple[str, str]]:
    yield from call.problems(model, written)
    yield from scheduler_problems(call, source.read_json, model.scheduler)
    folder = Path(source.location) if source.is_folder else cached_folder(source)
    if folder is not None:
        yield from folder_problems(call, source.read_json, folder, model.variant)


def own_size(source: ModelSource) -> tuple[int, int] | None:
    """Return width and height of the images that a model makes unless it is asked for others.

    Reads a folder, or the hub's cache; downloads nothing. None where the files are not there or do not say.
    """
    try:
        return call_of(source.read_cached).size
    except UsageError:
        return None
