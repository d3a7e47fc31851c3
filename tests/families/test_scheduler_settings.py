"""Settings of schedulers: which a class has, of what type, and what they would do to an image's seed."""

from collections.abc import Mapping

import pytest

from synthgen.families.resolve import call_of
from synthgen.families.schedulers import scheduler_problems

FLOW = "FlowMatchEulerDiscreteScheduler"
LIGHTNING = {"base_shift": 1.1, "max_shift": 1.1, "shift_terminal": None, "use_dynamic_shifting": True}


def problems(pipeline: str, own: str, wanted: str | None = None, **settings: object) -> dict[str, str]:
    files: dict[str, Mapping[str, object]] = {
        "model_index.json": {"_class_name": f"{pipeline}Pipeline"},
        "scheduler/scheduler_config.json": {"_class_name": own} if own else {},
    }

    def read(path: str) -> Mapping[str, object]:
        return files.get(path, {})

    return dict(scheduler_problems(call_of(read), read, wanted, settings))


@pytest.mark.parametrize(
    ("pipeline", "own", "wanted", "settings"),
    [
        ("StableDiffusionXL", "EulerDiscreteScheduler", None, {"timestep_spacing": "trailing"}),
        ("StableDiffusion", "PNDMScheduler", "DDIMScheduler", {"timestep_spacing": "trailing"}),
        ("StableDiffusion", "DDIMScheduler", "DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
        ("StableDiffusion3", FLOW, None, {"shift": 3}),  # a whole number where a number is wanted
        ("QwenImage", FLOW, None, LIGHTNING),  # the pipeline reads the shifts, not the scheduler
    ],
)
def test_settings_that_a_scheduler_has_are_accepted(
    pipeline: str, own: str, wanted: str | None, settings: Mapping[str, object]
) -> None:
    assert problems(pipeline, own, wanted, **settings) == {}


@pytest.mark.parametrize(
    ("wanted", "name", "value", "said"),
    [
        ("EulerDiscreteScheduler", "timestep_spacng", "trailing", "did you mean 'timestep_spacing'?"),
        ("EulerDiscreteScheduler", "timestep_spacing", "last", "expected linspace or leading or trailing"),
        ("EulerAncestralDiscreteScheduler", "timestep_spacing", "last", "expected leading or linspace or trailing"),
        ("EulerDiscreteScheduler", "use_karras_sigmas", 1, "expected true or false"),
        ("DDIMScheduler", "beta_start", "0.1", "expected a number for"),
        ("DDIMScheduler", "beta_start", 0, "expected more than 0"),
        ("DDIMScheduler", "steps_offset", -1, "expected at least 0"),
        ("DDIMScheduler", "num_train_timesteps", 10**9, "expected at most 100,000"),
        ("DDIMScheduler", "trained_betas", 0.1, "an array, which a spec cannot give"),
        ("LCMScheduler", "timestep_spacing", "trailing", "ignores its setting"),
    ],
)
def test_settings_that_a_scheduler_cannot_have_are_refused(wanted: str, name: str, value: object, said: str) -> None:
    found = problems("StableDiffusion", "PNDMScheduler", wanted, **{name: value})
    assert said in found[f"scheduler_config.{name}"]


def test_settings_that_contradict_each_other_or_need_what_the_pipeline_does_not_give_are_refused() -> None:
    both = problems(
        "StableDiffusion", "DDIMScheduler", "EulerDiscreteScheduler", use_karras_sigmas=True, use_beta_sigmas=True
    )
    assert "only one of" in both["scheduler_config.use_beta_sigmas"]
    assert "does not compute the shift" in problems("Sana", FLOW, use_dynamic_shifting=True).popitem()[1]
    assert "no scheduler of its own" in problems("StableDiffusion", "", shift=3)["scheduler_config"]


@pytest.mark.parametrize("pipeline", ["Flux", "StableDiffusion3", "ZImage"])
def test_noise_at_each_step_is_refused_where_seeds_do_not_reach_it(pipeline: str) -> None:
    found = problems(pipeline, FLOW, stochastic_sampling=True)
    assert "an image would depend on its batch" in found["scheduler_config.stochastic_sampling"]
