"""How a model's pipeline is called: found out from its signature, its configuration and the table, without weights."""

import math
from collections.abc import Callable, Mapping

from synthgen.errors import ModelError
from synthgen.families.call import PipelineCall
from synthgen.families.control import ControlRoles, is_led
from synthgen.families.controlling import control_of
from synthgen.families.modular import modular_problem
from synthgen.families.reasons import OTHER, REASONS
from synthgen.families.signature import NEEDED, Signature, auto_families, signature_of
from synthgen.families.table import FAMILIES, Family, Guidance, Together
from synthgen.families.tasks import AUTO, CONTROL, LATER, TASKS, TEXT_TO_IMAGE, TaskRoles

Read = Callable[[str], Mapping[str, object]]
"""Reads a JSON object of a model's folder, such as `unet/config.json`; empty if there is none."""

_NEEDED = {
    "prompt": "it does not make images from text",
    "generator": "its images could not be reproduced",
    "output_type": "it cannot return images as tensors",
}


def call_of(read: Read, task: str = TEXT_TO_IMAGE, *, led: bool = False) -> PipelineCall:
    """Find out how the pipeline for a task is called with a model's folder. Reads JSON, and the source of diffusers.

    Args:
        task: what the model is to do, as a spec names it.
        led: whether pictures lead it besides, as they always do in the task `control`.

    Raises:
        ModelError: it does not do that, or it is not a pipeline of the installed diffusers.
    """
    index = read("model_index.json")
    if why := modular_problem(index):
        raise ModelError(f"model.id: this modular pipeline cannot be used: {why}", hint="Choose another model.")
    named = index.get("_class_name")
    if not isinstance(named, str):
        hint = "Code from a model's folder is never run. Choose a pipeline of diffusers' own."
        raise ModelError(f"model.id: its pipeline is not one of diffusers' own: {named!r}", hint=hint)
    if signature_of(named) is None:
        raise ModelError(f"model.id: the installed diffusers has no pipeline {named}", hint="Update diffusers.")

    wanted = TASKS.get(task) or LATER[task]
    if led or task == CONTROL:
        return _led(read, named, index, wanted)
    name = pipeline_for(named, wanted)
    if name is None:
        what = f"model.id: diffusers has no pipeline for {task} with the weights of {named}"
        raise ModelError(what, hint="Choose another model, or another task.")
    signature = signature_of(name)
    if (why := not_fit(name, wanted)) or signature is None:
        what = "make images from text" if task == TEXT_TO_IMAGE else f"do {task}"
        hint = "Add control, which says what leads it." if is_led(name, task) else "Choose another model."
        if task == TEXT_TO_IMAGE and is_led(name, CONTROL):
            hint = f"Set task: {CONTROL}, and add control, which says what leads it."
        raise ModelError(f"model.id: {name} does not {what}: {why}", hint=hint)
    return _resolved(signature, family_of(name), wanted, read, index)


def _led(read: Read, named: str, index: Mapping[str, object], task: TaskRoles) -> PipelineCall:
    """Find out how the pipeline is called that is led by pictures.

    Raises:
        ModelError: nothing leads the model, or not what the spec names.
    """
    control = control_of(read, named, [text] if (text := from_text(named)) else [], task.name)
    signature = signature_of(control.pipeline)
    if signature is None:
        raise ModelError(f"model.id: the installed diffusers has no pipeline {control.pipeline}")
    return _resolved(signature, family_of(control.text), task, read, index, control)


def family_of(pipeline: str) -> Family | None:
    """Return the row of the table for a pipeline, or else for that which makes images from text with its weights."""
    own = next((family for family in FAMILIES if pipeline in family.pipelines), None)
    text = from_text(pipeline)
    return family_of(text) if own is None and text not in (None, pipeline) else own


def from_text(pipeline: str) -> str | None:
    """Name the pipeline that makes images from text with the weights of another one; None if none is known.

    Example:
        >>> from_text("FluxImg2ImgPipeline")
        'FluxPipeline'
    """
    if text := next((text for task in TASKS.values() for text, other in task.more.items() if other == pipeline), None):
        return text
    keys = (key for each in AUTO for key, one in auto_families(each).items() if one == pipeline)
    return auto_families("TEXT2IMAGE").get(next(keys, ""))


def not_from_text(pipeline: str) -> str | None:
    """Return why a pipeline does not make images from text alone; None if it does.

    Example:
        >>> not_from_text("StableDiffusionInpaintPipeline")
        'it fills regions of images (inpainting)'
    """
    return not_fit(pipeline, TASKS[TEXT_TO_IMAGE])


