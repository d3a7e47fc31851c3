"""Stable Diffusion 3 and 3.5, as their pipeline calls the transformer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from synthgen.tuning.denoiser import Condition
from synthgen.tuning.flow.denoiser import ATTENTION, TEXT_ATTENTION, FlowDenoiser


class TunedStableDiffusion3(FlowDenoiser):
    """It reads three encodings of a text and a summary, and gives the velocity."""

    layers: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "attention": ATTENTION + TEXT_ATTENTION,
        "all": (*ATTENTION, *TEXT_ATTENTION, "net.0.proj", "net.2"),
    }

    def condition(self, text: str) -> Condition:
        """Encode a text, and its summary."""
        given = self.pipeline.encode_prompt(text, None, None, device=self.device, do_classifier_free_guidance=False)
        return Condition(given[0][0].cpu().clone(), given[2][0].cpu().clone())

    def predicted(self, noised: Tensor, times: Tensor, conditions: Sequence[Condition]) -> Tensor:
        """Predict the velocity of latents [n, c, h, w]."""
        pooled = torch.stack([one.pooled for one in conditions if one.pooled is not None])
        found: Tensor = self.network(
            hidden_states=noised.to(self.dtype),
            timestep=self.objective.timesteps(times),
            encoder_hidden_states=self.stacked(conditions),
            pooled_projections=pooled.to(self.device, self.dtype),
            return_dict=False,
        )[0]
        return found
