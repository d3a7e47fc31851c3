"""How a model's pipeline is called: found out from its signature, its configuration and the table, without weights."""

import math
from collections.abc import Callable, Mapping

from synthgen.errors import ModelError
from synthgen.families.call import PipelineCall
from synthgen.families.modular import modular_problem
from synthgen.families.signature import NEEDED, Signature, auto_families, signature_of
from synthgen.families.table import FAMILIES, REASONS, Family, Guidance, Together

Read = Callable[[str], Mapping[str, object]]
"""Reads a JSON object of a model's folder, such as `unet/config.json`; empty if there is none."""

_NEEDED = {
    "prompt": "it does not make images from text",
    "generator": "its images could not be reproduced",
    "output_type": "it cannot return images as tensors",
}
_OTHER = {
    "num_frames": "it makes videos",
    "num_videos_per_prompt": "it makes videos",
    "video_length": "it makes videos",
    "video": "it changes videos",
    "audio_length_in_s": "it makes sound",
    "audio_end_in_s": "it makes sound",
    "audio_duration": "it makes sound",
    "mask_image": "it fills regions of images (inpainting)",
    "control_image": "it needs an image that controls the layout",
    "controlnet_conditioning_scale": "it needs an image that controls the layout (ControlNet)",
    "strength": "it changes images",
    "image": "it changes images",
    "images": "it changes images",
    "input_images": "it changes images",
    "reference_image": "it needs a reference image",
    "gligen_phrases": "it needs boxes",
    "gen_length": "it makes text",
    "frame_size": "it makes 3D shapes",
}
"""Arguments that show what else a pipeline does than to make images from text."""


def call_of(read: Read) -> PipelineCall:
    """Find out how the pipeline of a model's folder is called. Reads JSON, and the source of diffusers.

    Raises:
        ModelError: it does not make images from text, or it is not a pipeline of the installed diffusers.
    """
    index = read("model_index.json")
    if why := modular_problem(index):
        raise ModelError(f"model.id: this modular pipeline cannot be used: {why}", hint="Choose another model.")
    named = index.get("_class_name")
    if not isinstance(named, str):
        hint = "Code from a model's folder is never run. Choose a pipeline of diffusers' own."
        raise ModelError(f"model.id: its pipeline is not one of diffusers' own: {named!r}", hint=hint)
    name = _made_from_text(named)
    signature = signature_of(name)
    if signature is None:
        raise ModelError(f"model.id: the installed diffusers has no pipeline {named}", hint="Update diffusers.")
    family = family_of(name)
    if why := not_from_text(name):
        raise ModelError(f"model.id: {named} does not make images from text: {why}", hint="Choose another model.")
    return _resolved(signature, family, read, index)


def family_of(pipeline: str) -> Family | None:
    """Return the row of the table for a pipeline; None if it has none."""
    return next((family for family in FAMILIES if pipeline in family.pipelines), None)


def not_from_text(pipeline: str) -> str | None:
    """Return why a pipeline does not make images from text alone; None if it does.

    Example:
        >>> not_from_text("StableDiffusionInpaintPipeline")
        'it fills regions of images (inpainting)'
    """
    if pipeline in REASONS:
        return REASONS[pipeline]
    signature = signature_of(pipeline)
    if signature is None:
        return "it cannot be called"
    family = family_of(pipeline)
    changes = {name: why for name, why in _OTHER.items() if name in signature.takes}
    if why := next((why for name, why in changes.items() if not (family and family.edits and "image" in name)), None):
        return why
    for name, why in _NEEDED.items():
        if name not in signature.takes:
            return f"its call has no `{name}`: {why}"
    needed = [name for name, default in signature.takes.items() if default is NEEDED and name != "prompt"]
    return f"it needs {', '.join(needed)} too" if needed else None


def _made_from_text(named: str) -> str:
    """Return the pipeline that makes images from text with the same weights as one that changes images."""
    families = auto_families("IMAGE2IMAGE")
    key = next((key for key, pipeline in families.items() if pipeline == named), None)
    found = auto_families("TEXT2IMAGE").get(key or "", named)
    return found if not_from_text(named) and not not_from_text(found) else named


