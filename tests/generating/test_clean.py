"""The clean latents that follow from a step, for every convention of a scheduler and every kind of prediction."""

import diffusers
import pytest
import torch
from torch import Tensor

from synthgen.generating.clean import Levels, clean_of, levels_of

LATENTS = torch.linspace(-2, 2, 32).reshape(1, 2, 4, 4)
NOISE = torch.linspace(1, -1, 32).reshape(1, 2, 4, 4).sin() * 2
SCHEDULERS = {
    "PNDMScheduler": {"skip_prk_steps": True},
    "DPMSolverMultistepScheduler": {},
    "DPMSolverSinglestepScheduler": {},
    "DEISMultistepScheduler": {},
    "UniPCMultistepScheduler": {},
    "LMSDiscreteScheduler": {},
    "TCDScheduler": {},
}


def predicted(levels: Levels, kind: str) -> Tensor:
    """What a model that knows the clean latents predicts. Velocity: Salimans and Ho 2022, of a sample of variance 1."""
    if kind == "v_prediction":
        size = (levels.signal**2 + levels.deviation**2) ** 0.5
        velocity: Tensor = (levels.signal * NOISE - levels.deviation * LATENTS) / size
        return velocity
    known: dict[str, Tensor] = {"epsilon": NOISE, "sample": LATENTS, "flow_prediction": NOISE - LATENTS}
    return known[kind]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of diffusers' use of numpy
@pytest.mark.parametrize("kind", ["epsilon", "sample", "v_prediction"])
@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_model_that_knows_the_clean_latents_shows_them(name: str, kind: str) -> None:
    scheduler = getattr(diffusers, name)(prediction_type=kind, **SCHEDULERS[name])
    scheduler.set_timesteps(8)
    time = scheduler.timesteps[3]
    levels = levels_of(scheduler, time)
    assert levels is not None
    sample = levels.signal * LATENTS + levels.deviation * NOISE
    assert torch.allclose(sample, scheduler.add_noise(LATENTS, NOISE, time[None]), atol=1e-5)
    found = clean_of(scheduler, {}, predicted(levels, kind), sample, levels)
    assert found is not None
    assert torch.allclose(found, LATENTS, atol=1e-4)


@pytest.mark.parametrize("inverted", [False, True])
def test_a_flow_leads_to_the_clean_latents(inverted: bool) -> None:
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(invert_sigmas=inverted)
    scheduler.set_timesteps(8)
    sample, clean = NOISE, None
    for time in scheduler.timesteps:  # the way of a model that knows: straight from the noise to the latents
        levels = levels_of(scheduler, time)
        flow = LATENTS - NOISE if inverted else NOISE - LATENTS
        clean = clean_of(scheduler, {}, flow, sample, levels)
        assert clean is not None
        assert torch.allclose(clean, LATENTS, atol=1e-4)
        sample = scheduler.step(flow, time, sample, return_dict=False)[0]
    assert torch.allclose(sample, LATENTS, atol=1e-4)


def test_the_scheduler_s_own_prediction_comes_first() -> None:
    scheduler = diffusers.DDIMScheduler(clip_sample=True)
    scheduler.set_timesteps(8)
    output = scheduler.step(NOISE, scheduler.timesteps[0], LATENTS)
    assert clean_of(scheduler, output, NOISE, LATENTS, None) is output["pred_original_sample"]


def test_what_is_predicted_is_not_guessed() -> None:
    scheduler = diffusers.IPNDMScheduler()  # it names no kind of prediction
    scheduler.set_timesteps(8)
    assert clean_of(scheduler, {}, NOISE, LATENTS, Levels(0.5, 0.5)) is None
