"""Which models can be tuned, by their settings: no weights are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from synthgen.errors import ModelError, UsageError
from synthgen.families import PipelineCall
from synthgen.families.resolve import Read

UNETS: Mapping[str, str] = {
    "StableDiffusionPipeline": "Stable Diffusion 1 and 2, and bundled:workers",
    "StableDiffusionXLPipeline": "Stable Diffusion XL",
}
"""Pipelines with a UNet that looks at the texts of their own encoders."""
TRANSFORMERS: Mapping[str, str] = {
    "StableDiffusion3Pipeline": "Stable Diffusion 3 and 3.5",
    "Flux2KleinPipeline": "FLUX.2 Klein Base",
    "ZImagePipeline": "Z-Image",
    "QwenImagePipeline": "Qwen-Image",
}
"""Pipelines with a transformer that was trained by flow matching."""
PREDICTED = ("epsilon", "v_prediction", "sample")
"""What a denoiser can be trained to predict: the noise, the velocity, or the image."""
_BASE = "Choose the model that it was distilled from."
_PUBLISHED = "Choose the model with the settings that its authors published."


def check_tunable(model: str, pipeline: str, read: Read) -> None:
    """Refuse a model that cannot be tuned.

    Args:
        pipeline: its class.
        read: reads the JSON of its folder.

    Raises:
        ModelError: it is of another family, or its weights were distilled.
    """
    tuned = {**UNETS, **TRANSFORMERS}
    if pipeline not in tuned:
        known = "; ".join(f"{what} ({name})" for name, what in tuned.items())
        raise ModelError(f"{model} is a {pipeline}, which tune does not know", hint=f"It knows {known}.")
    problems = _problems_of_unet(read) if pipeline in UNETS else _problems_of_transformer(read)
    if problem := next(problems, None):
        raise ModelError(f"{model} cannot be tuned: {problem}", hint=_PUBLISHED if "expected" in problem else _BASE)


def default_layers(pipeline: str) -> str:
    """Return which layers are changed by default: of transformers those that diffusers' own training scripts change."""
    return "all" if pipeline in UNETS else "attention"


def _problems_of_transformer(read: Read) -> Iterator[str]:
    transformer, scheduler = read("transformer/config.json"), read("scheduler/scheduler_config.json")
    if transformer.get("guidance_embeds") or read("model_index.json").get("is_distilled"):
        yield "its guidance was distilled into its weights"
    name = str(scheduler.get("_class_name", "FlowMatch"))
    if "LCM" in name:
        yield "it draws in few steps, which training on single steps would undo"
    if not name.startswith("FlowMatch"):
        yield f"its scheduler is {name}; expected one of flow matching, such as FlowMatchEulerDiscreteScheduler"


def _problems_of_unet(read: Read) -> Iterator[str]:
    unet, scheduler = read("unet/config.json"), read("scheduler/scheduler_config.json")
    if unet.get("time_cond_proj_dim") is not None:
        yield "its guidance was distilled into its weights"
    latents, vae = unet.get("in_channels"), read("vae/config.json").get("latent_channels")
    if None not in (latents, vae) and latents != vae:
        yield f"its UNet takes {latents} channels, and its decoder's latents have {vae}"
    if (asked := scheduler.get("prediction_type", PREDICTED[0])) not in PREDICTED:
        yield f"its scheduler's prediction_type is {asked!r}, not one of {', '.join(PREDICTED)}"
    if scheduler.get("_class_name") == "LCMScheduler":
        yield "it draws in few steps, which training on single steps would undo"


def size_of(model: str, asked: int | None, call: PipelineCall, read: Read) -> int:
    """Return width and height of the images that a model is tuned to, by default its own.

    Args:
        read: reads the JSON of its folder.

    Raises:
        UsageError: it does not say its own, or cannot draw that size.
    """
    size = asked or _default_size(read, call.size)
    if size is None:
        raise UsageError(f"{model} does not say how large its images are", argument="size", hint="Give a size.")
    if size % call.multiple:
        raise UsageError(f"expected a multiple of {call.multiple}, found {size}", argument="size")
    if (largest := _largest_size(read)) is not None and size > largest:
        raise UsageError(f"expected at most {largest} for {model}, found {size}", argument="size")
    return size


def _default_size(read: Read, size: tuple[int, int] | None) -> int | None:
    """Return what a model draws by default; None if it does not say. Its pipeline's `size` holds for transformers."""
    unet = read("unet/config.json")
    latents, blocks = unet.get("sample_size"), read("vae/config.json").get("block_out_channels")
    if not unet:
        return None if size is None else min(size)
    if not isinstance(latents, int) or not isinstance(blocks, list) or not blocks:
        return None
    return latents << len(blocks) - 1


def _largest_size(read: Read) -> int | None:
    """Return the largest size that a transformer has places for; None if any."""
    transformer, blocks = read("transformer/config.json"), read("vae/config.json").get("block_out_channels")
    places, patch = transformer.get("pos_embed_max_size"), transformer.get("patch_size")
    if not isinstance(places, int) or not isinstance(patch, int) or not isinstance(blocks, list) or not blocks:
        return None
    return places * patch << len(blocks) - 1
