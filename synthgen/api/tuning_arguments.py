"""The arguments of a tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from synthgen.api.specs import SpecInput
    from synthgen.sets import SetSource
    from synthgen.tuning.settings import LearntWord


@dataclass(frozen=True, slots=True, eq=False)
class TuneArguments:
    """The arguments of `tune`, checked one by one."""

    real: SetSource
    model: str
    folder: Path
    template: str | None
    spec: SpecInput | None
    licence: str | None
    rank: int
    layers: str | None
    steps: int
    batch_size: int
    learning_rate: float | None
    prior: int
    prior_weight: float
    word: LearntWord | None
    size: int | None
    validation_share: float
    precision: str
    gradient_checkpointing: bool
    check: int
    judge: str | None
    label: str | None
    images_from: Path | None
    allow_remote: bool
    cache: Path | None
    device: str
    seed: int
