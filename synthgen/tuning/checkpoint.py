"""Where a training stands, kept in a file: what is loaded from it continues as if nothing had happened."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from synthgen.errors import StorageError, UsageError
from synthgen.files import draft
from synthgen.tuning.folder import PRIOR

if TYPE_CHECKING:
    from torch import Tensor

    from synthgen.tuning.settings import TuneIdentity


@dataclass(slots=True)
class TrainingState:
    """How far a training is.

    Attributes:
        lora: the weights after `step` steps; None before the first.
        optimizer, scaler: what these keep.
        best: the weights with the lowest loss so far on held-out images; without such images, the last ones.
        best_step: after how many steps they were.
        losses: by number of steps, the mean loss of training since the last entry, that on held-out images, and that on
            images that the model drew before; nan where there is none.
        running, prior_running: losses since the last entry.
        prior: one hash of the images that the model drew before.
        seconds: spent so far.
    """

    lora: Mapping[str, Tensor] | None = None
    optimizer: Mapping[str, object] | None = None
    scaler: Mapping[str, object] | None = None
    step: int = 0
    best: Mapping[str, Tensor] | None = None
    best_step: int = 0
    losses: list[tuple[int, float, float, float]] = field(default_factory=list)
    running: list[float] = field(default_factory=list)
    prior_running: list[float] = field(default_factory=list)
    prior: str = ""
    seconds: float = 0.0

    def said(self) -> str:
        """Say the last loss that was measured, in words; it is the same until the next one."""
        _, trained, held, _ = self.losses[-1] if self.losses else (0, math.nan, math.nan, math.nan)
        if not math.isnan(held):
            return f"held-out loss {held:.4f}"
        return "no loss yet" if math.isnan(trained) else f"loss {trained:.4f}"


def save_state(path: Path, state: TrainingState, identity: TuneIdentity, precision: str) -> None:
    """Write a state whole or not at all.

    Args:
        precision: of the frozen weights.

    Raises:
        StorageError: it cannot be written.
    """
    content = {name: getattr(state, name) for name in TrainingState.__slots__}
    with draft(path) as new:
        torch.save({**content, "identity": json.dumps(identity.as_json()), "precision": precision}, new)
        new.replace()


def load_state(path: Path, identity: TuneIdentity, precision: str) -> TrainingState:
    """Read the state of a training; that of one which has not begun if there is none.

    Raises:
        UsageError: it is of another tuning, or in another precision.
        StorageError: it is damaged.
    """
    if not path.is_file():
        return TrainingState()
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        before, began_in = json.loads(content.pop("identity")), content.pop("precision", precision)
        state = TrainingState(**content)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, pickle.UnpicklingError) as error:
        raise StorageError(f"{path} is damaged", hint="Delete it to begin again.") from error
    check_same(path, identity, before)
    if began_in != precision:
        hint = f"Give `precision={began_in!r}` to go on, choose another `output`, or delete that folder."
        what = f"the tuning in {path.parent} was begun in {began_in}, and {precision} is asked for now"
        raise UsageError(what, argument="precision", hint=hint)
    state.losses = [(int(step), float(one), float(other), float(prior)) for step, one, other, prior in state.losses]
    return state


def check_prior(path: Path, state: TrainingState, prior: str) -> None:
    """Refuse to go on with other images of the model than the training began with; note those of a new one.

    Raises:
        StorageError: they are others.
    """
    if state.step and state.prior != prior:
        hint = f"Delete {path} to begin again."
        raise StorageError(f"{path.parent / PRIOR} has other images than the training began with", hint=hint)
    state.prior = prior


def check_same(path: Path, identity: TuneIdentity, before: Mapping[str, object]) -> None:
    """Refuse to go on with a tuning of another model, other images or other settings.

    Raises:
        UsageError: it is another one.
    """
    if changes := identity.changes(before):
        hint = "Choose another `output`, or delete that folder."
        raise UsageError(f"{path.parent} is of another tuning: {'; '.join(changes)}", argument="output", hint=hint)
