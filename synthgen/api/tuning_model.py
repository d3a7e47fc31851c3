"""The model of a tuning: found and checked, then loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthgen import bundled
from synthgen.errors import ModelError, UsageError
from synthgen.spec.model import BUNDLED_MODEL, PLUGIN

if TYPE_CHECKING:
    import torch

    from synthgen.api.tuning_arguments import TuneArguments
    from synthgen.families import PipelineCall
    from synthgen.models import ModelSource
    from synthgen.spec import ModelSpec
    from synthgen.tuning.denoiser import TunedDenoiser
    from synthgen.tuning.wording import ClassPrompts


@dataclass(frozen=True, slots=True, eq=False)
class TunableModel:
    """A model that can be tuned, before its weights are read."""

    named: ModelSpec
    source: ModelSource
    call: PipelineCall
    size: int


def find_model(asked: TuneArguments) -> TunableModel:
    """Find a model, and check that it can be tuned. Reads no weights.

    Raises:
        UsageError: it is named wrongly, or its images cannot have such a size.
        ModelError: there is no such model, or it cannot be tuned.
    """
    from pydantic import ValidationError

    from synthgen.api.trust import PinnedModel
    from synthgen.families import call_of
    from synthgen.models import is_folder
    from synthgen.models.parts import source_of
    from synthgen.spec import ModelSpec
    from synthgen.tuning.tunable import check_tunable, size_of
    from synthgen.tuning.words import check_teachable

    name = asked.model
    try:
        named = ModelSpec.model_validate({"id": name})
    except ValidationError as error:
        expected = error.errors(include_url=False)[0]["msg"]
        raise UsageError(f"expected {expected}, found {name!r}", argument="model") from error
    if name.startswith(PLUGIN):
        raise ModelError(f"{name}: generators of plug-ins cannot be tuned", hint="Name a model of diffusers.")
    source = source_of(named, None, own=bundled.GENERATOR if name == BUNDLED_MODEL else None)
    call = call_of(source.read_json)
    check_tunable(name, call.pipeline, source.read_json)
    if asked.word is not None:
        check_teachable(name, call.pipeline)
    if name != BUNDLED_MODEL:
        PinnedModel("folder" if is_folder(name) else "hub", "model", name, source.revision).remember()

    size = size_of(name, asked.size, call, source.read_json)
    return TunableModel(named, source, call, size)


def open_denoiser(
    asked: TuneArguments, model: TunableModel, prompts: ClassPrompts, device: torch.device, dtype: torch.dtype
) -> TunedDenoiser:
    """Load a model onto its device.

    Raises:
        ModelError, DeviceError: it cannot be loaded.
        UsageError: it has the word already that it is to learn, or does not find it in the prompts.
    """
    from synthgen.generating.pipelines import download, load
    from synthgen.tuning.denoisers import denoiser_of
    from synthgen.tuning.words import WordDenoiser

    download(model.named, model.source)
    pipeline = load(model.named, model.source, model.call, dtype).to(device)
    denoiser: TunedDenoiser
    if asked.word is None:
        denoiser = denoiser_of(model.call.pipeline)(pipeline, model.size, device, dtype)
    else:
        denoiser = taught = WordDenoiser(pipeline, model.size, device, dtype, asked.word)
        taught.check_read(prompts[asked.word.class_name])
    if asked.gradient_checkpointing:
        denoiser.network.enable_gradient_checkpointing()
    return denoiser


def dtype_of(precision: str, device: torch.device) -> torch.dtype:
    """Return the format of frozen weights on a device.

    Raises:
        UsageError: the device does not calculate in it.
    """
    from synthgen.models.memory import choose_dtype

    if precision == "auto" and device.type != "cuda":
        precision = "float32"
    if precision == "float16" and device.type != "cuda":
        what = f"{device.type} does not train in float16"
        raise UsageError(what, argument="precision", hint='Choose `precision="float32"`.')
    return choose_dtype(precision, device)
