"""What a model can be asked to do, by its JSON and the source of diffusers alone."""

import re
from collections.abc import Mapping

import pytest

from synthgen.errors import ModelError
from synthgen.families import PipelineCall, call_of, control_problems
from synthgen.families.control import CONTROLS
from synthgen.families.encoders import encoders_of
from synthgen.families.folder import channel_problems
from synthgen.families.reasons import NOT_LED
from synthgen.families.resolve import not_fit
from synthgen.families.signature import pipeline_names
from synthgen.families.tasks import TASKS, TaskRoles
from synthgen.spec import ControlSpec, FixedModel, ModelSpec, fixed
from tests.families import tasks_page
from tests.generating.families.begun import FROM_IMAGES
from tests.generating.families.edited import EDITED
from tests.generating.families.filled import FILLED
from tests.generating.families.led import LED, REDRAWN

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


def controlled() -> set[str]:
    """Return diffusers' pipelines whose images something leads beside the prompt, by their names."""
    return {name for name in pipeline_names() if re.search("Control|(Diffusion|XL)Adapter", name)}


@pytest.mark.parametrize("task", ["text-to-image", IMAGES, "inpaint"])
def test_a_model_that_something_must_lead_is_refused_with_the_way_out(task: str) -> None:
    with pytest.raises(ModelError, match="controls the layout") as raised:
        call("FluxControlPipeline", task)
    assert "add control" in str(raised.value.hint).lower()


def test_the_page_of_tasks_names_what_is_driven_and_why_others_are_not() -> None:
    def fit(task: TaskRoles) -> set[str]:
        return {name for _, name in tasks_page.listed(task) if not_fit(name, task) is None}

    compared = {
        IMAGES: set(FROM_IMAGES.values()),
        "edit": {family.class_name for family in EDITED.values()},
        "inpaint": {class_name for _, class_name in FILLED.values()},
    }
    assert {name: fit(TASKS[name]) for name in compared} == compared, "each is compared with direct calls"
    redrawing = {(task, one.pipeline) for row in CONTROLS for task, one in row.redraws.items()}
    assert redrawing == {(task, case.pipeline) for (task, _), case in REDRAWN.items()}
    assert {row.pipeline for row in CONTROLS} == {case.pipeline for case in LED.values()}
    assert controlled() == {*NOT_LED, *(row.pipeline for row in CONTROLS), *(name for _, name in redrawing)}
    assert tasks_page.PAGE.read_text(encoding="utf-8") == tasks_page.page(), "python -m tests.families.tasks_page"


def test_strength_is_the_specs_or_the_pipelines_own_and_acts_only_with_pictures() -> None:
    sdxl, text = call("StableDiffusionXLPipeline"), call("StableDiffusionXLPipeline", "text-to-image")
    assert sdxl.arguments(model_of(strength=0.5), (), 64, 64)["strength"] == 0.5
    assert sdxl.strength(model_of()) == 0.3
    assert problems(text, strength=0.5) == [
        "strength: it acts only where images begin from pictures, and the task is text-to-image"
    ]
    assert problems(text) == problems(sdxl, strength=0.5) == []


def led(name: str, task: str, kind: str, *, controls: list[dict[str, object]], **settings: object) -> list[str]:
    files: dict[str, Mapping[str, object]] = {
        "model_index.json": {"_class_name": name, "vae": ["diffusers", "AutoencoderKL"]},
        "transformer/config.json": {"in_channels": 16},
        "control.0/config.json": {"_class_name": kind, **settings},
    }

    def read(path: str) -> Mapping[str, object]:
        return files.get(path, {})

    found = call_of(read, task, led=True).control
    assert found is not None
    given = [ControlSpec.model_validate({"model": "./led", **each}) for each in controls]
    return [f"{key}: {why}" for key, why in control_problems(found, given, read)]


