"""A pipeline's weights in one file, as they are traded: what the header tells of the model that it is."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from synthgen.errors import ModelError, UsageError
from synthgen.models.weight_headers import Shapes, shapes_in

_SD, _XL, _SD3 = "StableDiffusion", "StableDiffusionXL", "StableDiffusion3"
_DENOISER = "model.diffusion_model."
_FIRST = f"{_DENOISER}input_blocks.0.0.weight"
_TEXT = "transformer_blocks.0.attn2.to_k.weight"


@dataclass(frozen=True, slots=True)
class Layout:
    """How the weights of a family are named in one file.

    Attributes:
        family: the pipelines that it is for begin with this; None if none makes images from text.
        begins: how names begin that only this family has.
        config: a hub id with the settings of its usual model.
    """

    label: str
    family: str | None
    begins: str
    config: str = ""


LAYOUTS = (
    Layout("Stable Diffusion XL", _XL, "conditioner.embedders.1.", "stabilityai/stable-diffusion-xl-base-1.0"),
    Layout("the refiner of Stable Diffusion XL", None, "conditioner.embedders.0.model."),
    Layout("Stable Diffusion 2", _SD, "cond_stage_model.model.", "stabilityai/stable-diffusion-2-1"),
    Layout("Stable Diffusion 1", _SD, "cond_stage_model.transformer.", "stable-diffusion-v1-5/stable-diffusion-v1-5"),
    Layout("Stable Diffusion 3", _SD3, "text_encoders.clip_", "stabilityai/stable-diffusion-3-medium-diffusers"),
)


def checkpoint_shapes(file: Path) -> Shapes:
    """Read the header of a checkpoint.

    Raises:
        ModelError: there is no such file.
        UsageError: it is not a whole safetensors file.
    """
    try:
        return shapes_in(file)
    except OSError as error:
        hint = "Paths count from the folder of the spec. Check model.id."
        raise ModelError(f"the file {file} cannot be read: {error.strerror or error}", hint=hint) from error
    except ValueError as error:
        hint = "Only safetensors are read: download it again, or choose another file."
        raise UsageError(f"{file} is refused: {error}", hint=hint) from error


def layout_of(names: Collection[str]) -> Layout | None:
    """Return the family that a file's weights are named as; None if it has no text encoder of one that is known."""
    return next((one for one in LAYOUTS if any(name.startswith(one.begins) for name in names)), None)


def without_settings(model_id: str, file: Path) -> ModelError:
    """Say what to write for a checkpoint whose spec names no settings."""
    shapes = checkpoint_shapes(file)
    if why := next(not_whole(shapes), None):
        return ModelError(f"model.id: {model_id} {why}", hint="Name a whole model in model.id.")
    layout = layout_of(shapes)
    assert layout is not None
    return ModelError(
        f"model.id: {model_id} is {layout.label} in one file, which has weights and no settings",
        hint=f"Write where its settings are in model.config: a folder of diffusers, or {layout.config}, of which only "
        "settings and tokenizers are downloaded.",
    )


def not_whole(shapes: Shapes) -> Iterator[str]:
    """Say why a file is not a whole pipeline that makes images from text."""
    if any(".lora_" in name or name.startswith("lora_") for name in shapes):
        yield "is a LoRA: name it in model.adapters, and in model.id the model that it changes"
        return
    layout = layout_of(shapes)
    has_decoder = any(name.startswith(("first_stage_model.", "vae.")) for name in shapes)
    if layout is None:
        what = "a denoiser" if any("blocks." in name for name in shapes) else "weights"
        yield (
            f"has {what} and no text encoder that diffusers finds: name the whole model in model.id, and this file "
            "under model.components as its transformer, unet or vae"
        )
    elif layout.family is None:
        yield f"is {layout.label}, which needs an image"
    elif not has_decoder:
        yield f"is {layout.label} without its VAE: name the whole model in model.id, and this file as a component"


def checkpoint_problems(shapes: Shapes, pipeline: str, unet: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Compare a file with the settings that the spec names for it: the key of `model`, and what does not fit.

    Args:
        unet: the settings of the UNet; empty if there is none.
    """
    if why := next(not_whole(shapes), None):
        yield "id", f"the file {why}"
        return
    layout = layout_of(shapes)
    assert layout is not None
    if layout.family is not None and pipeline.removesuffix("Pipeline").removesuffix("PAG") != layout.family:
        yield "config", f"the file is {layout.label}, and these are the settings of {pipeline}"
        return
    if not unet:
        return

    first, width, blocks = shapes.get(_FIRST), _text_width(shapes), unet.get("block_out_channels")
    wanted = unet.get("in_channels")
    if first and isinstance(wanted, int) and len(first) > 1 and first[1] != wanted:
        yield "config", f"the UNet in the file takes {first[1]} channels, and the one of these settings {wanted}"
    if first and isinstance(blocks, list) and blocks and first[0] != blocks[0]:
        yield (
            "config",
            f"the UNet in the file begins with {first[0]} channels, and the one of these settings {blocks[0]}",
        )
    texts = unet.get("cross_attention_dim")
    if width is not None and isinstance(texts, int) and texts != width:
        yield "config", f"the UNet in the file looks at texts {width} values wide, and these settings have {texts}"


def _text_width(shapes: Shapes) -> int | None:
    return next((shape[-1] for name, shape in shapes.items() if name.endswith(_TEXT) and shape), None)
