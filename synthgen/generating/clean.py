"""The clean latents that one step of a scheduler predicts, whatever the model predicts and the scheduler keeps.

Schedulers differ in what they call a noisy sample: noise is added to a shrunken sample, to a whole one, or they are
mixed. Each has a method that adds noise, which is linear in both: so it tells its own convention at any step.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from diffusers import SchedulerMixin
from torch import Tensor

_FLOW = "flow_prediction"
_PREDICTED = ("pred_original_sample", "denoised")
"""What schedulers call it that return it themselves."""


@dataclass(frozen=True, slots=True)
class Levels:
    """How noisy a sample is: it is `signal` times the clean one plus `deviation` times noise of variance 1."""

    signal: float
    deviation: float

    @property
    def noise(self) -> float:
        """The share of noise in the variance, if the clean sample has variance 1; 0..1."""
        return self.deviation**2 / (self.signal**2 + self.deviation**2)

    def normalized(self, sample: Tensor) -> Tensor:
        """Scale a sample to variance 1, if the clean sample has that."""
        scaled: Tensor = sample / (self.signal**2 + self.deviation**2) ** 0.5
        return scaled


def levels_of(scheduler: SchedulerMixin, timestep: Tensor) -> Levels | None:
    """Tell how noisy the sample is that the scheduler's next step gets; None if the scheduler cannot add noise."""
    one, nothing = torch.ones(1, 1), torch.zeros(1, 1)
    times = timestep.detach().cpu().flatten()[:1]
    if add := getattr(scheduler, "add_noise", None):
        parts = add(one, nothing, times), add(nothing, one, times)
    elif scale := getattr(scheduler, "scale_noise", None):
        parts = scale(one, times, nothing), scale(nothing, times, one)
    else:
        return None
    signal, deviation = (float(part) for part in parts)
    if _inverted(scheduler):
        signal, deviation = deviation, signal
    return Levels(signal, deviation) if signal or deviation else None


def clean_of(
    scheduler: SchedulerMixin,
    output: Mapping[str, object],
    model_output: Tensor,
    sample: Tensor,
    levels: Levels | None,
) -> Tensor | None:
    """Return the clean latents that a step predicts; None if neither its output nor the settings tell.

    With x = a x0 + b noise, x0 is (x - b e) / a where the model predicts noise e, x - b v where it predicts a flow
    v = noise - x0, and (a x - b v) / (a^2 + b^2) where it predicts a velocity v of the sample scaled to variance 1,
    in which b stands for b sqrt(a^2 + b^2).

    Args:
        output: of the step.
        model_output: what the step was given, with guidance.
    """
    for name in _PREDICTED:
        if isinstance(found := output.get(name), Tensor):
            return found
    if levels is None:
        return None
    if model_output.shape[1:2] != sample.shape[1:2]:
        model_output = model_output.chunk(2, dim=1)[0]  # the other half is a variance

    x, predicted, a, b = sample.double(), model_output.double(), levels.signal, levels.deviation
    size = (a**2 + b**2) ** 0.5
    match _prediction(scheduler):
        case "epsilon" if a:
            clean = (x - b * predicted) / a
        case "sample":
            clean = predicted
        case "v_prediction":
            clean = (a * x / size - b * predicted) / size
        case "flow_prediction":
            clean = x + b * predicted if _inverted(scheduler) else x - b * predicted
        case _:
            return None
    return clean.to(sample.dtype)


def _inverted(scheduler: SchedulerMixin) -> bool:
    """Whether its noise levels rise from noise to image, as in OmniGen: then the flow goes that way too."""
    return bool(scheduler.config.get("invert_sigmas"))


def _prediction(scheduler: SchedulerMixin) -> str | None:
    named = scheduler.config.get("prediction_type")
    if named is None and type(scheduler).__name__.startswith("FlowMatch"):
        return _FLOW
    return str(named)
