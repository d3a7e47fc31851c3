"""What a transformer of flow matching is trained on: levels of noise as its scheduler shifts them, and a velocity."""

from __future__ import annotations

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from torch import Tensor

from synthgen.models.door import open_scheduler


class FlowObjective:
    """Latents that go to noise on straight lines (Lipman et al. 2022, 2210.02747).

    The levels of training are logit-normal (Esser et al. 2024, 2403.03206), and then shifted as the pipeline's own are.

    Args:
        scheduler: the configuration of the model's own scheduler, whatever its class.
        shift: by how much the pipeline moves the levels of images of this size, where its scheduler asks for that.
    """

    def __init__(self, scheduler: object, shift: float) -> None:
        opened = open_scheduler("FlowMatchEulerDiscreteScheduler", scheduler)
        assert isinstance(opened, FlowMatchEulerDiscreteScheduler)
        self.levels = int(opened.config.num_train_timesteps)
        opened.set_timesteps(sigmas=list(np.linspace(1, 1 / self.levels, self.levels)), mu=shift)
        self._sigmas: Tensor = opened.sigmas[:-1].cpu()
        self._timesteps: Tensor = opened.timesteps.cpu()

    def noised(self, clean: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """Mix latents [n, ...] with noise of the same shape, to the level of each time."""
        sigmas = self._sigmas.to(times.device)[times].view(-1, *[1] * (clean.ndim - 1))
        return (1 - sigmas) * clean + sigmas * noise

    def target(self, clean: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """Return the velocity: where the mixture goes as its level rises."""
        return noise - clean

    def timesteps(self, times: Tensor) -> Tensor:
        """Return what a scheduler calls these levels: 0 of an image, and the number of levels of noise."""
        return self._timesteps.to(times.device)[times]

    def random_times(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw times [count]."""
        return self._times(torch.randn(count, generator=rng).sigmoid())

    def even_times(self, count: int, levels: int) -> Tensor:
        """Return fixed times [levels, count], spread as the drawn ones are: the same for every measurement."""
        places = (torch.arange(levels)[:, None] + (torch.arange(count)[None] + 0.5) / count) / levels
        return self._times(torch.special.ndtri(places).sigmoid())

    def _times(self, shares: Tensor) -> Tensor:
        return (shares * self.levels).long().clamp(max=self.levels - 1)
