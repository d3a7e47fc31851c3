"""Learners on pixels that are networks of timm: every arm takes the same number of optimiser steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from synthgen.errors import UsageError
from synthgen.evaluating.augmenting import rand_augment
from synthgen.models.device import device_errors

if TYPE_CHECKING:
    from torch import Tensor, nn

    from synthgen.evaluating.arms import Lesson
    from synthgen.evaluating.contract import Divided
    from synthgen.evaluating.learners import FitLesson
    from synthgen.evaluating.pixels import SquarePixels
    from synthgen.models.classifiers import Classifier
    from synthgen.stats.search import Codes

BATCH = 32
RATES, FINE_RATES = (1e-3, 3e-4, 3e-3), (1e-4, 3e-5, 3e-4)
"""Learning rates that are tried, from scratch and of pretrained networks: the usual one first, which wins ties."""
_AT_ONCE = 256
_TOLD = 10
"""Progress is reported after so many steps."""
_WARM = 0.1
"""The share of steps in which the learning rate rises; then it falls to 0."""
_DECAY = 0.05
_HINT = "Choose a smaller network or smaller images."


class NetworkLearner:
    """A `Learner` that trains a network of timm with AdamW and one cycle of the learning rate.

    Repetitions differ in their first weights and in the order of images; arms of one repetition share their first
    weights. On CUDA devices it computes in mixed precision, elsewhere in float32.

    Args:
        classes: how many there are.
        steps: of the optimiser, in every fit.
        pixels: of every row.
    """

    setting, unit = "learning rate", "steps"
    tuned_on: int | None = 2

    def __init__(
        self, classifier: Classifier, classes: int, steps: int, pixels: SquarePixels, device: torch.device
    ) -> None:
        self.settings: Sequence[float] = RATES if classifier.weights is None else FINE_RATES
        self.effort = steps
        self._classifier, self._classes, self._pixels, self._device = classifier, classes, pixels, device
        self._mean, self._std = (
            255 * torch.tensor(each, device=device).view(1, 3, 1, 1) for each in (classifier.mean, classifier.std)
        )

    def copies(self, divided: Divided) -> int | None:
        """Return 0: images are augmented at every step."""
        return 0

    def of_seed(
        self, divided: Divided, train: Codes, seed: tuple[int, int], on_step: Callable[[int], None]
    ) -> FitLesson:
        def fit(lesson: Lesson, targets: Codes, tried: Sequence[int]) -> Codes:
            found = []
            for place in tried:
                with device_errors("training a network", _HINT), _own_randomness(self._device):
                    model = self._trained(lesson, self.settings[place], seed, on_step)
                    found.append(self._predicted(model, targets))
            return np.stack(found)

        return fit

    def _trained(self, lesson: Lesson, rate: float, seed: tuple[int, int], on_step: Callable[[int], None]) -> nn.Module:
        torch.manual_seed(int(np.random.SeedSequence([*seed, *b"network"]).generate_state(1)[0]))
        model = self._classifier.open(self._classes, self._pixels.shape[1]).to(self._device).train()
        optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, rate, total_steps=self.effort, pct_start=_WARM, cycle_momentum=False
        )
        scaler = torch.amp.GradScaler(self._device.type, enabled=self._half is torch.float16)
        rng = np.random.default_rng([*seed, *b"batches"])
        for step, batch in enumerate(_batches(len(lesson.rows), self.effort, rng), 1):
            images = self._tensor(lesson.rows[batch], augmented=lesson.augmented)
            classes = torch.from_numpy(lesson.classes[batch]).to(self._device)
            with self._precision():
                loss = functional.cross_entropy(model(images).float(), classes)
            optimiser.zero_grad()
            scaler.scale(loss).backward()
            scaler.step(optimiser)
            scaler.update()
            schedule.step()
            if step % _TOLD == 0 or step == self.effort:
                on_step((step - 1) % _TOLD + 1)
        return model.eval()

    def _predicted(self, model: nn.Module, targets: Codes) -> Codes:
        found = []
        with torch.inference_mode(), self._precision():
            for start in range(0, len(targets), _AT_ONCE):
                scores = model(self._tensor(targets[start : start + _AT_ONCE]))
                found.append(scores.float().argmax(1).cpu().numpy())
        return np.concatenate(found)

    def _tensor(self, rows: Codes, *, augmented: bool = False) -> Tensor:
        """Return rows as images on the device, scaled as the network wants them."""
        images = torch.from_numpy(self._pixels[rows]).permute(0, 3, 1, 2)
        if augmented:
            images = torch.stack([rand_augment()(image) for image in images])
        return (images.to(self._device).float() - self._mean) / self._std

    @property
    def _half(self) -> torch.dtype | None:
        if self._device.type != "cuda":
            return None
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16

    def _precision(self) -> torch.autocast | nullcontext[None]:
        return nullcontext() if self._half is None else torch.autocast(self._device.type, dtype=self._half)


def check_network(classifier: Classifier, side: int) -> None:
    """Check that a network can be made, and takes images of that side.

    Raises:
        UsageError: it does not.
    """
    try:
        with torch.inference_mode(), _own_randomness(torch.device("cpu")):
            made = classifier.open(2, side).eval()(torch.zeros(2, 3, side, side))
    except (AssertionError, AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        what = f"timm's network {classifier.name!r} cannot take images of {side} x {side} pixels: {error}"
        hint = f"It was made for {classifier.side}: choose another `image_size`, or another network."
        raise UsageError(what, argument="learner", hint=hint) from error
    if tuple(made.shape) != (2, 2):
        what = f"timm's network {classifier.name!r} does not classify images"
        raise UsageError(what, argument="learner", hint="Choose another network, such as resnet18.")


@contextmanager
def _own_randomness(device: torch.device) -> Iterator[None]:
    """Leave torch's own random state as it was, and let cuDNN compute the same each time."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), torch.backends.cudnn.flags(deterministic=True, benchmark=False):
        yield


def _batches(count: int, steps: int, rng: np.random.Generator) -> list[Codes]:
    """Return the rows of each step: all images in a new order, again and again, so that every batch is full."""
    rounds = -(-steps * BATCH // count)
    order = np.concatenate([rng.permutation(count) for _ in range(rounds)])
    return [order[start : start + BATCH] for start in range(0, steps * BATCH, BATCH)]
