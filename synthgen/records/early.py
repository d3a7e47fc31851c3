"""Records of early rejection: an attempt that was left after a few steps, and what was decided then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthgen.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from synthgen.records import Candidate


class CannotLeaveError(ModelError):
    """A model does not make images in steps that can be left and gone on from."""


@dataclass(frozen=True, slots=True, eq=False)
class Begun:
    """An attempt whose first steps are made.

    Attributes:
        clean: the clean latents that the last of these steps predicts, pooled: float16 [numbers]; None where they are
            not finite.
        state: what the generator needs to go on.
        seconds: the batch's time divided by its size.
        batch_size: of the batch that it was begun in.
    """

    candidate: Candidate
    clean: NDArray[np.float16] | None
    state: object
    seconds: float
    batch_size: int


@dataclass(frozen=True, slots=True, eq=False)
class EarlyLook:
    """What was seen and decided at the step at which an attempt may be stopped.

    Attributes:
        step: the step, counted from 1.
        score: by how much the prediction is above what is stopped: below 0 the attempt is stopped, unless it is in the
            control arm. None where nothing of its kind was stopped yet.
        control: whether it is finished whatever its score is.
        clean: see `Begun`.
    """

    step: int
    score: float | None
    control: bool
    clean: NDArray[np.float16] | None

    @property
    def stops(self) -> bool:
        """Whether the attempt is not finished."""
        return self.score is not None and self.score < 0 and not self.control
