"""Text to image: batches of candidates through a diffusers pipeline."""

import logging
import os
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

os.environ["DIFFUSERS_DISABLE_REMOTE_CODE"] = "1"  # read once, when diffusers is imported

import diffusers
import numpy as np
import torch
import transformers
from diffusers import AutoPipelineForText2Image, DiffusionPipeline
from safetensors import SafetensorError
from torch import Tensor

from synthgen.device import in_batches, open_device
from synthgen.errors import ModelError
from synthgen.generate.device import choose_batch_size, choose_dtype
from synthgen.generate.prompts import PromptEncoder
from synthgen.generate.source import ModelSource
from synthgen.records import Candidate, Failure, Rendered
from synthgen.remote_code import check_not_shadowed, remote_code_disabled
from synthgen.spec import ModelSpec

_DECODED_AT_ONCE = 1 << 20
"""Pixels above which a batch is decoded image by image: the decoder's activations are the memory's peak."""


class TextToImage:
    """A `Generator` over any diffusers pipeline that makes images from texts.

    Args:
        device: `cpu`, `cuda`, `cuda:1`, `mps` or `auto`.
        largest_batch: the plan's window.
    """

    def __init__(self, model: ModelSpec, source: ModelSource, device: str, largest_batch: int) -> None:
        self._model, self._source = model, source
        self._device_name, self._largest_batch = device, largest_batch
        self._pipeline: DiffusionPipeline | None = None

    def setup(self) -> None:
        """Load the pipeline, once.

        Raises:
            DeviceError: the device is missing.
            ModelError: the weights cannot be loaded.
        """
        if self._pipeline is not None:
            return
        self.device = open_device(self._device_name)
        self.dtype = choose_dtype(self._model.dtype, self.device)
        pipeline = _load(self._model, self._source, self.dtype).to(self.device)
        pipeline.set_progress_bar_config(disable=True)
        for part in ("unet", "vae"):
            if (module := getattr(pipeline, part, None)) is not None:
                module.to(memory_format=torch.channels_last)
        self._pipeline = pipeline
        self._encoder = PromptEncoder(pipeline, self._model.guidance > 1)
        self.height, self.width = self._size(pipeline)
        self.batch_size = choose_batch_size(
            self._model.batch_size, self.height * self.width, self.device, self._largest_batch
        )
        if self.batch_size * self.height * self.width > _DECODED_AT_ONCE and hasattr(pipeline, "vae"):
            pipeline.vae.enable_slicing()

    def render(self, candidates: Sequence[Candidate]) -> list[Rendered]:
        """Render a batch; see `Generator.render`. Images are uint8 [3, height, width] on the device. When memory runs
        out, the same candidates are rendered in batches of half the size, and later ones too, down to one."""
        done, self.batch_size = in_batches(
            lambda part: self._render(candidates[part]),
            len(candidates),
            self.batch_size,
            self.device,
            "making",
            f"It has {self.width} x {self.height} pixels: set a smaller model.size, or model.dtype: float16 on a GPU.",
        )
        return done

    @torch.inference_mode()
    def _render(self, candidates: Sequence[Candidate]) -> list[Rendered]:
        assert self._pipeline is not None, "setup comes first"
        began = time.perf_counter()
        output = self._run(candidates, "pt")
        images: Tensor = output.images
        finite = images.isfinite().flatten(1).all(1)
        flagged = getattr(output, "nsfw_content_detected", None) or [False] * len(candidates)
        if not finite.all() and self.dtype != torch.float32 and hasattr(self._pipeline, "vae"):
            # Half precision overflows in some decoders (SDXL's is known for it): once more, with more room.
            again, flagged_again = self._decoded_in_float32(candidates)
            images = torch.where(finite.view(-1, 1, 1, 1), images, again)
            flagged = [flag if ok else new for ok, flag, new in zip(finite, flagged, flagged_again, strict=True)]
            finite = images.isfinite().flatten(1).all(1)
        pixels = images.nan_to_num().mul(255).round().clamp(0, 255).to(torch.uint8)
        seconds = (time.perf_counter() - began) / len(candidates)

        def outcome(index: int) -> Failure | None:
            if not bool(finite[index]):
                return Failure("not_finite", f"the decoded image has values that are not finite, in {self.dtype}")
            if flagged[index]:
                return Failure("safety_checker", "the model's safety checker withheld the image")
            return None

        return [
            Rendered(
                candidate,
                None if (failure := outcome(index)) else pixels[index],
                failure,
                seconds,
                len(candidates),
            )
            for index, candidate in enumerate(candidates)
        ]

    def _run(self, candidates: Sequence[Candidate], output_type: str) -> Any:
        assert self._pipeline is not None
        with np.errstate(invalid="ignore"):  # a safety checker casts NaN to bytes; we say `not_finite` ourselves
            return self._pipeline(
                **self._encoder.encode(
                    [candidate.prompt for candidate in candidates],
                    [candidate.negative_prompt for candidate in candidates],
                ),
                num_inference_steps=self._model.steps,
                guidance_scale=self._model.guidance,
                height=self.height,
                width=self.width,
                # One CPU generator per image, made anew: the same noise at any batch size, on any device.
                generator=[torch.Generator().manual_seed(candidate.seed) for candidate in candidates],
                output_type=output_type,
            )

    def _decoded_in_float32(self, candidates: Sequence[Candidate]) -> tuple[Tensor, Sequence[bool]]:
        """The same batch again, its latents decoded in float32: float [n, 3, height, width] in 0..1, and what the
        safety checker flags, if there is one."""
        assert self._pipeline is not None
        vae = self._pipeline.vae
        latents = self._run(candidates, "latent").images.float()
        latents = latents / vae.config.scaling_factor + (getattr(vae.config, "shift_factor", None) or 0)
        vae.to(torch.float32)
        try:
            decoded: Tensor = vae.decode(latents).sample
        finally:
            vae.to(self.dtype)
        flagged: Sequence[bool] = [False] * len(candidates)
        if getattr(self._pipeline, "safety_checker", None) is not None:
            with np.errstate(invalid="ignore"):
                decoded, flagged = self._pipeline.run_safety_checker(decoded, self.device, self.dtype)
        return (decoded / 2 + 0.5).clamp(0, 1), flagged

    def provenance(self) -> Mapping[str, str]:
        assert self._pipeline is not None, "setup comes first"
        cuda = self.device.type == "cuda"
        return {
            "model": self._model.id,
            "revision": self._source.revision,
            "device": torch.cuda.get_device_name(self.device) if cuda else self.device.type,
            "dtype": str(self.dtype).removeprefix("torch."),
            "batch_size": str(self.batch_size),
            "threads": str(torch.get_num_threads()),
            "scheduler": type(self._pipeline.scheduler).__name__,
            "safety_checker": "on" if getattr(self._pipeline, "safety_checker", None) is not None else "off",
            **{name: version(name) for name in ("diffusers", "torch", "transformers")},
        }

    def _size(self, pipeline: DiffusionPipeline) -> tuple[int, int]:
        """Height and width: the spec's, else the model's own."""
        model = self._model
        if model.size or (model.width and model.height):
            return model.height or model.size or 0, model.width or model.size or 0
        backbone = getattr(pipeline, "unet", None) or getattr(pipeline, "transformer", None)
        config = getattr(backbone, "config", None)
        latent: int = getattr(pipeline, "default_sample_size", None) or getattr(config, "sample_size", None) or 64
        side = int(latent) * int(pipeline.vae_scale_factor)
        return side, side


