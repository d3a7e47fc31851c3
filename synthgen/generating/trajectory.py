"""The way from noise to an image: what a pipeline predicts as the clean image at each step, decoded as it decodes.

Families differ in how they lay latents out, and in what they do to them before the decoder. None of that is copied
here. The pipeline draws the image once, and what its scheduler gets and predicts is recorded. Then the pipeline draws
again for each picture: its denoiser returns what it returned before, and the scheduler's last step returns the latents
of that picture. So every picture takes the pipeline's own way to pixels. The latents of the finished image go this way
first: if they do not give the image, nothing is shown.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal

from diffusers import DiffusionPipeline, ModelMixin
from torch import Tensor

from synthgen.errors import ModelError, UsageError
from synthgen.generating.clean import Levels, clean_of, levels_of
from synthgen.generating.decode import decoder_of
from synthgen.generating.hooks import Forward, StepCall, hooked_forward, hooked_steps
from synthgen.generating.renderer import Renderer
from synthgen.records import Candidate, Rendered

_SHOWN = 6
"""How many steps are shown unless the user says which."""
_FURTHEST = 2
"""Grey levels between the image and the same latents decoded again, by rounding."""
_MADE = ("prev_sample", "pred_original_sample", "denoised")
"""What of a scheduler's output a pipeline decodes after the last step."""
_HINT = "`synthgen preview` shows finished images of every model."


_Tape = dict[str, list[object]]
"""What each denoiser of a pipeline returned, call by call."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture on the way to the image.

    Attributes:
        kind: `noise` is where it begins, `clean` what a step predicts, `image` the finished image.
        step: the scheduler's step, counted from 1; 0 before the first.
        timestep: of the step, in the scheduler's own numbers.
        noise: the share of noise in what the step gets, by variance, 0..1; None where the scheduler does not tell.
        image: uint8 [3, height, width]; None where the safety checker withheld it, or it is not finite.
    """

    kind: Literal["noise", "clean", "image"]
    step: int
    timestep: float
    noise: float | None
    image: Tensor | None


@dataclass(frozen=True, slots=True)
class Trajectory:
    """A candidate's frames in their order; the last is the image.

    Attributes:
        steps: how many steps the scheduler made.
    """

    rendered: Rendered
    frames: tuple[Frame, ...]
    steps: int


@dataclass(frozen=True, slots=True)
class _Step:
    sample: Tensor
    timestep: float
    levels: Levels | None
    clean: Tensor | None
    made: Tensor


def shown_steps(count: int, wanted: Sequence[int] | None) -> list[int]:
    """Choose the steps to show, or check those that the user wants.

    Raises:
        UsageError: there is no such step.
    """
    if wanted is None:
        shown = min(count, _SHOWN)
        return sorted({1 + round(place * (count - 1) / max(1, shown - 1)) for place in range(shown)})
    if beyond := [step for step in wanted if not 1 <= step <= count]:
        raise UsageError(f"there is no step {beyond[0]}: the scheduler makes {count}", argument="steps")
    return sorted(set(wanted))


def draw_trajectory(renderer: Renderer, candidate: Candidate, wanted: Sequence[int] | None = None) -> Trajectory:
    """Draw a candidate's image, and what the model predicts as the clean image at some of its steps.

    Args:
        renderer: set up.
        wanted: steps, from 1; by default some that are evenly spread.

    Raises:
        UsageError: there is no such step.
        ModelError: the pipeline or its scheduler does not tell what is needed.
    """
    pipeline, tape = renderer.pipeline, _Tape()
    with _recorded(pipeline, tape) as steps:
        rendered = renderer.render([candidate])[0]
    _check(pipeline, steps)
    chosen, last = shown_steps(len(steps), wanted), steps[-1]

    def picture(latents: Tensor) -> Tensor | None:
        with _replayed(pipeline, tape, len(steps), latents):
            return renderer.render([candidate])[0].image

    if rendered.image is not None:
        again = picture(last.made)
        if again is None or int((again.int() - rendered.image.int()).abs().max()) > _FURTHEST:
            name = type(pipeline).__name__
            raise ModelError(
                f"{name} does not decode what its scheduler returns: its steps cannot be shown", hint=_HINT
            )
    frames = []
    first = steps[0]
    if first.levels is not None:
        frames.append(Frame("noise", 0, first.timestep, 1.0, picture(first.levels.normalized(first.sample))))
    for number in chosen:
        step = steps[number - 1]
        noise = step.levels.noise if step.levels else None
        if number < len(steps):
            assert step.clean is not None, "it was checked"
            frames.append(Frame("clean", number, step.timestep, noise, picture(step.clean)))
    noise = last.levels.noise if last.levels else None
    frames.append(Frame("image", len(steps), last.timestep, noise, rendered.image))
    return Trajectory(rendered, tuple(frames), len(steps))


