"""Early rejection: whether a spec has it, and where."""

from collections.abc import Iterator
from dataclasses import dataclass

from synthgen.spec.bare import Violation
from synthgen.spec.spec import Spec

FEWEST = 4
"""With fewer steps than these, there is little to save."""
SMALLEST = 64
"""Of shards with fewer images, most attempts would be made before anything is learned."""
_SHARE = 0.15
_CHOICES = ("steps", "scheduler", "size")
_PLUGIN = "plugin:"
_SHARD = 256
"""What `shard_size: auto` gives, or less."""


@dataclass(frozen=True, slots=True)
class EarlyPlan:
    """Where attempts may be stopped.

    Attributes:
        step: after which step, counted from 1.
        steps: of a whole image.
        keep: see `EarlyFilter`.
        is_asked: whether the spec names the step: then a model that cannot do it ends the run.
    """

    step: int
    steps: int
    keep: float
    is_asked: bool


def early_of(spec: Spec) -> EarlyPlan | str | None:
    """Return where attempts of a spec may be stopped; or why none are; or None where it does not ask for that.

    Example:
        >>> import synthgen
        >>> from synthgen.spec.early_plan import early_of
        >>> early_of(synthgen.plan("specs/quickstart.yaml").spec) is None
        True
    """
    early = spec.filters.early
    if early is None:
        return None
    if why := _why_not(spec):
        return why
    steps = spec.model.steps
    assert isinstance(steps, int), "choices are refused"
    step = max(1, round(_SHARE * steps)) if early.steps == "auto" else early.steps
    if step >= steps:
        return f"an image is finished after {steps} steps"
    return EarlyPlan(step, steps, early.keep, early.steps != "auto")


def check_early(spec: Spec) -> Iterator[Violation]:
    """Yield why attempts cannot be left at the step that a spec names."""
    found, asked = early_of(spec), spec.filters.early
    if asked is not None and asked.steps != "auto" and isinstance(found, str):
        what = f"filters.early: {found}; 'auto' leaves it off where it cannot act"
        yield Violation(("filters", "early"), what)


def described(spec: Spec) -> str | None:
    """Say whether attempts are stopped early, and why not; None where a spec does not ask for it."""
    found = early_of(spec)
    if isinstance(found, EarlyPlan):
        return f"after step {found.step} of {found.steps}, keeping {found.keep:.4g} of the good images or more"
    return f"off: {found}" if found is not None else None


def _why_not(spec: Spec) -> str | None:
    model = spec.model
    if model.id.startswith(_PLUGIN):
        return "a generator of an installed package makes an image in one go"
    if spec.task != "text-to-image":
        return f"the task {spec.task} begins from pictures"
    if spec.then:
        return "later stages (then) change what is judged"
    if model.cache is not None:
        return "model.cache carries what the denoiser computed from step to step"
    if drawn := [key for key in _CHOICES if not isinstance(getattr(model, key), int | str | None)]:
        return f"images draw their model.{drawn[0]}"
    if not isinstance(model.steps, int) or model.steps < FEWEST:
        return f"{model.steps} steps are too few to save much"
    rejects = any(value for name, value in spec.filters if name != "early")
    if not rejects and not spec.wanted and not spec.safety.reject:
        return "nothing is rejected: there are no filters, and no shares to keep"
    size = spec.output.shard_size
    images = min(spec.total, size if isinstance(size, int) else _SHARD)
    if images < SMALLEST:
        return f"shards of {images} images are finished before enough is learned; it takes at least {SMALLEST}"
    return None
