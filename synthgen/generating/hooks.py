"""Hooks in a pipeline's call: what its scheduler's steps get and make, and what stands before its denoisers."""

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import torch
from diffusers import DiffusionPipeline, SchedulerMixin
from diffusers.utils import BaseOutput
from torch import Tensor, nn

_GIVEN = ("model_output", "timestep", "sample", "return_dict")

Forward = Callable[..., object]


@dataclass(frozen=True, slots=True)
class StepCall:
    """A call of a scheduler's `step`: the method of its class, and what it is given, by name."""

    method: Callable[..., BaseOutput]
    given: dict[str, object]

    @property
    def scheduler(self) -> SchedulerMixin:
        """The scheduler that is called."""
        return cast("SchedulerMixin", self.given["self"])

    def tensor(self, name: str) -> Tensor:
        """Return an argument as a tensor."""
        return torch.as_tensor(self.given[name])

    def made(self) -> BaseOutput:
        """Make the step."""
        return self.method(**{**self.given, "return_dict": True})

    def returned(self, output: BaseOutput) -> object:
        """Return the output in the form that the pipeline asks for."""
        return output if self.given.get("return_dict", True) else output.to_tuple()


@contextmanager
def hooked_steps(pipeline: DiffusionPipeline, step: Callable[[StepCall], object]) -> Iterator[None]:
    """Let `step` make the steps of the pipeline's scheduler inside the block."""
    hooked: list[tuple[type, Callable[..., BaseOutput]]] = []
    try:
        for kind in _with_steps(SchedulerMixin):
            # The classes and not the instance: what draws may give the pipeline another scheduler.
            hooked.append((kind, vars(kind)["step"]))
            kind.step = _of_pipeline(pipeline, vars(kind)["step"], step)  # type: ignore[attr-defined]
        yield
    finally:
        for kind, method in hooked:
            kind.step = method  # type: ignore[attr-defined]


@contextmanager
def hooked_forward(part: nn.Module, hook: Callable[[Forward], Forward]) -> Iterator[None]:
    """Let what `hook` makes of a part's own forward stand before it inside the block, compiled or not."""
    name = "forward" if getattr(part, "_compiled_call_impl", None) is None else "_compiled_call_impl"
    before = vars(part).get(name)
    own = getattr(part, name)
    setattr(part, name, functools.wraps(part.forward)(hook(own)))
    try:
        yield
    finally:
        if before is None:
            delattr(part, name)
        else:
            setattr(part, name, before)


def _with_steps(kind: type) -> Iterator[type]:
    """Yield the loaded classes of schedulers that have a step of their own."""
    each: type
    for each in kind.__subclasses__():
        if "step" in vars(each):
            yield each
        yield from _with_steps(each)


def _of_pipeline(
    pipeline: DiffusionPipeline, method: Callable[..., BaseOutput], step: Callable[[StepCall], object]
) -> Callable[..., object]:
    """Return a method that hands the steps of the pipeline's scheduler to `step`, and leaves those of others alone."""
    signature = inspect.signature(method)

    @functools.wraps(method)  # pipelines look at its arguments to choose what they give it
    def called(scheduler: SchedulerMixin, *args: object, **more: object) -> object:
        if scheduler is not getattr(pipeline, "scheduler", None) or not {*_GIVEN} <= {*signature.parameters}:
            return method(scheduler, *args, **more)
        given = dict(signature.bind(scheduler, *args, **more).arguments)
        for name, parameter in signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                given |= given.pop(name, {})
        return step(StepCall(method, given))

    return called
