"""Pipelines from a folder or the hub: download them, check them before reading weights, load them onto a device."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import diffusers
import torch
import transformers
from diffusers import DiffusionPipeline, SchedulerMixin
from torch import nn

from synthgen.errors import ModelError, UsageError, first_line
from synthgen.families import PipelineCall
from synthgen.generating.control import open_controls
from synthgen.generating.loading_errors import check_set, loading_errors
from synthgen.generating.parts import open_part
from synthgen.generating.quantizing import quantization_of
from synthgen.generating.reference import add_ip_adapters, open_image_encoder
from synthgen.models.assembled import is_modular, settings_alone
from synthgen.models.busy_hub import TRIES
from synthgen.models.door import ModelKind, open_model, open_scheduler
from synthgen.models.part_source import CheckpointFile, PartSource
from synthgen.models.parts import fetch_parts
from synthgen.models.source import ModelSource, hub_failure, lacks_parts, missing_parts
from synthgen.spec import FixedModel, ModelSpec

T = TypeVar("T")


def download(model: ModelSpec, source: ModelSource) -> None:
    """Download everything that `load` needs of the hub into the cache.

    Raises:
        ModelUnavailable: the hub cannot be reached.
        ModelError: the hub refuses it, or it is not a model that diffusers can load.
    """
    fetch_parts(source)
    if source.is_folder or source.checkpoint is not None or is_modular(source):
        return
    diffusers.utils.logging.set_verbosity_error()
    without = [part.name for part in source.parts]

    def downloaded() -> None:
        options = {"revision": source.revision, "variant": model.variant, "without": without}
        folder = open_model(ModelKind.PIPELINE_FILES, source.location, **options)
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
    """Load the pipeline into the CPU's memory, with its own scheduler and the spec's safety checker.

    Args:
        call: names the pipeline's class.

    Raises:
        UsageError: a file in the model's folder leads out of it.
        ModelError: the weights cannot be loaded.
        DeviceError: memory ran out.
    """
    _quieten()
    with loading_errors(f"model {model.id}"):
        pipeline = _opened(model, source, call, dtype)
        add_ip_adapters(pipeline, source)
    if getattr(pipeline, "watermark", None) is not None:
        pipeline.watermark = None  # set only because a package happens to be installed
    for part in pipeline.components.values():
        if isinstance(part, nn.Module):
            part.eval()  # diffusers leaves the T5 of a checkpoint in one file in training: its dropout would act
    return pipeline


def _quieten() -> None:
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    logging.getLogger("transformers").setLevel(logging.ERROR)


def _opened(model: ModelSpec, source: ModelSource, call: PipelineCall, dtype: torch.dtype) -> DiffusionPipeline:
    """Open the pipeline, with the components that take the place of its own."""
    fetch_parts(source)
    parts = {part.name: open_part(part, source, dtype) for part in source.parts}
    if call.control is not None:
        parts |= open_controls(source, call.control, dtype)
    parts |= open_image_encoder(source, call.pipeline, dtype)
    options: dict[str, object] = {"pipeline": call.pipeline, "dtype": dtype, "parts": parts}
    if source.checkpoint is not None:
        return _from_file(source.checkpoint, source, options)
    options |= {"variant": model.variant}
    if not model.safety_checker:
        options |= {"safety_checker": None, "requires_safety_checker": False}
    if is_modular(source):
        options["parts"] = parts | _own_parts(source, dtype, model.variant)
        with settings_alone(source) as folder:
            return _checked(open_model(ModelKind.PIPELINE, folder, **options))
    if not source.is_folder:
        options |= {"revision": source.revision}
    if quantization := quantization_of(model, source.read_json("model_index.json"), dtype):
        options |= {"quantization_config": quantization}
    where = Path(source.location) if source.is_folder else source.location
    return _checked(_patiently(source, lambda: open_model(ModelKind.PIPELINE, where, **options)))


def _own_parts(source: ModelSource, dtype: torch.dtype, variant: str | None) -> dict[str, object]:
    """Open the models of a modular pipeline: diffusers opens them together only by the blocks."""
    replaced, found = {part.name for part in source.parts}, {}
    for name in source.read_json("model_index.json"):
        folder = source.cached_part(name)
        if folder is not None and name not in replaced and any(folder.glob("*.safetensors")):
            part = PartSource(name, source.location, source.revision, name)
            found[name] = open_part(part, source, dtype, variant)
    return found


def _from_file(file: CheckpointFile, source: ModelSource, options: Mapping[str, object]) -> DiffusionPipeline:
    with settings_alone(source) as folder:
        pipeline = _checked(open_model(ModelKind.CHECKPOINT, file.path, config=folder, **options))
    for name, part in pipeline.components.items():
        if isinstance(part, nn.Module):
            check_set(f"model {file.path}", name, part)
    return pipeline


def _checked(opened: object) -> DiffusionPipeline:
    assert isinstance(opened, DiffusionPipeline)
    return opened


def size_of(pipeline: DiffusionPipeline, model: FixedModel, call: PipelineCall) -> tuple[int, int]:
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


def scheduler_of(pipeline: DiffusionPipeline, name: str | None, settings: Mapping[str, object]) -> SchedulerMixin:
    """Make a scheduler with the settings of the pipeline's own.

    Args:
        name: its class; None for that of the pipeline's own.
        settings: those that take the place of the pipeline's.

    Raises:
        ModelError: it cannot be made.
    """
    name = name or type(pipeline.scheduler).__name__
    try:
        scheduler = open_scheduler(name, pipeline.scheduler.config, settings)
    except (ImportError, ValueError, NotImplementedError) as error:  # it needs a package, or other settings
        raise ModelError(
            f"scheduler {name} cannot be used: {first_line(error)}",
            hint="Check model.scheduler; without it, the model's own scheduler is used.",
        ) from error
    if scheduler is None:
        raise ModelError(f"diffusers has no scheduler {name!r}", hint="Check model.scheduler.")
    return scheduler
