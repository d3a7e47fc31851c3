"""A loaded pipeline as its tuning needs it: texts and pictures encoded once, and the loss of its denoiser."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from synthgen.tuning.objective import NoiseLevels, Objective
from synthgen.tuning.settings import LAYERS

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline, ModelMixin

_ADAPTER = "tuned"


@dataclass(frozen=True, slots=True)
class Condition:
    """What the denoiser draws: an encoded text [tokens, width] and, in some families, a summary of it."""

    text: Tensor
    pooled: Tensor | None


class TunedDenoiser:
    """The denoiser of a pipeline with a LoRA in it, which alone is trained: a UNet, unless a subclass says otherwise.

    Args:
        pipeline: on its device, with frozen weights in the format that it calculates in.
        size: width and height of its images in pixels.

    Attributes:
        part: the name of the denoiser in its pipeline.
        layers: which of its layers are changed, by the names of `LAYERS`.
    """

    part: ClassVar[str] = "unet"
    layers: ClassVar[Mapping[str, tuple[str, ...]]] = LAYERS

    def __init__(self, pipeline: DiffusionPipeline, size: int, device: torch.device, dtype: torch.dtype) -> None:
        self.pipeline, self.size, self.device, self.dtype = pipeline, size, device, dtype
        self.network: ModelMixin = getattr(pipeline, self.part)
        self.objective = self.opened_objective()
        for part in pipeline.components.values():
            if isinstance(part, nn.Module):
                part.requires_grad_(False)

    @property
    def precision(self) -> str:
        """In what format the frozen weights are, such as 'bfloat16'."""
        return str(self.dtype).removeprefix("torch.")

    def opened_objective(self) -> NoiseLevels:
        """Return what it is trained on."""
        return Objective(self.pipeline.scheduler.config)

    def targets(self, layers: str) -> list[str]:
        """Return the ends of the names of the layers that are changed."""
        return list(self.layers[layers])

    def add_lora(self, rank: int, layers: str, seed: int) -> None:
        """Put a LoRA into the denoiser that changes nothing yet. Its weights are in single precision."""
        from peft import LoraConfig

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            config = LoraConfig(
                r=rank, lora_alpha=rank, init_lora_weights="gaussian", target_modules=self.targets(layers)
            )
            self.network.add_adapter(config, adapter_name=_ADAPTER)
        for weight in self.lora().values():
            weight.data = weight.data.float()

    def lora(self) -> dict[str, nn.Parameter]:
        """The weights of the LoRA, by name."""
        return {name: weight for name, weight in self.network.named_parameters() if weight.requires_grad}

    def state(self) -> dict[str, Tensor]:
        """A copy of the LoRA's weights, on the CPU."""
        return {name: weight.detach().cpu().clone() for name, weight in self.lora().items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Set the LoRA's weights."""
        with torch.no_grad():
            for name, weight in self.lora().items():
                weight.copy_(state[name])

    def precisely(self) -> AbstractContextManager[object]:
        """Calculate in half precision where the frozen weights are in it."""
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, self.dtype)

    @torch.inference_mode()
    def conditions(self, texts: Sequence[str]) -> list[Condition]:
        """Encode texts by the pipeline's own encoders; the last one is that of no text, as guidance takes it."""
        found, unguided = [], None
        for text in texts:
            given = self.pipeline.encode_prompt(
                prompt=text, device=self.device, num_images_per_prompt=1, do_classifier_free_guidance=True
            )
            pooled = given[2:4] if len(given) == 4 else (None, None)
            found.append(_condition(given[0], pooled[0]))
            unguided = _condition(given[1], pooled[1])
        assert unguided is not None, "there is a text"
        return [*found, unguided]

    @torch.inference_mode()
    def latents(self, pictures: Iterable[Image.Image]) -> Iterator[Tensor]:
        """Encode pictures of the denoiser's size, one after the other, as float32 on the CPU: [c, h, w], or as packed.

        The autoencoder works in single precision: some overflow in half.
        """
        vae = self.pipeline.vae
        before = vae.dtype
        vae.to(torch.float32)
        for picture in pictures:
            pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].to(self.device)
            yield self.encoded(pixels.float().div(127.5).sub(1))[0].cpu().clone()
        vae.to(before)

    def encoded(self, pixels: Tensor) -> Tensor:
        """Encode pixels [n, 3, height, width] from -1 to 1, as the denoiser is trained on them."""
        vae = self.pipeline.vae
        shifted = vae.encode(pixels).latent_dist.mode() - (getattr(vae.config, "shift_factor", None) or 0.0)
        scaled: Tensor = shifted * vae.config.scaling_factor
        return scaled

    def loss(self, clean: Tensor, noise: Tensor, times: Tensor, conditions: Sequence[Condition]) -> Tensor:
        """The mean squared error of each image, [n]."""
        clean, noise, times = clean.to(self.device), noise.to(self.device), times.to(self.device)
        noised = self.objective.noised(clean, noise, times)
        with self.precisely():
            predicted = self.predicted(noised, times, conditions)
        target = self.objective.target(clean, noise, times)
        error = functional.mse_loss(predicted.float(), target.float(), reduction="none")
        return error.mean(tuple(range(1, error.ndim)))

    def predicted(self, noised: Tensor, times: Tensor, conditions: Sequence[Condition]) -> Tensor:
        """Predict the target from latents of these times."""
        more = {}
        if all(one.pooled is not None for one in conditions):
            pooled = torch.stack([one.pooled for one in conditions if one.pooled is not None])
            # As pipelines tell it by default: the whole of a picture of this size.
            told = torch.tensor([[self.size, self.size, 0, 0, self.size, self.size]]).repeat(len(pooled), 1)
            more = {"added_cond_kwargs": {"text_embeds": pooled.to(self.device), "time_ids": told.to(self.device)}}
        found: Tensor = self.network(
            noised.to(self.dtype), times, encoder_hidden_states=self.stacked(conditions), **more
        ).sample
        return found

    def stacked(self, conditions: Sequence[Condition]) -> Tensor:
        """Return the texts of conditions as a batch [n, tokens, width]."""
        return torch.stack([one.text for one in conditions]).to(self.device, self.dtype)

    @torch.inference_mode()
    def draw(self, prompts: Sequence[str], seeds: Sequence[int], guidance: float, steps: int) -> list[Image.Image]:
        """Draw images of prompts as the pipeline does, each from the noise of its own seed."""
        self.pipeline.set_progress_bar_config(disable=True)
        drawn = self.pipeline(
            prompt=list(prompts),
            num_inference_steps=steps,
            **self.guided(guidance, len(prompts)),
            height=self.size,
            width=self.size,
            generator=[torch.Generator().manual_seed(seed) for seed in seeds],
            output_type="np",
        ).images
        pixels = (np.nan_to_num(np.asarray(drawn, np.float32)).clip(0, 1) * 255).round().astype(np.uint8)
        return [Image.fromarray(one) for one in pixels]

    def guided(self, guidance: float, count: int) -> dict[str, object]:
        """Return the arguments of the pipeline's call that give it the usual guidance, for so many prompts."""
        return {"guidance_scale": guidance}


def _condition(text: Tensor, pooled: Tensor | None) -> Condition:
    return Condition(text[0].cpu().clone(), None if pooled is None else pooled[0].cpu().clone())
