"""Leaving a pipeline's call after a few steps, and going on with those images that are worth it.

No pipeline has a way to go on from its middle. So the call is made again: its denoiser returns what it returned before,
row by row, and the scheduler makes its steps again from that, with the same noise. The numbers are those of a call that
was not left, and only the scheduler's steps are made twice. This holds for any scheduler, whatever it remembers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from diffusers import DiffusionPipeline
from diffusers.utils import BaseOutput
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool1d, adaptive_avg_pool2d

from synthgen.families.memory import backbone_of
from synthgen.generating.clean import clean_of, levels_of
from synthgen.generating.given import LaidOut
from synthgen.generating.hooks import Forward, StepCall, hooked_forward, hooked_steps
from synthgen.generating.renderer import Renderer
from synthgen.records import Candidate, CannotLeaveError, Failure, Rendered
from synthgen.records.begun import Begun
from synthgen.spec import FixedModel

MOST = 4096
"""The most numbers that are kept of the clean latents."""
_SIDE = 16
_LEFT = Failure("left", "its first steps were made")
_HINT = "Remove filters.early, or set it to off."

_Output: TypeAlias = "Tensor | BaseOutput | tuple[_Output, ...] | list[Tensor]"
_Row: TypeAlias = list[Tensor]
"""Of one image, the tensors that one call of the denoiser returned, with an axis of guidance's branches first."""


class _Left(Exception):  # noqa: N818 - it is no error: it leads out of a pipeline's call
    """The steps are made that were to be made."""


@dataclass(frozen=True, slots=True)
class _Call:
    """What a call of the denoiser returned: its form, and the rows of each image."""

    form: Callable[[list[Tensor]], object]
    rows: list[_Row]


@dataclass(slots=True)
class LeftCall:
    """A call of a pipeline that was left.

    Attributes:
        clean: the clean latents of the batch that the last step predicts, pooled: float32 [images, numbers].
        calls: what each call of the denoiser returned.
    """

    clean: Tensor | None = None
    calls: list[_Call] = field(default_factory=list)

    def state(self, row: int) -> list[_Call]:
        """Return what one image needs to go on."""
        return [_Call(each.form, [each.rows[row]]) for each in self.calls]


@contextmanager
def left_after(pipeline: DiffusionPipeline, steps: int, images: int) -> Iterator[LeftCall]:
    """Leave the call that is made inside the block after so many steps of the scheduler, and record it.

    Args:
        images: in the batch.

    Raises:
        CannotLeaveError: the model or its scheduler does not tell what is needed.
    """
    left, made, order = LeftCall(), 0, int(getattr(pipeline.scheduler, "order", 1))

    def step(call: StepCall) -> object:
        nonlocal made
        sample, model_output = call.tensor("sample"), call.tensor("model_output")
        levels = levels_of(call.scheduler, call.tensor("timestep"))
        output, made = call.made(), made + 1
        if made < steps * order:
            return call.returned(output)
        clean = clean_of(call.scheduler, output, model_output, sample, levels)
        if clean is None or clean.shape[0] != images:
            raise unfit(f"the steps of {type(call.scheduler).__name__} do not tell the clean image that they predict")
        left.clean = pooled(clean)
        raise _Left

    def recorded(forward: Forward) -> Forward:
        def called(*args: object, **more: object) -> object:
            output = forward(*args, **more)
            left.calls.append(_split(output, images))
            return output

        return called

    try:
        with hooked_steps(pipeline, step), hooked_forward(_denoiser(pipeline), recorded):
            yield left
    except _Left:
        pass
    finally:
        pipeline.maybe_free_model_hooks()  # as a call does at its end: what waits in the CPU's memory goes back there
    if left.clean is None:
        raise unfit(f"{type(pipeline).__name__} does not make {steps} steps with its own scheduler")


@contextmanager
def continued(pipeline: DiffusionPipeline, states: Sequence[list[_Call]]) -> Iterator[None]:
    """Let the call that is made inside the block go on from where each of its images was left."""
    calls = iter([_Call(each[0].form, [call.rows[0] for call in each]) for each in zip(*states, strict=True)])

    def played(forward: Forward) -> Forward:
        def called(*args: object, **more: object) -> object:
            call = next(calls, None)
            return forward(*args, **more) if call is None else _joined(call)

        return called

    with hooked_forward(_denoiser(pipeline), played):
        yield


