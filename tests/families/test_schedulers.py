"""Schedulers that fit a model or do not, and those with which an image would depend on its batch."""

from collections.abc import Mapping

import pytest

from synthgen.families.resolve import call_of
from synthgen.families.schedulers import scheduler_problems


def problems(pipeline: str, own: str, wanted: str | None = None, **config: object) -> list[str]:
    files: dict[str, Mapping[str, object]] = {
        "model_index.json": {"_class_name": pipeline},
        "transformer/config.json": {"guidance_embeds": True},
        "scheduler/scheduler_config.json": {"_class_name": own, **config},
    }

    def read(path: str) -> Mapping[str, object]:
        return files.get(path, {})

    return [f"{key}: {why}" for key, why in scheduler_problems(call_of(read), read, wanted)]


FLOW = "FlowMatchEulerDiscreteScheduler"


@pytest.mark.parametrize(
    "wanted",
    [
        None,
        *("DDIMScheduler", "DDPMScheduler", "EulerAncestralDiscreteScheduler", "DPMSolverMultistepScheduler"),
        *("LCMScheduler", "TCDScheduler", "UniPCMultistepScheduler", "SASolverScheduler", "EDMEulerScheduler"),
    ],
)
def test_schedulers_for_noise_take_each_others_place(wanted: str | None) -> None:
    assert problems("StableDiffusionPipeline", "PNDMScheduler", wanted) == []


@pytest.mark.parametrize(
    ("pipeline", "own", "wanted", "said"),
    [
        ("StableDiffusion3Pipeline", FLOW, "DDIMScheduler", "for models that predict noise; this one predicts a flow"),
        ("StableDiffusion3Pipeline", FLOW, "UniPCMultistepScheduler", "this one predicts a flow"),
        ("FluxPipeline", FLOW, "EulerDiscreteScheduler", "this one predicts a flow"),
        ("FluxPipeline", FLOW, "FlowMatchHeunDiscreteScheduler", "gives its scheduler noise levels"),
        ("StableDiffusionPipeline", "DDIMScheduler", FLOW, "for models that predict a flow; this one predicts noise"),
        ("SanaPipeline", "DPMSolverMultistepScheduler", "DDIMScheduler", "this one predicts a flow"),
        *(
            ("StableDiffusionPipeline", "DDIMScheduler", name, "does not list")
            for name in ("ScoreSdeVeScheduler", "VQDiffusionScheduler", "IPNDMScheduler")
        ),
        ("StableDiffusionPipeline", "DDIMScheduler", "RePaintScheduler", "needs more at each step"),
        ("StableDiffusionPipeline", "DDIMScheduler", "KarrasVeScheduler", "needs more at each step"),
        ("StableDiffusionPipeline", "DDIMScheduler", "DDIMInverseScheduler", "from images to noise"),
        ("StableDiffusionPipeline", "DDIMScheduler", "NoSuchScheduler", "has no scheduler NoSuchScheduler"),
        ("StableDiffusionPipeline", "DDIMScheduler", "DPMSolverSDEScheduler", "noise for a whole batch"),
        ("FluxPipeline", FLOW, "FlowMatchLCMScheduler", "an image would depend on its batch"),
    ],
)
def test_a_scheduler_that_does_not_fit_is_refused_with_the_reason(
    pipeline: str, own: str, wanted: str, said: str
) -> None:
    config = {"use_flow_sigmas": True} if pipeline == "SanaPipeline" else {}
    (found,) = problems(pipeline, own, wanted, **config)
    assert found.startswith("scheduler: ")
    assert said in found


def test_a_flow_may_be_solved_by_what_has_flow_sigmas() -> None:
    for wanted in ("UniPCMultistepScheduler", "DEISMultistepScheduler", FLOW):
        assert problems("SanaPipeline", "DPMSolverMultistepScheduler", wanted, use_flow_sigmas=True) == []


@pytest.mark.parametrize("pipeline", ["FluxPipeline", "StableDiffusion3Pipeline", "ZImagePipeline"])
def test_a_folder_that_asks_for_noise_at_each_step_is_refused_where_seeds_do_not_reach_it(pipeline: str) -> None:
    assert problems(pipeline, FLOW) == []
    (found,) = problems(pipeline, FLOW, stochastic_sampling=True)
    assert found.startswith(f"id: {FLOW} with stochastic_sampling draws noise at each step")


@pytest.mark.parametrize(
    ("steps", "own", "config"),
    [
        (3, "PNDMScheduler", {}),
        (4, "PNDMScheduler", {}),
        (1, "PNDMScheduler", {"skip_prk_steps": True}),
        (1, "DDIMScheduler", {}),
    ],
)
def test_a_scheduler_that_begins_with_four_steps_of_another_method_is_refused_for_fewer(
    steps: int, own: str, config: dict[str, object]
) -> None:
    files: dict[str, Mapping[str, object]] = {
        "model_index.json": {"_class_name": "StableDiffusionPipeline"},
        "scheduler/scheduler_config.json": {"_class_name": own, **config},
    }

    def read(path: str) -> Mapping[str, object]:
        return files.get(path, {})

    found = list(scheduler_problems(call_of(read), read, None, steps=steps))
    refused = [("steps", f"PNDMScheduler takes at least 4 steps, not {steps}")]
    assert found == (refused if steps == 3 else [])
