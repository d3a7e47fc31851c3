"""The model that makes the images, and the model that judges them."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from synthgen.spec.adapters import AdapterSpec
from synthgen.spec.components import Components
from synthgen.spec.fields import Revision, Section, SettingName, Side, Text, VariantName
from synthgen.spec.memory import AttentionName, Cache, Compile, Offload, Quantization
from synthgen.spec.sampling import GuidanceScale, Schedulers, Sizes, Steps, Strengths

BUNDLED_MODEL = "bundled:workers"
BUNDLED_JUDGE = "bundled:judge"
PLUGIN = "plugin:"
"""What the id of a model begins with that an installed package offers: `plugin:NAME`, or `plugin:NAME/REST`."""
DEFAULT_JUDGE = "ViT-B-32/laion2b_s34b_b79k"

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_PLUGIN = re.compile(rf"{PLUGIN}[A-Za-z_][\w-]*(/\S+)?")
FOLDER_ID = re.compile(r"(\.{0,2}/|~|[A-Za-z]:[\\/]).*")
"""What names a model on the hub, and one in a folder."""


def _model_id(value: str) -> str:
    if value == BUNDLED_MODEL or any(form.fullmatch(value) for form in (HUB_ID, FOLDER_ID, _PLUGIN)):
        return value
    raise PydanticCustomError(
        "expected",
        f"'{BUNDLED_MODEL}', a hub id such as 'owner/name', a folder that starts with './' or '/', or 'plugin:NAME'",
    )


def _config(value: str) -> str:
    if any(form.fullmatch(value) for form in (HUB_ID, FOLDER_ID)):
        return value
    raise PydanticCustomError("expected", "a hub id such as 'owner/name', or a folder that starts with './' or '/'")


def interval_of(value: tuple[float, ...]) -> tuple[float, ...] | None:
    """Check a part of the denoising; None stands for all of it."""
    start, *others = value
    if len(others) != 1 or not 0 <= start < others[0] <= 1:
        raise PydanticCustomError("expected", "two fractions from 0 to 1, the smaller one first, such as [0.2, 0.8]")
    return None if (start, *others) == (0, 1) else value


def _judge_id(value: str) -> str:
    if value == BUNDLED_JUDGE or re.fullmatch(r"[\w.-]+/[\w.-]+|local-dir:.+|hf-hub:[\w.-]+/[\w.-]+", value):
        return value
    raise PydanticCustomError(
        "expected",
        f"'{BUNDLED_JUDGE}', an open_clip 'architecture/weights' such as '{DEFAULT_JUDGE}', "
        "'hf-hub:owner/name' or 'local-dir:FOLDER'",
    )


class ModelSpec(Section):
    """The diffusion model and its sampling settings.

    Steps, guidance, scheduler, size and strength may each be a choice, from which every image draws: see `fixed`.
    """

    id: Annotated[Text, AfterValidator(_model_id)] = Field(
        description=f"The model: '{BUNDLED_MODEL}' (ships with synthgen), a Hugging Face hub id such as "
        "'owner/name', a diffusers folder that starts with './', '~' or '/', a .safetensors file with all of one, or "
        "'plugin:NAME', the generator of an installed package."
    )
    revision: Revision | None = Field(
        None, description="Branch, tag or commit on the hub. The plan records the commit it points to."
    )
    config: Annotated[Text, AfterValidator(_config)] | None = Field(
        None,
        description="For a .safetensors file: the diffusers folder, or hub id, with the settings and tokenizers of "
        "that model. None of its weights are read.",
    )
    steps: Steps = Field(
        20,
        description="Denoising steps per image: a number, or a choice of which each image draws one: a list, a mapping "
        "of number to weight, or a range.",
    )
    guidance: GuidanceScale = Field(
        2.0,
        description="Guidance scale. Low values (1 to 3) keep training data diverse; 7.5 favours looks. "
        "Values up to 1 turn guidance off, as distilled models need. It may be a choice, as `model.steps`.",
    )
    strength: Strengths | None = Field(
        None,
        description="How much of a source picture is redrawn, from 0 to 1: of n steps, the last int(n * strength) "
        "are made. Only for tasks that begin from pictures. It may be a choice, as `model.steps`. Default: the "
        "pipeline's own.",
    )
    image_guidance: Annotated[float, Field(ge=1, le=50)] | None = Field(
        None,
        description="For the task 'edit': guidance towards the source picture, as InstructPix2Pix and DreamLite read "
        "it. Higher values keep more of the picture. Default: the pipeline's own.",
    )
    size: Sizes | None = Field(
        None,
        description="Width and height of square images in pixels, or both, such as '512x768'. It may be a choice: a "
        "list, or a mapping of size to weight. Default: the model's own size.",
    )
    width: Side | None = Field(None, description="Width in pixels. Give width and height, or size.")
    height: Side | None = Field(None, description="Height in pixels. Give width and height, or size.")
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = Field(
        "auto", description="Number format. 'auto' chooses the fastest format of the device."
    )
    scheduler: Schedulers | None = Field(
        None,
        description="A diffusers scheduler class, such as 'DDIMScheduler'. It may be a choice, as `model.size`. "
        "Default: the model's own.",
    )
    scheduler_config: Mapping[SettingName, bool | int | float | Text | None] = Field(
        {},
        description="Settings of the scheduler, such as {timestep_spacing: trailing}, as its class in diffusers names "
        "them. Default: the model's own.",
    )
    variant: VariantName | None = Field(None, description="Which weight files to load, such as 'fp16'.")
    embedded_guidance: Annotated[float, Field(ge=0, le=50)] | None = Field(
        None,
        description="The guidance that was distilled into the weights, as in FLUX.1 [dev] and LCM. Default: the "
        "model's own.",
    )
    guidance_interval: Annotated[tuple[float, ...], Field(strict=False), AfterValidator(interval_of)] | None = Field(
        None,
        description="The part of the denoising in which guidance acts, such as [0.2, 0.8]: fractions of the steps, "
        "from noise to image. Default: all of it.",
    )
    max_sequence_length: Annotated[int, Field(ge=1, le=4096)] | None = Field(
        None,
        description="How many tokens of a prompt the model's longest text encoder reads. Default: the model's own.",
    )
    clip_skip: Annotated[int, Field(ge=1, le=24)] | None = Field(
        None, description="How many of the last layers of the CLIP text encoders are left out. Default: none more."
    )
    negative_prompt: str | None = Field(
        None, max_length=2000, description="What to steer away from. Works only if guidance is above 1."
    )
    batch_size: Annotated[int, Field(ge=1, le=1024)] | Literal["auto"] = Field(
        "auto", description="Images per batch, or 'auto'. Affects speed only, never which candidates are tried."
    )
    safety_checker: bool = Field(
        True, description="Use the model's own safety checker, if it has one. What it flags is recorded."
    )
    adapters: Annotated[tuple[AdapterSpec, ...], Field(strict=False, max_length=16)] = Field(
        (), description="LoRAs and textual inversions that change how the model draws."
    )
    components: Components = Field(
        {},
        max_length=16,
        description="Other parts of the pipeline, by name, such as {vae: ./my-vae}. Each is an id, or a mapping with "
        "id and other keys.",
    )
    quantization: Quantization | None = Field(
        None, description="Weights in fewer bits. A method alone, such as 'torchao-int8', is short for {method: ...}."
    )
    offload: Offload = Field(
        "auto",
        description="What waits in the CPU's memory while it is not used: 'none'; the text 'encoders'; each 'model', "
        "one at a time; or each layer, a 'group' at a time. 'auto' takes the first that fits the GPU.",
    )
    vae_slicing: bool | Literal["auto"] = Field(
        "auto", description="Decode the images of a batch one by one. 'auto' does so for large batches."
    )
    vae_tiling: bool = Field(
        False, description="Decode each large image in overlapping tiles. Needs less memory, and changes pixels."
    )
    attention: AttentionName | Literal["auto"] = Field(
        "auto", description="An attention backend of diffusers, such as 'native', 'flash' or 'sage'."
    )
    compile: Compile = Field(
        "off",
        description="Compile the part that denoises: its repeated blocks ('regional') or all of it ('full'). "
        "'openvino' lets OpenVINO compute it on a CPU. 'auto' does so on a CPU, and compiles the blocks on a GPU, "
        "where it can and the number of images pays for it.",
    )
    cache: Cache | None = Field(
        None,
        description="Take parts of denoising steps over from earlier ones. A method alone, such as 'taylorseer', is "
        "short for {method: ...}.",
    )


class JudgeSpec(Section):
    """The CLIP model that scores the images."""

    id: Annotated[Text, AfterValidator(_judge_id)] = Field(
        description=f"The judge: '{BUNDLED_JUDGE}' (for the bundled model), an open_clip "
        f"'architecture/weights' such as '{DEFAULT_JUDGE}', 'hf-hub:owner/name' or 'local-dir:FOLDER'."
    )


def default_judge(model_id: str) -> JudgeSpec:
    return JudgeSpec(id=BUNDLED_JUDGE if model_id == BUNDLED_MODEL else DEFAULT_JUDGE)