@pytest.mark.parametrize(
    ("name", "task", "kind", "settings", "control", "problem"),
    [
        (
            "StableDiffusion3Pipeline",
            "inpaint",
            "SD3ControlNetModel",
            {"extra_conditioning_channels": 1},
            {"column": "depth"},
            "control.0.column: StableDiffusion3ControlNetInpaintingPipeline shows its control model the picture",
        ),
        (
            "QwenImagePipeline",
            "outpaint",
            "QwenImageControlNetModel",
            {"extra_condition_channels": 0},
            {"preprocessor": "masked"},
            "control.0.model: it reads no region (its extra_condition_channels is 0), and QwenImageControlNetInpaint",
        ),
        (
            "StableDiffusion3Pipeline",
            "control",
            "SD3ControlNetModel",
            {"extra_conditioning_channels": 1},
            {"column": "depth"},
            "control.0.model: it reads a region beside the picture",
        ),
        (
            "ZImageInpaintPipeline",
            "inpaint",
            "ZImageControlNetModel",
            {"control_in_dim": 16},
            {"column": "depth"},
            "control.0.model: its control_in_dim is 16, and ZImageControlNetInpaintPipeline shows it 33",
        ),
        (
            "FluxPipeline",
            "inpaint",
            "FluxControlNetModel",
            {},
            {"preprocessor": "masked"},
            "control.0.preprocessor: FluxControlNetInpaintPipeline leaves no region out",
        ),
    ],
)
def test_what_cannot_lead_a_task_is_refused_by_its_configuration(
    name: str, task: str, kind: str, settings: dict[str, object], control: dict[str, object], problem: str
) -> None:
    (found,) = led(name, task, kind, controls=[control], **settings)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("name", "task", "why"),
    [
        (
            "StableDiffusionPAGPipeline",
            "image-to-image",
            "control: diffusers has no pipeline for image-to-image in which",
        ),
        ("PixArtSigmaPipeline", "inpaint", "has no pipeline that leads the weights of PixArtSigmaPipeline by pictures"),
        ("FluxControlPipeline", "image-to-image", "it is ControlNetModel, and FluxControlPipeline is led by no other"),
    ],
)
def test_a_model_that_nothing_leads_in_a_task_is_refused(name: str, task: str, why: str) -> None:
    with pytest.raises(ModelError, match=why):
        led(name, task, "ControlNetModel", controls=[])


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


@pytest.mark.parametrize(
    ("folder", "task", "pipeline"),
    [
        ("FluxKontextPipeline", "edit", "FluxKontextPipeline"),
        ("QwenImageEditInpaintPipeline", "edit", "QwenImageEditPipeline"),
        ("StableDiffusionInstructPix2PixPipeline", "edit", "StableDiffusionInstructPix2PixPipeline"),
        ("StableDiffusionPipeline", "inpaint", "StableDiffusionInpaintPipeline"),
        ("FluxKontextPipeline", "inpaint", "FluxKontextInpaintPipeline"),
        ("FluxFillPipeline", "outpaint", "FluxFillPipeline"),
    ],
)
def test_the_pipeline_that_edits_or_fills_is_found_from_a_folder(folder: str, task: str, pipeline: str) -> None:
    assert call(folder, task).pipeline == pipeline


@pytest.mark.parametrize(
    ("folder", "task", "why"),
    [
        ("StableDiffusionPipeline", "edit", "StableDiffusionPipeline does not do edit: its call has no `image`"),
        ("StableDiffusionImg2ImgPipeline", "edit", "redraws pictures in part, which is the task image-to-image"),
        ("QwenImageLayeredPipeline", "edit", "it divides a picture into layers"),
        ("FluxControlPipeline", "edit", "needs an image that controls the layout"),
        ("ChromaPipeline", "inpaint", "ChromaInpaintPipeline does not do inpaint: diffusers asks its transformer for"),
        ("FluxKontextPipeline", IMAGES, "it edits pictures as the prompt says, which is the task edit"),
        ("PixArtSigmaPipeline", "inpaint", "diffusers has no pipeline for inpaint with the weights of PixArtSigma"),
    ],
)
def test_a_model_that_does_not_edit_or_fill_is_refused_with_the_reason(folder: str, task: str, why: str) -> None:
    with pytest.raises(ModelError, match=why):
        call(folder, task)