def _check(pipeline: DiffusionPipeline, steps: Sequence[_Step]) -> None:
    """Refuse what cannot be shown.

    Raises:
        ModelError: there were no steps, or no prediction follows from them.
    """
    name, scheduler = type(pipeline).__name__, getattr(pipeline, "scheduler", None)
    if not steps:
        raise ModelError(f"{name} makes no steps with its own scheduler that could be shown", hint=_HINT)
    if any(step.clean is None for step in steps[:-1]):
        kind = type(scheduler).__name__
        what = "neither its output nor its settings tell the clean image that a step predicts"
        raise ModelError(f"the steps of {kind} cannot be shown: {what}", hint=_HINT)


@contextmanager
def _recorded(pipeline: DiffusionPipeline, tape: _Tape) -> Iterator[list[_Step]]:
    """Record every step of the pipeline's scheduler, and what its denoisers return."""
    steps: list[_Step] = []

    def step(call: StepCall) -> object:
        sample, timestep = call.tensor("sample"), call.tensor("timestep")
        levels = levels_of(call.scheduler, timestep)
        output = call.made()
        clean = clean_of(call.scheduler, output, call.tensor("model_output"), sample, levels)
        if isinstance(made := output.get("prev_sample"), Tensor):
            steps.append(_Step(sample.clone(), float(timestep.flatten()[0]), levels, clean, made.clone()))
        return call.returned(output)

    def kept(name: str, forward: Forward) -> Forward:
        def called(*args: object, **more: object) -> object:
            output = forward(*args, **more)
            tape.setdefault(name, []).append(output)
            return output

        return called

    with _hooked(pipeline, step, kept):
        yield steps


@contextmanager
def _replayed(pipeline: DiffusionPipeline, tape: _Tape, count: int, latents: Tensor) -> Iterator[None]:
    """Let denoisers return what they returned before, and the last step `latents`."""
    done = 0

    def step(call: StepCall) -> object:
        nonlocal done
        output, done = call.made(), done + 1
        for name in _MADE if done == count else ():
            if output.get(name) is not None:
                output[name] = latents.to(output[name].dtype)
        return call.returned(output)

    def played(name: str, forward: Forward) -> Forward:
        outputs = iter(tape.get(name, ()))
        nothing = object()

        def called(*args: object, **more: object) -> object:
            output = next(outputs, nothing)
            return forward(*args, **more) if output is nothing else output

        return called

    with _hooked(pipeline, step, played):
        yield


@contextmanager
def _hooked(
    pipeline: DiffusionPipeline, step: Callable[[StepCall], object], forward: Callable[[str, Forward], Forward]
) -> Iterator[None]:
    """Let `step` make the steps of the pipeline's scheduler, and `forward` stand before each of its denoisers."""
    with ExitStack() as stack:
        stack.enter_context(hooked_steps(pipeline, step))
        for name, part in pipeline.components.items():
            compiled = getattr(part, "_compiled_call_impl", None) is not None
            if isinstance(part, ModelMixin) and part is not decoder_of(pipeline) and not compiled:
                stack.enter_context(hooked_forward(part, partial(forward, name)))
        yield
