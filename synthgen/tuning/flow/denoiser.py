"""What the transformers of all families of flow matching have in common when they are tuned."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from synthgen.tuning.denoiser import Condition, TunedDenoiser
from synthgen.tuning.flow.objective import FlowObjective

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
TEXT_ATTENTION = ("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out")
"""What looks at texts, in transformers that have layers of their own for them."""


class FlowDenoiser(TunedDenoiser):
    """A transformer with a LoRA in it, called as the pipeline of its family calls it.

    Attributes:
        blank: the text that stands for none.
    """

    part: ClassVar[str] = "transformer"
    blank: ClassVar[str] = ""

    @torch.inference_mode()
    def conditions(self, texts: Sequence[str]) -> list[Condition]:
        """Encode texts by the pipeline's own encoders; the last one is that of no text, as guidance takes it."""
        return [self.condition(text) for text in [*texts, self.blank]]

    @abstractmethod
    def condition(self, text: str) -> Condition:
        """Encode a text, on the CPU."""

    @abstractmethod
    def predicted(self, noised: Tensor, times: Tensor, conditions: Sequence[Condition]) -> Tensor:
        """Predict the velocity of latents of these times, from the image to noise."""

    def opened_objective(self) -> FlowObjective:
        """Return the levels of noise that the pipeline has for images of this size."""
        return FlowObjective(self.pipeline.scheduler.config, self.shift())

    def shift(self) -> float:
        """Return by how much the pipeline moves the levels of images of this size."""
        from diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3 import calculate_shift

        config = self.pipeline.scheduler.config
        names = {
            "base_seq_len": "base_image_seq_len",
            "max_seq_len": "max_image_seq_len",
            "base_shift": "base_shift",
            "max_shift": "max_shift",
        }
        own = {name: config[key] for name, key in names.items() if config.get(key) is not None}
        return float(calculate_shift(self.side**2, **own))

    @property
    def side(self) -> int:
        """How many tokens lie side by side in an image."""
        return self.size // (2 * int(self.pipeline.vae_scale_factor))
