"""The training of a LoRA: batches that depend on seed and step alone, so that a resumed training is the same one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from synthgen.errors import ModelError, stopped
from synthgen.events import OnProgress, StepProgress
from synthgen.models.training import Schedule
from synthgen.tuning.checkpoint import TrainingState, save_state
from synthgen.tuning.settings import UNCAPTIONED, TuneIdentity, TuneSettings

if TYPE_CHECKING:
    from synthgen.tuning.denoiser import Condition, TunedDenoiser

SECONDS_BETWEEN_CHECKPOINTS = 120
_LEVELS = 4
"""At how many levels of noise the loss of each held-out image is measured."""


@dataclass(frozen=True, slots=True)
class Material:
    """What a LoRA is trained on, encoded.

    Attributes:
        latents: of each image [c, h, w].
        classes: the class of each.
        held: places of those that are held out.
        conditions: by class, its prompts.
        unguided: no prompt; None where every image is trained with its prompt.
        prior: images that the model drew before it was tuned, each with what it shows.
    """

    latents: Sequence[Tensor]
    classes: Sequence[str]
    held: Sequence[int]
    conditions: Mapping[str, Sequence[Condition]]
    unguided: Condition | None
    prior: Sequence[tuple[Tensor, Condition]] = ()

    def by_class(self) -> list[list[int]]:
        """The places of the images that train, of each class."""
        held, found = set(self.held), dict[str, list[int]]()
        for place, name in enumerate(self.classes):
            if place not in held:
                found.setdefault(name, []).append(place)
        return [found[name] for name in sorted(found)]


class Training:
    """A training that can be stopped and gone on with.

    Args:
        path: the file of its checkpoint.
        watched: called with the number of steps when the loss is measured, and before the first step.
        stop: asked after each step.
    """

    def __init__(
        self,
        denoiser: TunedDenoiser,
        material: Material,
        identity: TuneIdentity,
        path: Path,
        state: TrainingState,
        watched: Callable[[int], None],
        stop: Callable[[], bool],
    ) -> None:
        self.denoiser, self.material, self.state = denoiser, material, state
        self._settings: TuneSettings = identity.settings
        self._identity, self._path, self._watched, self._stop = identity, path, watched, stop
        self._places = material.by_class()
        self._weights = list(denoiser.lora().values())
        self._optimizer = torch.optim.AdamW(self._weights, self._settings.learning_rate, weight_decay=0.01)
        self._scaler = torch.amp.GradScaler(denoiser.device.type, enabled=denoiser.dtype == torch.float16)
        self._schedule = Schedule(
            self._settings.steps,
            self._settings.batch_size,
            self._settings.learning_rate,
            warmup=min(100, self._settings.steps // 10),
        )
        if state.lora is not None:
            denoiser.restore(state.lora)
            self._optimizer.load_state_dict(dict(state.optimizer or {}))
            if state.scaler:
                self._scaler.load_state_dict(dict(state.scaler))

    def run(self, on_progress: OnProgress) -> None:
        """Train to the end. Afterwards the denoiser has the best weights.

        Raises:
            ModelError: the loss is no number any more.
            Interrupted: it was asked to stop.
            StorageError: a checkpoint cannot be written.
        """
        state, settings = self.state, self._settings
        began = saved = time.monotonic()
        spent = state.seconds
        if state.step == 0:
            self._measure()
        while state.step < settings.steps:
            self._step(state.step)
            state.step += 1
            due = settings.is_due(state.step)
            if due:
                self._measure()
            now = time.monotonic()
            state.seconds = spent + now - began
            stops = self._stop()

            if due or stops or now - saved > SECONDS_BETWEEN_CHECKPOINTS:
                saved = now
                self._keep()
            on_progress(StepProgress(f"training, {state.said()}", "steps", state.step, settings.steps))
            if stops and state.step < settings.steps:
                raise stopped()

        assert state.best is not None
        self.denoiser.restore(state.best)

    def _step(self, step: int) -> None:
        """Take one step, and note its losses."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._schedule.rate * self._schedule.factor(step)
        self._optimizer.zero_grad(set_to_none=True)
        self.state.running.append(self._learn(step, *self._drawn_batch(step), weight=1.0))
        if self.material.prior:  # one after the other, which takes half the memory
            weight = self._settings.prior_weight
            self.state.prior_running.append(self._learn(step, *self._prior_batch(step), weight=weight))
        self._scaler.unscale_(self._optimizer)
        nn.utils.clip_grad_norm_(self._weights, 1.0)
        self._scaler.step(self._optimizer)
        self._scaler.update()

    def _learn(
        self, step: int, clean: Tensor, rng: torch.Generator, conditions: Sequence[Condition], *, weight: float
    ) -> float:
        """Add the gradient of a batch's loss; return the loss."""
        noise = torch.randn(clean.shape, generator=rng)
        times = self.denoiser.objective.random_times(len(clean), rng)
        loss = self.denoiser.loss(clean, noise, times, conditions).mean()
        self._scaler.scale(weight * loss).backward()
        if not math.isfinite(found := float(loss.detach())):
            what = f"the loss of step {step + 1:,} is {found}"
            raise ModelError(what, hint='Choose a smaller `learning_rate`, or `precision="float32"`.')
        return found

    def _drawn_batch(self, step: int) -> tuple[Tensor, torch.Generator, list[Condition]]:
        """Draw real images, each with a prompt or none, and what goes on to draw their noise."""
        rng = torch.Generator().manual_seed(_seed(self._settings.seed, step))
        chosen, conditions = [], []
        for _ in range(self._settings.batch_size):
            places = self._places[_drawn(len(self._places), rng)]
            place = places[_drawn(len(places), rng)]
            prompts = self.material.conditions[self.material.classes[place]]
            prompt = prompts[_drawn(len(prompts), rng)]
            bare = float(torch.rand((), generator=rng)) < UNCAPTIONED
            chosen.append(place)
            conditions.append(self.material.unguided if bare and self.material.unguided else prompt)
        return torch.stack([self.material.latents[place] for place in chosen]), rng, conditions

    def _prior_batch(self, step: int) -> tuple[Tensor, torch.Generator, list[Condition]]:
        """Draw as many of the images that the model drew before."""
        rng = torch.Generator().manual_seed(_seed(self._settings.seed, f"prior {step}"))
        prior = self.material.prior
        drawn = [prior[_drawn(len(prior), rng)] for _ in range(self._settings.batch_size)]
        return torch.stack([latent for latent, _ in drawn]), rng, [condition for _, condition in drawn]

    def _measure(self) -> None:
        """Note the losses, and keep the weights if they are the best so far."""
        state = self.state
        trained, known = _mean(state.running), _mean(state.prior_running)
        state.running, state.prior_running = [], []
        measured = self._held_out_loss()
        before = [loss for step, _, loss, _ in state.losses if step and not math.isnan(loss)]
        state.losses.append((state.step, trained, measured, known))
        if state.step and (math.isnan(measured) or not before or measured < min(before)):
            state.best, state.best_step = self.denoiser.state(), state.step
        self._watched(state.step)

    @torch.inference_mode()
    def _held_out_loss(self) -> float:
        """The mean loss of the held-out images at fixed noise and times; nan without such images."""
        held = list(self.material.held)
        if not held:
            return math.nan
        rng = torch.Generator().manual_seed(_seed(self._settings.seed, -1))
        clean = torch.stack([self.material.latents[place] for place in held])
        conditions = [self.material.conditions[self.material.classes[place]][0] for place in held]
        found, at_once = [], self._settings.batch_size
        for times in self.denoiser.objective.even_times(len(held), _LEVELS):
            noise = torch.randn(clean.shape, generator=rng)
            for first in range(0, len(held), at_once):
                part = slice(first, first + at_once)
                found.append(self.denoiser.loss(clean[part], noise[part], times[part], conditions[part]).cpu())
        return float(torch.cat(found).mean())

    def _keep(self) -> None:
        state = self.state
        state.lora, state.optimizer = self.denoiser.state(), self._optimizer.state_dict()
        state.scaler = self._scaler.state_dict()
        save_state(self._path, state, self._identity, self.denoiser.precision)


def _drawn(count: int, rng: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=rng))


def _mean(losses: Sequence[float]) -> float:
    return sum(losses) / len(losses) if losses else math.nan


def _seed(seed: int, step: object) -> int:
    """A seed for each step: neighbouring seeds do not share the draws of neighbouring steps."""
    return int.from_bytes(blake2b(f"tune {seed} {step}".encode(), digest_size=7).digest(), "big")
