"""The pictures that images begin from, as a judge compares them: laid out as the images are."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from synthgen.api.sources import pictures_of
from synthgen.planning import Plan
from synthgen.records import Candidate

if TYPE_CHECKING:
    from synthgen.judging.edits import Before, Befores
    from synthgen.records import Pictures


def befores_of(planned: Plan, shared: Pictures | None = None) -> Befores | None:
    """Return what opens the pictures of a plan, whose set is opened on use; None if its images redraw none.

    Args:
        shared: what opens them already, for the generator beside the judge.
    """
    if not planned.spec.redraws:
        return None
    from synthgen.generating.given import layout_of

    layout, pictures = layout_of(planned.spec), cache(lambda: shared or pictures_of(planned))

    def before(candidate: Candidate, size: tuple[int, int]) -> Before:
        import numpy as np
        import torch

        from synthgen.generating.given import LaidOut
        from synthgen.judging.edits import Before

        opened = pictures()
        assert opened is not None, "the plan has pictures"
        laid_out = layout.lay_out(opened(candidate), size)
        assert isinstance(laid_out, LaidOut), "an image was made of it"
        pixels = torch.from_numpy(np.array(laid_out.image)).permute(2, 0, 1)
        return Before(pixels, None if laid_out.region is None else torch.from_numpy(laid_out.region))

    return before
