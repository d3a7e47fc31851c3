"""What makes the part that denoises faster: compilation, attention backends, and caches between its steps."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TypeAlias

import torch
from diffusers import (
    DiffusionPipeline,
    FasterCacheConfig,
    FirstBlockCacheConfig,
    MagCacheConfig,
    PyramidAttentionBroadcastConfig,
    TaylorSeerCacheConfig,
)
from diffusers.hooks import HookRegistry
from diffusers.hooks.mag_cache import FLUX_MAG_RATIOS
from diffusers.models.attention_dispatch import attention_backend
from torch import nn

from synthgen.errors import ModelError, UsageError, first_line
from synthgen.families import as_text
from synthgen.families.model_source import repeated_blocks
from synthgen.models.device import device_error
from synthgen.spec import CacheSpec, ModelSpec, mean_steps

_Config: TypeAlias = (
    FasterCacheConfig | FirstBlockCacheConfig | MagCacheConfig | PyramidAttentionBroadcastConfig | TaylorSeerCacheConfig
)

_PAYS_ON_CPU = 16_000_000
"""So many pixels of a run's images, times steps, pay for a conversion: 200 of 64 x 64 with 20 steps, 3 of 512 x 512."""
_PAYS_ON_GPU = 1_000_000_000
"""The same for repeated blocks on a GPU: 34 images of 1024 x 1024 with 28 steps. A guess, which was not measured."""


def check_compiler(model: ModelSpec, device: torch.device) -> None:
    """Refuse to compile where there is nothing to compile with, before weights are read.

    Raises:
        UsageError: the compiler is missing, or it does not compile for this device.
    """
    if model.compile == "openvino" and device.type != "cpu":
        what = f"model.compile: openvino computes on a CPU, and this is {device.type}"
        raise UsageError(what, hint="Run on a CPU, or set model.compile: auto.")
    if model.compile not in ("regional", "full"):
        return
    hint = "Install it, or set model.compile: off."
    compiler = os.environ.get("CXX", "g++")
    if not any(map(shutil.which, (compiler, "clang++"))):
        raise UsageError(f"model.compile: there is no C++ compiler here ({compiler})", hint=hint)
    if device.type == "cuda" and find_spec("triton") is None:
        raise UsageError("model.compile: on a GPU it needs the package triton, which is not installed", hint=hint)


@dataclass(frozen=True, slots=True)
class Work:
    """What a pipeline is loaded for.

    Attributes:
        images: how many it is expected to make, of which it may make a part; 0 for a few.
        pixels: of each.
        led: whether adapters, control or references change what the part that denoises computes.
    """

    images: int
    pixels: int
    led: bool = False


def chosen_compilation(
    model: ModelSpec, device: torch.device, dtype: torch.dtype, backbone: nn.Module, work: Work
) -> str:
    """Return how to compile. `auto` does where it can, and where there are enough images to pay for it.

    On a CPU, OpenVINO converts faster than torch compiles, and computes faster. On a GPU, repeated blocks are compiled.
    """
    if model.compile != "auto":
        return model.compile
    pixels = work.images * work.pixels * mean_steps(model)
    if device.type == "cpu":
        plain = not work.led and model.cache is None and model.quantization is None and dtype == torch.float32
        plain = plain and model.attention == "auto"
        return "openvino" if plain and pixels >= _PAYS_ON_CPU and find_spec("openvino") is not None else "off"
    able = device.type == "cuda" and find_spec("triton") is not None and shutil.which("gcc") is not None
    able = able and pixels >= _PAYS_ON_GPU
    return "regional" if able and model.cache is None and repeated_blocks(type(backbone).__name__) else "off"


