"""Qwen-Image, as its pipeline calls the transformer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from synthgen.tuning.denoiser import Condition
from synthgen.tuning.flow.denoiser import ATTENTION, TEXT_ATTENTION, FlowDenoiser


class TunedQwenImage(FlowDenoiser):
    """Its latents come from a decoder of videos and are packed, [tokens, channels]; texts are padded and masked."""

    blank: ClassVar[str] = " "
    layers: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "attention": ATTENTION + TEXT_ATTENTION,
        "all": (*ATTENTION, *TEXT_ATTENTION, "net.0.proj", "net.2"),
    }

    def condition(self, text: str) -> Condition:
        """Encode a text, without padding."""
        encoded, _ = self.pipeline.encode_prompt(text, device=self.device)
        return Condition(encoded[0].cpu().clone(), None)

    def encoded(self, pixels: Tensor) -> Tensor:
        """Encode pixels as a video of one frame, brought to the mean and deviation that training had."""
        vae = self.pipeline.vae
        latents = vae.encode(pixels.unsqueeze(2)).latent_dist.mode()
        mean, deviation = (
            torch.tensor(values, device=latents.device, dtype=latents.dtype).view(1, -1, 1, 1, 1)
            for values in (vae.config.latents_mean, vae.config.latents_std)
        )
        scaled = (latents - mean) / deviation
        count, channels, _, height, width = scaled.shape
        packed: Tensor = self.pipeline._pack_latents(scaled.contiguous(), count, channels, height, width)
        return packed

    def predicted(self, noised: Tensor, times: Tensor, conditions: Sequence[Condition]) -> Tensor:
        """Predict the velocity of latents [n, tokens, channels]."""
        texts = [one.text.clone() for one in conditions]
        mask = pad_sequence([text.new_ones(len(text), dtype=torch.long) for text in texts], batch_first=True)
        found: Tensor = self.network(
            hidden_states=noised.to(self.dtype),
            timestep=self.objective.timesteps(times) / 1000,
            guidance=None,
            encoder_hidden_states=pad_sequence(texts, batch_first=True).to(self.device, self.dtype),
            encoder_hidden_states_mask=None if mask.all() else mask.to(self.device),
            img_shapes=[[(1, self.side, self.side)]] * len(noised),
            return_dict=False,
        )[0]
        return found

    def guided(self, guidance: float, count: int) -> dict[str, object]:
        """Return the arguments of the pipeline's call that give it the usual guidance, which acts beside a blank."""
        return {"true_cfg_scale": guidance, "negative_prompt": [self.blank] * count}
