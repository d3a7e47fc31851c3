"""FLUX.2 Klein, as its pipeline calls the transformer."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor

from synthgen.tuning.denoiser import Condition
from synthgen.tuning.flow.denoiser import ATTENTION, TEXT_ATTENTION, FlowDenoiser


class TunedFlux2Klein(FlowDenoiser):
    """Its latents are packed, [tokens, channels], and every token of image and text has a place."""

    layers: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "attention": (*ATTENTION, *TEXT_ATTENTION, "to_qkv_mlp_proj"),
        "all": (*ATTENTION, *TEXT_ATTENTION, "to_qkv_mlp_proj", "linear_in", "linear_out"),
    }

    def targets(self, layers: str) -> list[str]:
        """Return the ends of the names of the layers that are changed.

        Those of single blocks are named in full: in other blocks, what has the same name is no layer.
        """
        blocks = len(self.network.single_transformer_blocks)
        outputs = [f"single_transformer_blocks.{block}.attn.to_out" for block in range(blocks)]
        return [*super().targets(layers), *outputs]

    def shift(self) -> float:
        """Return by how much the pipeline moves the levels of images of this size, at its own number of steps."""
        from diffusers.pipelines.flux2.pipeline_flux2_klein import compute_empirical_mu

        steps = inspect.signature(type(self.pipeline).__call__).parameters["num_inference_steps"].default
        return float(compute_empirical_mu(self.side**2, steps))

    def condition(self, text: str) -> Condition:
        """Encode a text."""
        encoded, _ = self.pipeline.encode_prompt(text, device=self.device)
        return Condition(encoded[0].cpu().clone(), None)

    def encoded(self, pixels: Tensor) -> Tensor:
        """Encode pixels: two by two latents are one token, brought to the mean and deviation that training had."""
        packed: Tensor = self.pipeline._pack_latents(self.pipeline._encode_vae_image(pixels, generator=None))
        return packed

    def predicted(self, noised: Tensor, times: Tensor, conditions: Sequence[Condition]) -> Tensor:
        """Predict the velocity of latents [n, tokens, channels]."""
        texts = self.stacked(conditions)
        places = self.pipeline._prepare_latent_ids(noised.new_empty(len(noised), 1, self.side, self.side))
        found: Tensor = self.network(
            hidden_states=noised.to(self.dtype),
            timestep=self.objective.timesteps(times) / 1000,
            guidance=None,
            encoder_hidden_states=texts,
            txt_ids=self.pipeline._prepare_text_ids(texts).to(self.device),
            img_ids=places.to(self.device),
            return_dict=False,
        )[0]
        return found
