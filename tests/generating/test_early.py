"""Images that are left after a few steps and finished later are those of one call, bit for bit."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import DiffusionPipeline

from synthgen.generating.early import EarlyRenderer, pooled
from synthgen.models.parts import source_of
from synthgen.records import CannotLeaveError, Rendered
from synthgen.spec import ModelSpec
from tests.generating.tiny import candidate, save_stable_diffusion
from tests.generating.tiny_checkpoint_3 import save_stable_diffusion_3
from tests.generating.tiny_others import save_flux

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of schedulers

STEPS = 5
SCHEDULERS = [
    "DDIMScheduler",
    "DDPMScheduler",  # adds noise at each step
    "EulerAncestralDiscreteScheduler",
    "DPMSolverMultistepScheduler",
    "UniPCMultistepScheduler",
    "HeunDiscreteScheduler",  # asks the denoiser twice a step
    "LCMScheduler",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tiny") / "model"
    save_stable_diffusion(place)
    return place


def renderer(folder: Path, **settings: object) -> EarlyRenderer:
    model = ModelSpec.model_validate({"id": str(folder), "steps": STEPS, "guidance": 2.0, **settings})
    made = EarlyRenderer(model, source_of(model, None), "cpu", largest_batch=16)
    made.setup()
    return made


def images(rendered: list[Rendered]) -> torch.Tensor:
    assert all(one.image is not None for one in rendered)
    return torch.stack([one.image for one in rendered if one.image is not None])


BATCH = [candidate(attempt, prompt) for attempt, prompt in enumerate(["a chef", "a doctor", "a chef", "a nurse"])]


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_an_image_that_was_left_and_finished_is_that_of_one_call(scheduler: str, folder: Path) -> None:
    made = renderer(folder, scheduler=scheduler)
    whole = made.render(BATCH)
    begun = made.begin(BATCH, 2)
    assert [one.candidate for one in begun] == BATCH
    assert all(one.clean is not None and one.clean.shape == (4 * 16 * 16,) for one in begun)
    assert torch.equal(images(made.finish(begun)), images(whole))
    assert torch.equal(images(made.render(BATCH)), images(whole))  # nothing is left behind


def test_survivors_of_several_batches_are_finished_together(folder: Path) -> None:
    made = renderer(folder, scheduler="DPMSolverMultistepScheduler")
    whole = images(made.render(BATCH))
    one, two = made.begin([BATCH[2], BATCH[1]], 2), made.begin([BATCH[0], BATCH[3]], 2)
    again = images(made.finish([two[0], one[0]]))
    assert (again.int() - whole[[0, 2]].int()).abs().max() <= 1  # a batch of another shape rounds otherwise


@pytest.mark.parametrize("more", [{"guidance": 1.0}, {"guidance_interval": [0.5, 1.0]}], ids=str)
def test_it_holds_without_guidance_and_with_guidance_in_an_interval(more: dict[str, object], folder: Path) -> None:
    made = renderer(folder, **more)
    whole = images(made.render(BATCH))
    assert torch.equal(images(made.finish(made.begin(BATCH, 3))), whole)


def test_images_that_drew_other_settings_are_begun_together(folder: Path) -> None:
    made = renderer(folder, guidance=[1.5, 3.0])
    batch = [
        replace(one, settings=(("guidance", scale),)) for one, scale in zip(BATCH, (1.5, 3.0, 3.0, 1.5), strict=True)
    ]
    assert torch.equal(images(made.finish(made.begin(batch, 2))), images(made.render(batch)))


def test_only_the_first_steps_are_computed_and_they_are_not_computed_again(folder: Path) -> None:
    made, rows = renderer(folder), list[int]()
    own = made.pipeline.unet.forward

    def counted(sample: torch.Tensor, *args: object, **more: object) -> object:
        rows.append(len(sample))
        return own(sample, *args, **more)

    made.pipeline.unet.forward = counted
    begun = made.begin(BATCH, 2)
    assert rows == [8, 8]
    made.finish([begun[0], begun[2]])
    assert rows == [8, 8, 4, 4, 4]


def test_the_clean_latents_are_those_that_the_scheduler_predicts(folder: Path) -> None:
    made = renderer(folder)
    found = list[torch.Tensor]()

    def kept(pipeline: DiffusionPipeline, step: int, time: object, given: dict[str, torch.Tensor]) -> dict[str, object]:
        found.append(given["latents"])
        return {}

    begun = made.begin(BATCH, STEPS)  # at the last step of DDIM, the clean latents are the latents
    arguments = {"prompt": [one.prompt for one in BATCH], "num_inference_steps": STEPS, "guidance_scale": 2.0}
    noise = [torch.Generator().manual_seed(one.seed) for one in BATCH]
    made.pipeline(**arguments, generator=noise, callback_on_step_end=kept, output_type="latent")
    last = pooled(found[-1]).detach()
    mine = torch.stack([torch.from_numpy(one.clean).float() for one in begun if one.clean is not None])
    assert (mine - last).abs().max() < 0.05


def test_more_steps_than_there_are_is_an_error_that_names_the_key(folder: Path) -> None:
    with pytest.raises(CannotLeaveError, match=r"filters\.early"):
        renderer(folder).begin(BATCH, STEPS + 1)


@pytest.mark.parametrize("save", [save_stable_diffusion_3, save_flux], ids=["SD3", "packed latents"])
def test_it_holds_for_flow_matching(save: Callable[[Path], None], tmp_path: Path) -> None:
    save(tmp_path / "model")
    made = renderer(tmp_path / "model", size=32)
    whole = images(made.render(BATCH))
    begun = made.begin(BATCH, 2)
    assert torch.equal(images(made.finish(begun)), whole)
    assert all(one.clean is not None and one.clean.size > 0 for one in begun)
