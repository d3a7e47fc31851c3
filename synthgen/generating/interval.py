"""Guidance that acts in an interval of the denoising only."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import wraps

from diffusers import DiffusionPipeline

from synthgen.families import steps_between


class IntervalGuidance(float):
    """A guidance scale that multiplies as itself in an interval of the steps, and as none outside.

    Compared, it is itself: a pipeline computes with and without guidance in every step, its arrays keep their shapes.
    See `synthgen.families.interval` for the pipelines where that is right.

    Attributes:
        off: what multiplies where there is no guidance: 1, or 0 in families that take the scale less one.
        step: the step that is being made, from 0.
    """

    def __new__(
        cls, scale: float, off: float, interval: Sequence[float], pipeline: DiffusionPipeline
    ) -> "IntervalGuidance":
        made = super().__new__(cls, scale)
        made.off, made.interval, made.pipeline, made.step = off, interval, pipeline, 0
        return made

    off: float
    interval: Sequence[float]
    pipeline: DiffusionPipeline
    step: int

    def __mul__(self, other: object) -> object:  # type: ignore[override] # what it multiplies is an array
        acts = self.step in steps_between(self.interval, len(self.pipeline.scheduler.timesteps))
        return (float(self) if acts else self.off) * other  # type: ignore[operator]


@contextmanager
def counting(guidance: IntervalGuidance) -> Iterator[None]:
    """Let a scale know which step is being made, while its pipeline is called once."""
    scheduler = guidance.pipeline.scheduler
    step = scheduler.step
    guidance.step = 0

    @wraps(step)
    def counted(*args: object, **more: object) -> object:
        made = step(*args, **more)
        guidance.step += 1
        return made

    scheduler.step = counted
    try:
        yield
    finally:
        del scheduler.step  # the class's own is there again
