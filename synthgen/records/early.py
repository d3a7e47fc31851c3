"""Records of early rejection: what was seen and decided after the first steps of an attempt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthgen.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class CannotLeaveError(ModelError):
    """A model does not make images in steps that can be left and gone on from."""


@dataclass(frozen=True, slots=True, eq=False)
class EarlyLook:
    """What was seen and decided at the step at which an attempt may be stopped.

    Attributes:
        step: the step, counted from 1.
        score: by how much the prediction is above what is stopped: below 0 the attempt is stopped, unless it is in the
            control arm. None where nothing of its kind was stopped yet.
        control: whether it is finished whatever its score is.
        clean: see `synthgen.records.begun.Begun`.
    """

    step: int
    score: float | None
    control: bool
    clean: NDArray[np.float16] | None

    @property
    def stops(self) -> bool:
        """Whether the attempt is not finished."""
        return self.score is not None and self.score < 0 and not self.control