def _resolved(signature: Signature, family: Family | None, read: Read, index: Mapping[str, object]) -> PipelineCall:
    row = family or Family(pipelines=())
    backbone = read("transformer/config.json") or read("unet/config.json")
    guidance, embedded = _guidance(signature, row, backbone, index)
    factor = row.factor or _factor(signature, read, index)
    known = family is not None or signature.name in auto_families("TEXT2IMAGE").values()
    patch = backbone.get("patch_size")
    patch = patch if isinstance(patch, int) and 0 < patch < 256 else 1
    step = math.lcm(row.multiple, (factor or 8) * math.lcm(row.patch, patch))

    return PipelineCall(
        pipeline=signature.name,
        takes=signature.takes,
        guidance=guidance,
        embedded=embedded,
        needs_embedded=embedded is not None and signature.takes.get(embedded) is None,
        blank=row.blank,
        step=step,
        multiple=math.lcm(8, step),
        size=_own_size(signature, row, backbone, index, factor),
        sizes=row.sizes,
        is_area=row.is_area,
        together=row.together if known else Together.NEVER,
        gives_sigmas=signature.gives_sigmas,
        seeds_steps=signature.seeds_steps,
        negative=row.negative and guidance is not Guidance.NONE and "negative_prompt" in signature.takes,
        always_guided=row.always_guided,
        unguided_to=row.unguided_to,
        as_arrays=row.as_arrays,
        one_text=row.one_text,
        known=known,
    )


def _guidance(
    signature: Signature, row: Family, backbone: Mapping[str, object], index: Mapping[str, object]
) -> tuple[Guidance, str | None]:
    """Return how the pipeline takes the usual guidance, and the argument of the embedded one."""
    takes = signature.takes
    if row.distilled and index.get(row.distilled):
        return Guidance.NONE, None
    if row.guidance is Guidance.TRUE:
        embedded = row.embedded if backbone.get("guidance_embeds") else None
        # Weights that were distilled without any guidance say so by the same flag, where the call has both.
        distilled = row.embedded is not None and embedded is None and takes.get(row.embedded) is not None
        return (Guidance.NONE if distilled else Guidance.TRUE), embedded
    if row.guidance is Guidance.GUIDER:
        guider = row.guidance if index.get("guider", [None])[0] else Guidance.NONE  # type: ignore[index]
        return guider, row.embedded if backbone.get("guidance_embeds") else None
    if row.guidance is not None:
        return row.guidance, row.embedded
    if backbone.get("time_cond_proj_dim") and "guidance_scale" in takes:
        return Guidance.NONE, "guidance_scale"  # a consistency model in the pipeline of the model it learned from
    if "true_cfg_scale" in takes and takes.get("guidance_scale") is None:
        return Guidance.TRUE, None
    return (Guidance.SCALE if "guidance_scale" in takes else Guidance.NONE), None


def _factor(signature: Signature, read: Read, index: Mapping[str, object]) -> int | None:
    """Return how many pixels a latent stands for, as the pipelines compute it; None if no configuration says so."""
    decoder = next((name for name in ("vae", "movq", "vqvae", "vqgan") if isinstance(index.get(name), list)), None)
    if decoder is None:
        return 1 if index else None
    config = read(f"{decoder}/config.json")
    if isinstance(ratio := config.get("spatial_compression_ratio"), int):
        return ratio
    for key, more in (("block_out_channels", -1), ("encoder_block_out_channels", -1), ("temperal_downsample", 0)):
        if isinstance(blocks := config.get(key), list) and 0 < len(blocks) < 10:
            return int(2 ** (len(blocks) + more))
    return None


def _own_size(
    signature: Signature,
    row: Family,
    backbone: Mapping[str, object],
    index: Mapping[str, object],
    factor: int | None,
) -> tuple[int, int] | None:
    """Return width and height of the images that it makes if it is not asked for a size."""
    width, height = signature.takes.get("width"), signature.takes.get("height")
    if isinstance(width, int) and isinstance(height, int):
        return width, height
    if row.side:
        return row.side, row.side
    if isinstance(side := index.get("default_sample_size"), int):
        return side, side
    latents = signature.latents or backbone.get("sample_size")
    high, wide = latents if isinstance(latents, list) and len(latents) == 2 else (latents, latents)
    if factor is None or not isinstance(high, int) or not isinstance(wide, int):
        return None
    size = wide * factor, high * factor
    return size if all(0 < one <= 1 << 16 for one in size) else None