def pooled(clean: Tensor) -> Tensor:
    """Pool clean latents to at most 16 x 16 cells a channel, and `MOST` numbers in all: float32 [images, numbers].

    Args:
        clean: [images, channels, height, width], with an axis of one frame before or behind the channels or not; or
            packed: [images, places, channels].
    """
    found = clean.float()
    if found.ndim == 5:
        found = found.flatten(1, 2) if 1 in found.shape[1:3] else found.mean(2)
    if found.ndim == 3:
        places = min(found.shape[1], _SIDE**2, max(1, MOST // found.shape[2]))
        return adaptive_avg_pool1d(found.transpose(1, 2), places).flatten(1)
    side = min(_SIDE, max(1, int((MOST / found.shape[1]) ** 0.5)))
    height, width = found.shape[-2:]
    return adaptive_avg_pool2d(found, (min(side, height), min(side, width))).flatten(1)


def unfit(why: str) -> CannotLeaveError:
    """Say why a model's images cannot be rejected early."""
    return CannotLeaveError(f"filters.early does not work here: {why}", hint=_HINT)


class EarlyRenderer(Renderer):
    """A `Renderer` that can leave images after a few steps, and finish those that are worth it."""

    _steps: int | None = None
    _begun: dict[str, tuple[Tensor, list[_Call]]]
    _states: Mapping[str, list[_Call]] = {}

    def begin(self, candidates: Sequence[Candidate], steps: int) -> list[Begun]:
        """Make the first steps of a batch; see `EarlyGenerator.begin`."""
        self._steps, self._begun = steps, {}
        try:
            return [self._as_begun(one) for one in self.render(candidates)]
        finally:
            self._steps, self._begun = None, {}

    def finish(self, begun: Sequence[Begun]) -> list[Rendered]:
        """Finish a batch; see `EarlyGenerator.finish`."""
        self._states = {one.candidate.id: one.state for one in begun}  # type: ignore[misc] # `begin` made it
        try:
            return self.render([one.candidate for one in begun])
        finally:
            self._states = {}

    def _as_begun(self, rendered: Rendered) -> Begun:
        clean, state = self._begun[rendered.candidate.id]
        numbers = clean.numpy().astype("float16") if bool(clean.half().isfinite().all()) else None
        return Begun(rendered.candidate, numbers, state, rendered.seconds, rendered.batch_size)

    def _draw(
        self, batch: Sequence[tuple[Candidate, LaidOut | None]], settings: FixedModel
    ) -> list[tuple[Tensor | None, Failure | None]]:
        if self._steps is None:
            return super()._draw(batch, settings)
        candidates = [one for one, _ in batch]
        with left_after(self.pipeline, self._steps, len(batch)) as left:
            self._run(candidates, [place for _, place in batch if place is not None], settings)
        assert left.clean is not None, "it was left"
        clean = left.clean.cpu()  # of the batch at once: the device is waited for
        for row, one in enumerate(candidates):
            self._begun.setdefault(one.id, (clean[row], left.state(row)))
        return [(None, _LEFT)] * len(batch)

    def _run(self, candidates: Sequence[Candidate], laid_out: Sequence[LaidOut], settings: FixedModel) -> object:
        if not self._states:
            return super()._run(candidates, laid_out, settings)
        with continued(self.pipeline, [self._states[one.id] for one in candidates]):
            return super()._run(candidates, laid_out, settings)


def _denoiser(pipeline: DiffusionPipeline) -> nn.Module:
    part = pipeline.components.get(backbone_of(pipeline.components))
    if not isinstance(part, nn.Module):
        raise unfit(f"{type(pipeline).__name__} has no part that denoises alone")
    return part


def _split(output: object, images: int) -> _Call:
    """Divide what a denoiser returned for a batch, [branch 0 of each image, branch 1 of each image, ...], by images."""
    leaves, form = _leaves(output)
    rows: list[_Row] = [[] for _ in range(images)]
    for leaf in leaves:
        alike = isinstance(leaf, Tensor) or len({each.shape for each in leaf}) == 1
        whole = leaf if isinstance(leaf, Tensor) else torch.stack(leaf) if alike else None
        if whole is None or whole.ndim == 0 or whole.shape[0] % images:
            raise unfit("its denoiser returns images of a batch together")
        for row in range(images):
            rows[row].append(whole[row::images].clone())
    return _Call(form, rows)


def _joined(call: _Call) -> object:
    """Put rows together as a denoiser would return them."""
    return call.form([torch.stack(each, dim=1).flatten(0, 1) for each in zip(*call.rows, strict=True)])


def _leaves(output: object) -> tuple[list[Tensor | list[Tensor]], Callable[[list[Tensor]], object]]:
    """Return the tensors of an output, and what makes an output of tensors in their places."""
    if isinstance(output, Tensor):
        return [output], lambda found: found[0]
    if isinstance(output, list) and output and all(isinstance(each, Tensor) for each in output):
        return [output], lambda found: list(found[0].unbind())
    if isinstance(output, BaseOutput):
        kind, names = type(output), list(output)
        inner, form = _leaves(tuple(output[name] for name in names))
        return inner, lambda found: kind(**dict(zip(names, form(found), strict=True)))  # type: ignore[call-overload]
    if isinstance(output, tuple):
        parts = [_leaves(each) for each in output]
        sizes = [len(each) for each, _ in parts]

        def as_tuple(found: list[Tensor]) -> object:
            rest = iter(found)
            return tuple(form([next(rest) for _ in range(size)]) for size, (_, form) in zip(sizes, parts, strict=True))

        return [leaf for each, _ in parts for leaf in each], as_tuple
    if output is None:
        return [], lambda _: None
    raise unfit(f"its denoiser returns a {type(output).__name__}")
