"""`Begun`: an attempt that was left after a few steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthgen.records import Candidate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
