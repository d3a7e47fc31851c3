"""What a model can be asked to do, by its JSON and the source of diffusers alone."""

from collections.abc import Mapping

import pytest

from synthgen.errors import ModelError
from synthgen.families import PipelineCall, call_of
from synthgen.families.encoders import encoders_of
from synthgen.families.resolve import not_fit
from synthgen.families.signature import auto_names
from synthgen.families.tasks import TASKS
from synthgen.spec import FixedModel, ModelSpec, fixed
from tests.families import tasks_page
from tests.generating.families.begun import FROM_IMAGES

IMAGES = "image-to-image"


def call(name: str, task: str = IMAGES, **backbone: object) -> PipelineCall:
    files: dict[str, Mapping[str, object]] = {
        "model_index.json": {"_class_name": name, "vae": ["diffusers", "AutoencoderKL"]},
        "transformer/config.json": backbone,
        "vae/config.json": {"block_out_channels": [8, 8, 8, 8]},
    }
    return call_of(lambda path: files.get(path, {}), task)


def model_of(**settings: object) -> FixedModel:
    return fixed(ModelSpec.model_validate({"id": "owner/name", **settings}))


def problems(found: PipelineCall, **settings: object) -> list[str]:
    return [f"{key}: {why}" for key, why in found.problems(model_of(**settings), set(settings))]


@pytest.mark.parametrize(
    ("folder", "pipeline"),
    [
        ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline"),
        ("StableDiffusionImg2ImgPipeline", "StableDiffusionImg2ImgPipeline"),
        ("StableDiffusionXLInpaintPipeline", "StableDiffusionXLImg2ImgPipeline"),
        ("FluxPipeline", "FluxImg2ImgPipeline"),
        ("ChromaPipeline", "ChromaImg2ImgPipeline"),
    ],
)
def test_the_pipeline_for_pictures_is_found_from_a_folder_of_its_weights(folder: str, pipeline: str) -> None:
    assert call(folder).pipeline == pipeline


@pytest.mark.parametrize(
    ("folder", "why"),
    [
        ("FluxKontextPipeline", "FluxKontextPipeline does not do image-to-image: its call has no `strength`"),
        ("QwenImageEditPipeline", "has no `strength`: it edits pictures as the prompt says"),
        ("StableDiffusionControlNetPipeline", "needs an image that controls the layout"),
        ("StableDiffusionControlNetImg2ImgPipeline", "needs an image that controls the layout"),
        ("PixArtSigmaPipeline", "diffusers has no pipeline for image-to-image with the weights of PixArtSigma"),
        ("NoSuchPipeline", "the installed diffusers has no pipeline NoSuchPipeline"),
    ],
)
def test_a_model_that_cannot_begin_from_pictures_is_refused_with_the_reason(folder: str, why: str) -> None:
    with pytest.raises(ModelError, match=why):
        call(folder)


def test_the_page_of_tasks_names_what_is_driven_and_why_others_are_not() -> None:
    fit = {name for name in auto_names("IMAGE2IMAGE") if not_fit(name, TASKS[IMAGES]) is None}
    assert fit | set(TASKS[IMAGES].more.values()) == set(FROM_IMAGES.values()), "each is compared with direct calls"
    assert tasks_page.PAGE.read_text(encoding="utf-8") == tasks_page.page(), "python -m tests.families.tasks_page"


def test_strength_is_the_specs_or_the_pipelines_own_and_acts_only_with_pictures() -> None:
    sdxl, text = call("StableDiffusionXLPipeline"), call("StableDiffusionXLPipeline", "text-to-image")
    assert sdxl.arguments(model_of(strength=0.5), (), 64, 64)["strength"] == 0.5
    assert sdxl.strength(model_of()) == 0.3
    assert problems(text, strength=0.5) == [
        "strength: it acts only where images begin from pictures, and the task is text-to-image"
    ]
    assert problems(text) == problems(sdxl, strength=0.5) == []


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            {"strength": 0.3, "steps": 3},
            "strength: a strength of 0.3 leaves none of 3 steps: set a strength of at least 0.3",
        ),
        (
            {"steps": 2},
            "steps: a strength of 0.3, the default of StableDiffusionXLImg2ImgPipeline, leaves none of 2 st",
        ),
        ({"guidance_interval": (0.2, 0.8), "guidance": 4.0}, "guidance_interval: it counts steps from noise on"),
    ],
)
def test_what_could_not_act_on_a_picture_is_refused_with_the_numbers(settings: dict[str, object], problem: str) -> None:
    (found,) = problems(call("StableDiffusionXLPipeline"), **settings)
    assert found.startswith(problem)


@pytest.mark.parametrize("name", ["FluxPipeline", "QwenImagePipeline", "ZImagePipeline", "KolorsPipeline"])
def test_texts_are_read_as_by_the_text_pipeline(name: str) -> None:
    index = {"_class_name": name, "tokenizer": ["transformers", "T"], "tokenizer_2": ["transformers", "T"]}
    assert encoders_of(call(name), index) == encoders_of(call(name, "text-to-image"), index)


def test_a_size_is_that_of_the_text_pipeline_and_kandinsky_draws_squares_only() -> None:
    assert call("Kandinsky3Pipeline").size == call("Kandinsky3Pipeline", "text-to-image").size == (1024, 1024)
    kandinsky = call("KandinskyV22CombinedPipeline")
    assert problems(kandinsky, width=64, height=128) == [
        "width: KandinskyV22Img2ImgCombinedPipeline draws squares only from pictures, not 64 x 128"
    ]
