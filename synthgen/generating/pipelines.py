"""Pipelines from a folder or the hub: download them, check them before reading weights, load them onto a device."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import diffusers
import torch
import transformers
from diffusers import DiffusionPipeline
from safetensors import SafetensorError

from synthgen.errors import ModelError, UsageError, first_line
from synthgen.families import PipelineCall
from synthgen.generating.quantizing import quantization_of
from synthgen.models.busy_hub import TRIES
from synthgen.models.device import device_error
from synthgen.models.door import ModelKind, open_model, open_scheduler
from synthgen.models.source import ModelSource, hub_failure, lacks_parts, missing_parts
from synthgen.spec import ModelSpec

T = TypeVar("T")


def download(model: ModelSpec, source: ModelSource) -> None:
    """Download everything that `load` needs of a hub model into the cache.

    Raises:
        ModelUnavailable: the hub cannot be reached.
        ModelError: the hub refuses it, or it is not a model that diffusers can load.
    """
    diffusers.utils.logging.set_verbosity_error()

    def downloaded() -> None:
        folder = open_model(ModelKind.PIPELINE_FILES, source.location, revision=source.revision, variant=model.variant)
        if absent := missing_parts(source):
            raise OSError(f"{folder} lacks {', '.join(absent)}")

    try:
        _patiently(source, downloaded)
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        raise hub_failure(error)(
            f"model {model.id} cannot be downloaded: {first_line(error)}",
            hint="Check model.id and the network; a gated model needs `hf auth login`.",
        ) from error


def _patiently(source: ModelSource, use: Callable[[], T]) -> T:
    """Use a model, which downloads it; try again if it fails while the hub has more of it than the cache.

    diffusers takes a hub that is busy for one that is away. It goes on with what the cache has of the model, and fails
    for the lack of a file.

    Raises:
        ModelUnavailable: the hub is busy or away, and parts of the model are missing.
    """
    for _ in range(TRIES - 1):
        try:
            return use()
        except (OSError, ValueError):
            if source.is_folder or not lacks_parts(source):
                raise
    return use()


def load(model: ModelSpec, source: ModelSource, call: PipelineCall, dtype: torch.dtype) -> DiffusionPipeline:
    """Load the pipeline into the CPU's memory, with the spec's scheduler and safety checker.

    Args:
        call: names the pipeline's class.

    Raises:
        UsageError: a file in the model's folder leads out of it.
        ModelError: the weights or the scheduler cannot be loaded.
        DeviceError: memory ran out.
    """
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    logging.getLogger("transformers").setLevel(logging.ERROR)

    options: dict[str, object] = {}
    if not model.safety_checker:
        options |= {"safety_checker": None, "requires_safety_checker": False}
    if not source.is_folder:
        options |= {"revision": source.revision}
    if quantization := quantization_of(model, source.read_json("model_index.json"), dtype):
        options |= {"quantization_config": quantization}
    where = Path(source.location) if source.is_folder else source.location

    def loaded() -> object:
        kind = {"pipeline": call.pipeline}
        return open_model(ModelKind.PIPELINE, where, dtype=dtype, variant=model.variant, **kind, **options)

    try:
        pipeline = _patiently(source, loaded)
    except (OSError, ValueError, ImportError, RuntimeError, SafetensorError, MemoryError) as error:
        raise device_error(error, f"loading model {model.id}") or ModelError(
            f"model {model.id} cannot be loaded: {first_line(error)}",
            hint="It must be a text-to-image pipeline of diffusers with safetensors weights.",
        ) from error
    assert isinstance(pipeline, DiffusionPipeline)
    if getattr(pipeline, "watermark", None) is not None:
        pipeline.watermark = None  # set only because a package happens to be installed
    if model.scheduler:
        _replace_scheduler(pipeline, model.scheduler)
    return pipeline


def size_of(pipeline: DiffusionPipeline, model: ModelSpec, call: PipelineCall) -> tuple[int, int]:
    """Return height and width of the images: the spec's, or else the model's own.

    Raises:
        UsageError: neither the spec nor the model has a size.
    """
    if model.size or (model.width and model.height):
        return model.height or model.size or 0, model.width or model.size or 0
    if call.size is not None:
        return call.size[1], call.size[0]
    latents, factor = (getattr(pipeline, name, None) for name in ("default_sample_size", "vae_scale_factor"))
    if isinstance(latents, int) and isinstance(factor, int):
        return latents * factor, latents * factor
    raise UsageError(f"model.size: {call.pipeline} does not say how large its images are", hint="Set model.size.")


def _replace_scheduler(pipeline: DiffusionPipeline, name: str) -> None:
    try:
        scheduler = open_scheduler(name, pipeline.scheduler.config)
    except (ImportError, ValueError) as error:  # it needs another package, or other settings than the model's
        raise ModelError(
            f"scheduler {name} cannot be used: {first_line(error)}",
            hint="Check model.scheduler; without it, the model's own scheduler is used.",
        ) from error
    if scheduler is None:
        raise ModelError(f"diffusers has no scheduler {name!r}", hint="Check model.scheduler.")
    pipeline.scheduler = scheduler
