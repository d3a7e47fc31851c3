"""Z-Image, as its pipeline calls the transformer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from synthgen.tuning.denoiser import Condition
from synthgen.tuning.flow.denoiser import ATTENTION, FlowDenoiser


class TunedZImage(FlowDenoiser):
    """It takes lists of latents and of texts, counts time from noise to image, and gives the velocity that way, too."""

    layers: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "attention": ATTENTION,
        "all": (*ATTENTION, "feed_forward.w1", "feed_forward.w2", "feed_forward.w3"),
    }

    def condition(self, text: str) -> Condition:
        """Encode a text, without padding."""
        (encoded,), _ = self.pipeline.encode_prompt(text, device=self.device, do_classifier_free_guidance=False)
        return Condition(encoded.cpu().clone(), None)

    def predicted(self, noised: Tensor, times: Tensor, conditions: Sequence[Condition]) -> Tensor:
        """Predict the velocity of latents [n, c, h, w]."""
        # A copy: what was encoded without gradients cannot be kept for them.
        texts = [one.text.clone().to(self.device, self.dtype) for one in conditions]
        found = self.network(
            list(noised.to(self.dtype).unsqueeze(2).unbind()),
            (1000 - self.objective.timesteps(times)) / 1000,
            texts,
            return_dict=False,
        )[0]
        return -torch.stack(found).squeeze(2)

    def guided(self, guidance: float, count: int) -> dict[str, object]:
        """Return the arguments of the pipeline's call that give it the usual guidance: its own is one less."""
        return {"guidance_scale": guidance - 1}
