"""What the denoiser is trained on: noise from the model's own schedule, and what it is to predict."""

from __future__ import annotations

from typing import Protocol

import torch
from diffusers import DDPMScheduler
from torch import Tensor

from synthgen.models.door import open_scheduler


class NoiseLevels(Protocol):
    """How latents are mixed with noise, and what is to be predicted from that. Times are whole numbers [n]."""

    def noised(self, clean: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """Mix latents [n, ...] with noise of the same shape, to the level of each time."""

    def target(self, clean: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """Return what the denoiser is to predict."""

    def timesteps(self, times: Tensor) -> Tensor:
        """Return what a scheduler calls these times."""

    def random_times(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw times [count] for training."""

    def even_times(self, count: int, levels: int) -> Tensor:
        """Return fixed times [levels, count], spread evenly over all: the same for every measurement."""


class Objective:
    """The noise of the schedule that a model was trained with.

    Args:
        scheduler: the configuration of the model's own scheduler, whatever its class.
    """

    def __init__(self, scheduler: object) -> None:
        opened = open_scheduler("DDPMScheduler", scheduler)
        assert isinstance(opened, DDPMScheduler)
        self._scheduler = opened
        self.predicted = str(opened.config.prediction_type)
        self.levels = int(opened.config.num_train_timesteps)

    def noised(self, clean: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """Mix latents [n, c, h, w] with noise of the same shape, to the level of each time."""
        mixed: Tensor = self._scheduler.add_noise(clean, noise, times)
        return mixed

    def target(self, clean: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """Return what the denoiser is to predict: the noise, the velocity (Salimans and Ho 2022), or the image."""
        if self.predicted == "epsilon":
            return noise
        if self.predicted == "sample":
            return clean
        velocity: Tensor = self._scheduler.get_velocity(clean, noise, times)
        return velocity

    def timesteps(self, times: Tensor) -> Tensor:
        """Return what a scheduler calls these times: the same."""
        return times

    def random_times(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw times [count] for training, each as often as the others."""
        return torch.randint(self.levels, (count,), generator=rng)

    def even_times(self, count: int, levels: int) -> Tensor:
        """Return fixed times [levels, count], spread evenly over all: the same for every measurement."""
        places = (torch.arange(levels)[:, None] + (torch.arange(count)[None] + 0.5) / count) / levels
        return (places * self.levels).long().clamp(max=self.levels - 1)
