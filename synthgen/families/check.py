"""Everything about a model and its settings that can be found wrong before its weights are read."""

from collections.abc import Collection, Iterator

from synthgen.errors import ModelError, ModelUnavailable, UsageError
from synthgen.families.call import PipelineCall
from synthgen.families.components import component_problems
from synthgen.families.encoders import text_problems
from synthgen.families.folder import channel_problems, file_problems, folder_problems
from synthgen.families.memory import backbone_of, memory_problems
from synthgen.families.resolve import call_of
from synthgen.families.schedulers import scheduler_problems
from synthgen.families.tasks import TEXT_TO_IMAGE
from synthgen.models.assembled import is_modular
from synthgen.models.remote_code import check_not_shadowed
from synthgen.models.source import ModelSource
from synthgen.spec import FixedModel, ModelSpec, choices_of, each_of, fixed, variants_of

_REMOVE = "Remove what it does not take from the spec, or choose another model."
_HINTS = {
    "id": "Download the model again, or choose another one in model.id.",
    "variant": "Check model.variant.",
    "components": "Choose components that were made for this pipeline.",
    "config": "Name the settings of the model that the file was made from.",
    "scheduler": "Without model.scheduler, the model's own is used.",
}
"""What helps where the model itself is the trouble."""


def checked_call(
    model: ModelSpec, source: ModelSource, written: Collection[str], task: str = TEXT_TO_IMAGE, *, led: bool = False
) -> PipelineCall:
    """Find out how a model is called, and refuse settings that cannot act. Reads no weights.

    Args:
        written: the keys of `model` that the spec's author set.
        task: what the model is to do, as a spec names it.
        led: whether pictures lead it besides.

    Raises:
        ModelError: it does not do that, or its folder lacks something.
        ModelUnavailable: neither the hub nor its cache has the model's index now.
        UsageError: keys cannot act, besides or alone; every one is named. Or a folder has the name of a hub model.
    """
    if not source.is_folder:
        check_not_shadowed(source.location)
        if not source.read_json("model_index.json"):
            what = f"model {source.location}: its model_index.json cannot be read from the hub, and is not in the cache"
            raise ModelUnavailable(what, hint="Try again where the hub can be reached, or download the model first.")
    call = call_of(source.read_json, task, led=led)
    if problems := list(_problems(call, model, source, written)):
        keys = list(dict.fromkeys(key.partition(".")[0] for key, _ in problems))
        fits = any(": pip install " not in why for _, why in problems)
        hints = dict.fromkeys(_HINTS.get(key, _REMOVE) for key in keys) if fits else ["Install it, or remove the key."]
        kind = ModelError if all(key in _HINTS for key in keys) else UsageError
        raise kind("\n".join(f"model.{key}: {why}" for key, why in problems), hint=" ".join(hints))
    return call


def _problems(
    call: PipelineCall, model: ModelSpec, source: ModelSource, written: Collection[str]
) -> Iterator[tuple[str, str]]:
    yield from _setting_problems(call, model, source, written)
    yield from text_problems(call, source.read_json, model)
    guided = any(call.is_guided(each, written) for each in variants_of(model))
    yield from memory_problems(call, source.read_json, model, guided=guided)
    yield from _opened_as_they_are(model, source)
    yield from component_problems(source)
    yield from channel_problems(call, source.read_json)
    if source.checkpoint is not None:
        yield from file_problems(call, source)
    elif source.is_folder:  # what the cache has of a hub model may be a part of it
        yield from folder_problems(call, source, model.variant)


def _setting_problems(
    call: PipelineCall, model: ModelSpec, source: ModelSource, written: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Check every value of every choice. What is wrong with one of them has its place: `guidance.1`."""

    def found(settings: FixedModel) -> dict[tuple[str, str], None]:
        scheduler = scheduler_problems(
            call, source.read_json, settings.scheduler, settings.scheduler_config, settings.steps
        )
        return dict.fromkeys([*call.problems(settings, written), *scheduler])

    common = found(fixed(model))
    for key in choices_of(model):
        of_values = [found(settings) for settings in each_of(model, key)]
        shared = {problem for problem in of_values[0] if all(problem in each for each in of_values)}
        for place, problems in enumerate(of_values):
            own = [problem for problem in problems if problem not in shared]
            yield from ((f"{key}.{place}", why if _is_of(at, key) else f"{at}: {why}") for at, why in own)
        common = {problem: None for problem in common if problem in shared}
    yield from common


def _opened_as_they_are(model: ModelSpec, source: ModelSource) -> Iterator[tuple[str, str]]:
    """Find weights that the spec quantises, and that are opened in ways that know nothing of it."""
    if model.quantization is None:
        return
    index = source.read_json("model_index.json")
    if source.checkpoint is not None or is_modular(source):
        what = "a checkpoint in one file" if source.checkpoint is not None else "a modular pipeline"
        yield "quantization", f"{what} is opened as it is: save it as the folder of a pipeline first"
    for name in set(model.quantization.parts or (backbone_of(index),)) & set(model.components):
        yield "quantization", f"{name} is another component, and opened as it is: name one that is already quantised"


def _is_of(at: str, key: str) -> bool:
    """Whether a problem at one key of `model` is one of a choice."""
    return at == key or (key == "size" and at in ("width", "height"))


def own_size(source: ModelSource) -> tuple[int, int] | None:
    """Return width and height of the images that a model makes unless it is asked for others.

    Reads a folder, or the hub's cache; downloads nothing. None where the files are not there or do not say.
    """
    try:
        return call_of(source.read_cached).size
    except ModelError:
        return None