def test_guidance_towards_the_picture_acts_where_a_pipeline_reads_it() -> None:
    pix2pix = call("StableDiffusionInstructPix2PixPipeline", "edit")
    assert pix2pix.arguments(model_of(image_guidance=1.8), (), 64, 64)["image_guidance_scale"] == 1.8
    assert (
        problems(pix2pix, image_guidance=1.8) == problems(call("DreamLitePipeline", "edit"), image_guidance=1.8) == []
    )
    assert problems(pix2pix, image_guidance=1.8, guidance=1.0) == [
        "image_guidance: without guidance it has no effect: set model.guidance above 1"
    ]
    for other in (call("FluxKontextPipeline", "edit", guidance_embeds=True), call("DreamLiteMobilePipeline", "edit")):
        assert problems(other, image_guidance=1.8) == [
            f"image_guidance: {other.pipeline} takes no guidance towards the picture"
        ]
    (told,) = problems(call("DreamLitePipeline", "text-to-image"), image_guidance=1.8)
    assert told == "image_guidance: it acts only where pictures are edited, and the task is text-to-image"
    (told,) = problems(call("DreamLitePipeline", "edit"), strength=0.5)
    assert told == "strength: DreamLitePipeline takes no strength"


def test_sizes_of_edited_pictures_are_refused_where_the_pipeline_would_change_them() -> None:
    longcat = call("LongCatImageEditPipeline", "edit")
    assert problems(longcat, width=848, height=1264) == problems(longcat, size=1024) == []
    (told,) = problems(longcat, size=512)
    assert told.endswith("draws as many pixels as 1024 x 1024 has: of this shape 1024 x 1024, not 512 x 512")
    klein = call("Flux2KleinPipeline", "edit")
    (told,) = problems(klein, width=32, height=64)
    assert told == "width: Flux2KleinPipeline takes no pictures with sides under 64 pixels, such as 32 x 64"
    (told,) = problems(klein, width=64, height=1024)
    assert told.endswith("takes no pictures longer than 8 times their width: 64 x 1024")
    assert problems(call("Flux2KleinPipeline", "text-to-image"), width=32, height=64) == []


def test_one_picture_a_call_is_one_image_at_a_time_and_text_alone_is_not() -> None:
    flux2 = {task: call("Flux2Pipeline", task).batch_limit(model_of(), ()) for task in ("edit", "text-to-image")}
    assert flux2 == {"edit": 1, "text-to-image": None}
    assert call("FluxKontextPipeline", "edit").batch_limit(model_of(), ()) is None


@pytest.mark.parametrize(
    ("folder", "task", "channels", "fits"),
    [
        ("StableDiffusionInpaintPipeline", "inpaint", 9, True),
        ("StableDiffusionPipeline", "inpaint", 4, True),
        ("StableDiffusionPipeline", IMAGES, 9, False),
        ("StableDiffusionInstructPix2PixPipeline", "edit", 8, True),
        ("StableDiffusionInstructPix2PixPipeline", "edit", 4, False),
        ("KandinskyV22InpaintCombinedPipeline", "inpaint", 9, True),
        ("KandinskyV22CombinedPipeline", "inpaint", 4, False),
    ],
)
def test_a_unet_has_the_channels_that_the_task_gives_it(folder: str, task: str, channels: int, fits: bool) -> None:
    decoder = "movq" if "Kandinsky" in folder else "vae"
    files: dict[str, Mapping[str, object]] = {
        "unet/config.json": {"in_channels": channels},
        f"{decoder}/config.json": {"latent_channels": 4},
    }
    assert (not list(channel_problems(call(folder, task), lambda path: files.get(path, {})))) is fits