def download(model: ModelSpec, source: ModelSource) -> None:
    """Get a hub model into the cache, all that `TextToImage.setup` then loads.

    Raises:
        ModelError: it cannot be had.
    """
    diffusers.utils.logging.set_verbosity_error()
    try:
        DiffusionPipeline.download(
            source.location,
            revision=source.revision,
            variant=model.variant,
            use_safetensors=True,
            trust_remote_code=False,
        )
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        raise ModelError(
            f"model {model.id} cannot be downloaded: {_first_line(error)}",
            hint="Check model.id and the network; a gated model needs `hf auth login`.",
        ) from error


def _load(model: ModelSpec, source: ModelSource, dtype: torch.dtype) -> DiffusionPipeline:
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    logging.getLogger("transformers").setLevel(logging.ERROR)
    options: dict[str, object] = {}
    if not model.safety_checker:
        options |= {"safety_checker": None, "requires_safety_checker": False}
    if not source.is_folder:
        check_not_shadowed(source.location)
        options |= {"revision": source.revision}
    try:
        with remote_code_disabled():
            pipeline = AutoPipelineForText2Image.from_pretrained(
                source.location,
                dtype=dtype,
                variant=model.variant,
                use_safetensors=True,
                trust_remote_code=False,
                **options,
            )
    except (OSError, ValueError, ImportError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"model {model.id} cannot be loaded: {_first_line(error)}",
            hint="It must be a text-to-image pipeline of diffusers with safetensors weights.",
        ) from error
    if getattr(pipeline, "watermark", None) is not None:
        pipeline.watermark = None  # put there only because a package happens to be installed
    if model.scheduler:
        scheduler = getattr(diffusers, model.scheduler, None)
        if scheduler is None:
            raise ModelError(f"diffusers has no scheduler {model.scheduler!r}", hint="Check model.scheduler.")
        try:
            pipeline.scheduler = scheduler.from_config(pipeline.scheduler.config)
        except (
            ImportError,
            ValueError,
        ) as error:  # it needs another package, or other settings than the model's
            raise ModelError(
                f"scheduler {model.scheduler} cannot be used: {_first_line(error)}",
                hint="Check model.scheduler; without it the model's own is used.",
            ) from error
    assert isinstance(pipeline, DiffusionPipeline)
    return pipeline


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
