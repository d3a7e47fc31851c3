"""Text to image: batches of candidates through a diffusers pipeline."""

import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from diffusers import DiffusionPipeline
from torch import Tensor, nn

from synthgen.errors import ModelError
from synthgen.generating.call import call_of, keys_that_differ
from synthgen.generating.loading import check_keys, load
from synthgen.generating.prompts import PromptEncoder
from synthgen.models.device import device_errors, in_batches, open_device
from synthgen.models.memory import choose_batch_size, choose_dtype
from synthgen.models.source import ModelSource
from synthgen.records import Candidate, Failure, Rendered
from synthgen.spec import ModelSpec

_DECODED_AT_ONCE = 1 << 20
"""Pixels above which a batch is decoded image by image: memory peaks with the decoder's activations."""


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
            UsageError: the pipeline's call does not take a key that the spec sets.
            DeviceError: the device is missing or breaks, or memory runs out.
            ModelError: the weights cannot be loaded.
        """
        if self._pipeline is not None:
            return
        self.device = open_device(self._device_name)
        self.dtype = choose_dtype(self._model.dtype, self.device)
        written = keys_that_differ(self._model)
        check_keys(self._model, self._source, written)

        pipeline = load(self._model, self._source, self.dtype)
        transformer = getattr(pipeline, "transformer", None)
        self._call = call_of(type(pipeline), dict(transformer.config) if transformer is not None else {})
        self._call.refuse(self._model, written)
        self._place(pipeline)

        self._pipeline = pipeline
        guided = self._model.guidance > 1 and self._call.guidance is not None
        self._encoder = PromptEncoder(pipeline, guided, spelled_out=self._call.spelled_out)
        self.height, self.width = self._size(pipeline)
        self.batch_size = choose_batch_size(
            self._model.batch_size, self.height * self.width, self.device, self._largest_batch
        )
        slice_decoding = getattr(getattr(pipeline, "vae", None), "enable_slicing", None)
        if slice_decoding is not None and self.batch_size * self.height * self.width > _DECODED_AT_ONCE:
            slice_decoding()

    def _place(self, pipeline: DiffusionPipeline) -> None:
        """Put the pipeline on the device, in the memory layout in which convolutions are fast."""
        hint = "Free the device's memory, choose a smaller model, or set model.dtype: float16 on a GPU."
        with device_errors(f"putting model {self._model.id} on {self.device}", hint):
            pipeline.to(self.device)
            pipeline.set_progress_bar_config(disable=True)
            for part in ("unet", "vae"):
                module = getattr(pipeline, part, None)
                if isinstance(module, nn.Module) and _is_flat(module):
                    module.to(memory_format=torch.channels_last)

    def render(self, candidates: Sequence[Candidate]) -> list[Rendered]:
        """Render a batch; see `Generator.render`.

        Images are uint8 [3, height, width] on the device. When memory runs out, the same candidates are rendered in
        batches of half the size, and later ones too, down to one.
        """
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
        images = _as_rgb(output.images)
        finite = images.isfinite().flatten(1).all(1)
        flagged = getattr(output, "nsfw_content_detected", None) or [False] * len(candidates)
        if not finite.all() and self.dtype != torch.float32 and self._scales_latents():
            # Half precision overflows in some decoders (SDXL's is known for it): decode again, with more range.
            again, flagged_again = self._decoded_in_float32(candidates)
            images = torch.where(finite.view(-1, 1, 1, 1), images, again)
            flagged = [flag if ok else new for ok, flag, new in zip(finite, flagged, flagged_again, strict=True)]
            finite = images.isfinite().flatten(1).all(1)
        pixels = images.nan_to_num().mul(255).round().clamp(0, 255).to(torch.uint8)
        whole: list[bool] = finite.tolist()  # waits for the device once, not once per image
        seconds = (time.perf_counter() - began) / len(candidates)

        def outcome(index: int) -> Failure | None:
            if not whole[index]:
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
                **self._call.arguments(self._model, self.height, self.width),
                # A new CPU generator per image: the same noise at any batch size, on any device.
                generator=[torch.Generator().manual_seed(candidate.seed) for candidate in candidates],
                output_type=output_type,
            )

    def _scales_latents(self) -> bool:
        """Whether `_decoded_in_float32` knows this kind of decoder. Others shift each channel by its own mean."""
        vae = getattr(self._pipeline, "vae", None)
        return getattr(getattr(vae, "config", None), "scaling_factor", None) is not None

    def _decoded_in_float32(self, candidates: Sequence[Candidate]) -> tuple[Tensor, Sequence[bool]]:
        """Render the same batch again, with its latents decoded in float32.

        Returns:
            Float [n, 3, height, width] in 0..1, and what the safety checker flags, if there is one.
        """
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


def _is_flat(module: nn.Module) -> bool:
    """Whether all weights have at most four dimensions. Video decoders have five, and no such memory layout."""
    return all(tensor.dim() <= 4 for tensor in (*module.parameters(), *module.buffers()))


def _as_rgb(images: Tensor) -> Tensor:
    """Convert a decoder's output to floats [n, 3, height, width]: grey is repeated, transparency is put on white.

    Raises:
        ModelError: it is not grey, colour, or colour with transparency.
    """
    match images.shape[1]:
        case 1:
            return images.expand(-1, 3, -1, -1)
        case 3:
            return images
        case 4:
            alpha = images[:, 3:]
            return images[:, :3] * alpha + (1 - alpha)
    raise ModelError(
        f"the model decodes to {images.shape[1]} channels: expected grey, RGB or RGBA", hint="Choose another model."
    )
