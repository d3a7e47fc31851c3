"""The training loop that all four models share: optimizer, learning rate, averaged weights, checkpoints."""

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from synthgen.files import draft

SECONDS_BETWEEN_CHECKPOINTS = 120


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast a model is trained.

    Attributes:
        rate: the learning rate's peak, after `warmup` steps; then it falls to a fiftieth along a cosine.
        average: per step, the share that averaged weights keep (Polyak averaging); 0 keeps the last ones.
    """

    steps: int
    batch: int
    rate: float
    warmup: int = 100
    average: float = 0.0

    def factor(self, step: int) -> float:
        if step < self.warmup:
            return (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done))


def train(
    name: str,
    model: nn.Module,
    schedule: Schedule,
    loss_of: Callable[[torch.Generator], Tensor],
    folder: Path,
    device: torch.device,
) -> float:
    """Train `model` in place, from the last checkpoint in `folder` if any; end with its averaged weights.

    `loss_of` draws a batch with the generator that it is given, which depends on the step alone: a resumed
    training sees the same batches as an uninterrupted one.

    Returns:
        Seconds spent training, those before a resume included.
    """
    model.to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), schedule.rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
    average = {key: value.detach().clone() for key, value in model.state_dict().items()}
    step, spent = 0, 0.0

    path = folder / f"{name}.checkpoint"
    if path.exists():
        saved = torch.load(path, map_location=device, weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        average, step, spent = saved["average"], saved["step"], saved["spent"]

    began = saved_at = time.monotonic()
    shown = torch.zeros((), device=device)
    while step < schedule.steps:
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate * schedule.factor(step)
        loss = loss_of(torch.Generator().manual_seed(step))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        # Early in training the average forgets faster, so that it does not remember the random start.
        keep = min(schedule.average, (1 + step) / (10 + step)) if schedule.average else 0.0
        for key, value in model.state_dict().items():
            if value.is_floating_point():
                average[key].lerp_(value, 1 - keep)
            else:
                average[key].copy_(value)

        step += 1
        shown = 0.98 * shown + 0.02 * loss.detach() if step > 1 else loss.detach()
        now = time.monotonic()
        if step % 50 == 0:
            seconds = spent + now - began
            left = seconds / step * (schedule.steps - step)
            print(
                f"{name} {step}/{schedule.steps} loss {float(shown):.4f} {left / 60:.1f} min left",
                file=sys.stderr,
            )
        if now - saved_at > SECONDS_BETWEEN_CHECKPOINTS or step == schedule.steps:
            saved_at = now
            state = {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "average": average,
                "step": step,
                "spent": spent + now - began,
            }
            with draft(path) as new:
                torch.save(state, new)
                new.replace()

    model.load_state_dict(average)
    model.eval()
    return spent + time.monotonic() - began