def not_fit(pipeline: str, task: TaskRoles) -> str | None:
    """Return why a pipeline does not do a task with a prompt and the task's pictures alone; None if it does.

    Example:
        >>> not_fit("FluxControlImg2ImgPipeline", TASKS["image-to-image"])
        'it needs an image that controls the layout'
    """
    if task.only and pipeline not in task.only:
        return f"only {' and '.join(task.only)} enlarge images; others refine enlarged ones"
    if pipeline in REASONS:
        return REASONS[pipeline]
    signature = signature_of(pipeline)
    if signature is None:
        return "it cannot be called"
    if pipeline in task.reasons:
        return task.reasons[pipeline]
    family, given = family_of(pipeline), {"prompt", *task.pictures}
    known = {*task.pictures, *(() if task.edits else ("strength",))} if task.pictures else set[str]()
    changes = {name: why for name, why in OTHER.items() if name in signature.takes.keys() - known}
    if task.edits and "strength" in changes:
        changes["strength"] = "it redraws pictures in part, which is the task image-to-image"
    if why := next((why for name, why in changes.items() if not (family and family.edits and "image" in name)), None):
        return why

    for name, why in _NEEDED.items():
        if name not in signature.takes:
            return f"its call has no `{name}`: {why}"
    if lacking := [name for name in task.pictures if name not in signature.takes]:
        return f"its call has no `{lacking[0]}`"
    if task.needs_strength and "strength" not in signature.takes:
        return "its call has no `strength`: it edits pictures as the prompt says, which is the task edit"
    if task.edits and not (family and (family.edits or family.only_edits)):
        return "synthgen does not know how it edits pictures"
    needed = [name for name, default in signature.takes.items() if default is NEEDED and name not in given]
    return f"it needs {', '.join(needed)} too" if needed else None


def pipeline_for(named: str, task: TaskRoles) -> str | None:
    """Return the pipeline that does a task with the weights of another one; None if diffusers has none.

    Example:
        >>> pipeline_for("StableDiffusionPipeline", TASKS["image-to-image"])
        'StableDiffusionImg2ImgPipeline'
    """
    if not task.pictures:
        found = from_text(named) if named in auto_families("IMAGE2IMAGE").values() else None
        return found if found and not_from_text(named) and not not_from_text(found) else named
    if task.only or not_fit(named, task) is None:
        return named
    if own := task.more.get(named):
        return own
    keys = [key for each in AUTO for key, pipeline in auto_families(each).items() if pipeline == named]
    found = next((found for key in keys if (found := auto_families(task.auto).get(key))), None)
    return named if task.edits and (found is None or not_fit(found, task)) else found


def _resolved(
    signature: Signature,
    family: Family | None,
    task: TaskRoles,
    read: Read,
    index: Mapping[str, object],
    control: ControlRoles | None = None,
) -> PipelineCall:
    row = family or Family(pipelines=())
    backbone = read("transformer/config.json") or read("unet/config.json")
    text = control.text if control else (from_text(signature.name) if task.pictures else None) or signature.name
    guidance, embedded = _guidance(signature, signature_of(text), row, backbone, index)
    factor = row.factor or _factor(signature, read, index)
    known = control is not None or family is not None or signature.name in auto_families(task.auto).values()
    shared = control.alone if control else task.edits and row.pictures.shared
    patch = backbone.get("patch_size")
    patch = patch if isinstance(patch, int) and 0 < patch < 256 else 1
    step = math.lcm(row.multiple, (factor or 8) * math.lcm(row.patch, patch))

    return PipelineCall(
        pipeline=signature.name,
        from_text=text,
        task=task,
        takes=signature.takes,
        guidance=guidance,
        embedded=embedded,
        needs_embedded=embedded is not None and signature.takes.get(embedded) is None,
        blank=row.blank,
        step=step,
        multiple=math.lcm(8, step),
        size=_own_size(signature_of(text) or signature, row, backbone, index, factor),
        sizes=row.sizes,
        is_area=row.is_area,
        rounds=row.rounds,
        together=Together.NEVER if not known or shared else row.together,
        gives_sigmas=signature.gives_sigmas,
        seeds_steps=signature.seeds_steps,
        negative=row.negative and guidance is not Guidance.NONE and "negative_prompt" in signature.takes,
        always_guided=row.always_guided,
        unguided_to=row.unguided_to,
        as_arrays=row.as_arrays,
        one_text=row.one_text,
        squares=row.squares,
        as_tensors=row.as_tensors,
        pictures=row.pictures,
        known=known,
        control=control,
    )


def _guidance(
    signature: Signature,
    text: Signature | None,
    row: Family,
    backbone: Mapping[str, object],
    index: Mapping[str, object],
) -> tuple[Guidance, str | None]:
    """Return how the pipeline takes the usual guidance, and the argument of the embedded one.

    Args:
        text: of the pipeline that makes images from text with the same weights.
    """
    takes = signature.takes
    if row.distilled and index.get(row.distilled):
        return Guidance.NONE, None

    if row.guidance is Guidance.TRUE:
        embedded = row.embedded if backbone.get("guidance_embeds") else None
        # Weights that were distilled without any guidance say so by the same flag, where the call has both.
        own = takes if text is None else text.takes
        distilled = row.embedded is not None and embedded is None and own.get(row.embedded) is not None
        distilled = distilled or "true_cfg_scale" not in takes
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
