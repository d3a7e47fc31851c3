"""A loaded pipeline, fitted to its device: where its parts are, how it is decoded, compiled, and what it takes over."""

import logging
from collections.abc import Sequence
from importlib.metadata import version
from typing import TypeVar

import torch
from diffusers import DiffusionPipeline
from torch import nn

from synthgen.errors import ModelError
from synthgen.families.memory import backbone_of
from synthgen.generating.decode import decoder_of
from synthgen.generating.placing import check_device, place
from synthgen.generating.speeding import (
    StepCache,
    Work,
    check_compiler,
    chosen_compilation,
    compile_backbone,
    set_attention,
)
from synthgen.models.device import device_errors, is_out_of_memory
from synthgen.spec import ModelSpec

_LOG = logging.getLogger(__name__)
T = TypeVar("T")

_DOES = {"openvino": "lets OpenVINO compute the part that denoises", "regional": "compiles repeated blocks"}

_LARGE, _SMALL = 16, 4
"""From how many images on a batch is large, and which part of it a small one is."""
_DECODED_AT_ONCE = 1 << 20
"""Batches with more pixels are decoded image by image, because the decoder's activations need the most memory."""


def check_fit(model: ModelSpec, device: torch.device) -> None:
    """Refuse settings of memory and speed that this device or machine cannot follow, before weights are read.

    Raises:
        UsageError: it names the key.
    """
    check_device(model, device)
    check_compiler(model, device)


class Fitting:
    """What was done to a pipeline so that it fits its device and runs fast.

    Args:
        work: what it is for.
        there: what waits in the CPU's memory, where another pipeline has moved the parts already.

    Raises:
        ModelError: a setting does not fit the model.
        DeviceError: the device breaks, or memory runs out.
    """

    def __init__(
        self,
        pipeline: DiffusionPipeline,
        model: ModelSpec,
        device: torch.device,
        dtype: torch.dtype,
        work: Work,
        there: str | None = None,
    ) -> None:
        self._pipeline, self._model, self._pixels = pipeline, model, work.pixels
        name = backbone_of(pipeline.components)
        backbone = pipeline.components.get(name)
        asks = model.attention != "auto" or model.cache is not None or model.compile in ("regional", "full", "openvino")
        if asks and not isinstance(backbone, nn.Module):
            raise ModelError(f"{type(pipeline).__name__} has no part that denoises alone", hint="Remove these keys.")

        self._how, self._cache, self._shape = "off", None, 0
        with device_errors(f"fitting model {model.id} to {device}"):
            if isinstance(backbone, nn.Module):
                set_attention(backbone, model.attention)
                self._how = chosen_compilation(model, device, dtype, backbone, work)
                self._cache = StepCache(pipeline, backbone, model.cache, dtype)
            self.offload = there or place(pipeline, model, device, name, work.pixels)
            if isinstance(backbone, nn.Module):
                compile_backbone(backbone, self._how, self._go_without if model.compile == "auto" else None)
        if model.compile == "auto":
            _LOG.info("model.compile: auto %s", _DOES.get(self._how, "compiles nothing here"))

    def _go_without(self, why: str) -> None:
        """Compute as it is, after all."""
        self._how = "off"
        _LOG.warning("%s; torch computes it", why)

    def for_batches(self, size: int) -> None:
        """Choose how batches of at most so many images are decoded, and their one shape if they are compiled."""
        decoder, model = decoder_of(self._pipeline), self._model
        large = size * self._pixels > _DECODED_AT_ONCE
        self._sliced = hasattr(decoder, "use_slicing") and (large if model.vae_slicing == "auto" else model.vae_slicing)
        if self._sliced:
            decoder.enable_slicing()  # type: ignore[union-attr, operator]
        if model.vae_tiling:
            decoder.enable_tiling()  # type: ignore[union-attr, operator]
        self._shape = size

    def begin(self, steps: int) -> None:
        """Make ready for a call of so many steps.

        Raises:
            ModelError: the cache does not fit the model.
        """
        if self._cache is not None:
            self._cache.begin(steps)

    def padded(self, batch: Sequence[T]) -> list[T]:
        """Fill a batch up to a shape that was compiled, by repeating its last entry.

        OpenVINO converts in seconds: beside a large shape it has a second one for small batches at the end of a shard.
        """
        small = self._shape // _SMALL if self._how == "openvino" and self._shape >= _LARGE else 0
        shape = small if len(batch) <= small else self._shape
        more = shape - len(batch) if self._how != "off" else 0
        return [*batch, *[batch[-1]] * max(0, more)]

    def failed(self, error: BaseException) -> None:
        """Halve the shape if memory ran out, as the batch will be halved."""
        if is_out_of_memory(error):
            self._shape = max(1, self._shape // 2)

    def provenance(self) -> dict[str, str]:
        """What the records of a run say of it. What was not asked for and not done is left out."""
        model, found = self._model, dict[str, str]()
        if self.offload != "none":
            found["offload"] = self.offload
        if self._how != "off":
            release = f" {version('openvino')}" if self._how == "openvino" else ""
            found["compile"] = f"{self._how}{release}, {self._shape} at once"
        if model.quantization is not None:
            parts = model.quantization.parts or (backbone_of(self._pipeline.components),)
            found["quantization"] = f"{model.quantization.method}: {', '.join(parts)}"
        if model.attention != "auto":
            found["attention_backend"] = model.attention
        if model.cache is not None and self._cache is not None:
            found["cache"] = self._cache.described()
        if decoding := [word for word, on in (("sliced", self._sliced), ("tiled", model.vae_tiling)) if on]:
            found["decoding"] = ", ".join(decoding)
        return found