def compile_backbone(backbone: nn.Module, how: str, failed: Callable[[str], None] | None = None) -> None:
    """Compile the part that denoises, in its place: when it is called first, and again for each other shape.

    Args:
        failed: gets the reason if OpenVINO cannot convert it, and torch computes it; without it, that is an error.
    """
    if how == "full":
        backbone.compile()
    elif how == "regional":
        backbone.compile_repeated_blocks()  # type: ignore[operator] # a method of diffusers' models
    elif how == "openvino":
        from synthgen.generating.converted import convert

        convert(backbone, failed)


def set_attention(backbone: nn.Module, name: str) -> None:
    """Let a model compute attention with a backend of diffusers. None is fetched from the hub.

    diffusers makes it the backend of every other model of the process, too, such as the next one of a sweep: that is
    undone.

    Raises:
        ModelError: the backend cannot be used here.
    """
    if name == "auto":
        return
    assert not name.endswith("_hub"), "refused before"
    try:
        with attention_backend("native"):  # whatever it is set to inside, at its end it is what it was
            backbone.set_attention_backend(name)  # type: ignore[operator] # a method of diffusers' models
    except (RuntimeError, ValueError, ImportError) as error:
        hint = "Choose another one, or remove the key from the spec."
        unfit = ModelError(f"model.attention: {name} cannot be used: {first_line(error)}", hint=hint)
        raise device_error(error, f"setting model.attention: {name}") or unfit from error


class StepCache:
    """The cache of a spec, in the part of a pipeline that denoises.

    Args:
        spec: None for no cache.
        dtype: in which what was computed is kept.
    """

    def __init__(self, pipeline: DiffusionPipeline, backbone: nn.Module, spec: CacheSpec | None, dtype: torch.dtype):
        self._pipeline, self._backbone, self._spec, self._dtype = pipeline, backbone, spec, dtype
        self._steps: int | None = None

    def begin(self, steps: int) -> None:
        """Forget the images before, which may have ended in an error, and expect so many steps.

        Raises:
            ModelError: the cache does not fit the model.
        """
        if self._spec is None:
            return
        if steps == self._steps:
            HookRegistry.check_if_exists_or_initialize(self._backbone).reset_stateful_hooks()
            return
        try:
            if self._steps is not None:
                self._backbone.disable_cache()  # type: ignore[operator]
            self._backbone.enable_cache(self._config(self._spec, steps))  # type: ignore[operator]
        except (ValueError, IndexError, TypeError, AttributeError) as error:
            what = f"model.cache: {self._spec.method} does not fit {type(self._backbone).__name__}: {first_line(error)}"
            raise ModelError(what, hint="Choose another one, or remove the key from the spec.") from error
        self._steps = steps

    def described(self) -> str:
        """Say what kind it is, with the settings that its author chose."""
        assert self._spec is not None
        return as_text(self._spec.model_dump(mode="json", exclude_none=True))

    def _config(self, spec: CacheSpec, steps: int) -> _Config:
        match spec.method:
            case "taylorseer":
                return TaylorSeerCacheConfig(
                    cache_interval=spec.interval or 5,
                    disable_cache_before_step=spec.warmup or 3,
                    taylor_factors_dtype=self._dtype,
                )
            case "magcache":
                ratios = torch.tensor(spec.ratios) if spec.ratios else FLUX_MAG_RATIOS
                return MagCacheConfig(threshold=spec.threshold or 0.06, num_inference_steps=steps, mag_ratios=ratios)
            case "pyramid":
                return PyramidAttentionBroadcastConfig(
                    spatial_attention_block_skip_range=spec.interval or 2, current_timestep_callback=self._time
                )
            case "fastercache":
                return FasterCacheConfig(
                    spatial_attention_block_skip_range=spec.interval or 2,
                    attention_weight_callback=lambda _: 0.5,
                    is_guidance_distilled=True,  # it is refused with guidance
                    tensor_format="BCHW",
                    current_timestep_callback=self._time,
                )
            case "first_block":
                return FirstBlockCacheConfig(threshold=spec.threshold or 0.05)

    @property
    def _time(self) -> Callable[[], float]:
        return lambda: float(self._pipeline.current_timestep)
