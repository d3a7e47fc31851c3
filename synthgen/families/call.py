"""How one pipeline is called: resolved from its signature, its configuration and the table, before weights are read."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from synthgen.errors import ModelError
from synthgen.families.signature import NEEDED, Signature, auto_families, signature_of
from synthgen.families.table import FAMILIES, PINNED, REASONS, Family, Guidance, Together
from synthgen.spec import ModelSpec

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


@dataclass(frozen=True, slots=True)
class PipelineCall:
    """How a pipeline is called.

    Attributes:
        pipeline: the class that is loaded.
        takes: the arguments that its call names, with their defaults.
        guidance: how it is told the usual guidance.
        embedded: the argument of the guidance that goes into its weights; None if these weights have none.
        needs_embedded: whether it has no default for that.
        blank: the negative prompt that stands for none.
        step: what the pipeline takes width and height to be multiples of, in pixels.
        multiple: what those of a spec must be multiples of: at least 8.
        size: width and height of the images if the spec names none; None if only the loaded pipeline knows.
        sizes: the only widths and heights that it draws, where these are few.
        is_area: whether any size is enlarged or shrunk to as many pixels as its own size has.
        together: when images of a batch do not influence each other.
        gives_sigmas: whether it hands its scheduler noise levels of its own.
        seeds_steps: whether it hands its generators to the scheduler's steps; None if that is not known.
        negative: whether a negative prompt can act.
        always_guided: whether it cannot be called without guidance.
        one_text: whether it takes a text, and no list of texts.
        known: whether the table has a row for it, or diffusers lists it for making images from text.
    """

    pipeline: str
    takes: Mapping[str, object] = field(repr=False)
    guidance: Guidance
    embedded: str | None
    needs_embedded: bool
    blank: str
    step: int
    multiple: int
    size: tuple[int, int] | None
    sizes: tuple[tuple[int, int], ...]
    is_area: bool
    together: Together
    gives_sigmas: bool
    seeds_steps: bool | None
    negative: bool
    always_guided: bool
    one_text: bool
    known: bool

    def is_guided(self, model: ModelSpec, written: Collection[str]) -> bool:
        """Whether images of this spec are guided. Guidance that nobody wrote does not act beside an embedded one."""
        if self.guidance is Guidance.NONE or model.guidance <= 1:
            return False
        return self.embedded is None or "guidance" in written or bool(model.negative_prompt)

    def arguments(self, model: ModelSpec, written: Collection[str], height: int, width: int) -> dict[str, object]:
        """Return the arguments that the call gets from the spec, without prompts and noise.

        Args:
            written: the keys of `model` that the spec's author set.
        """
        wanted: dict[str, object] = {"num_inference_steps": model.steps, "height": height, "width": width}
        guidance = model.guidance if self.is_guided(model, written) else 1.0
        match self.guidance:
            case Guidance.SCALE:
                wanted["guidance_scale"] = guidance
            case Guidance.LESS_ONE:
                wanted["guidance_scale"] = guidance - 1
            case Guidance.TRUE:
                wanted["true_cfg_scale"] = guidance
        if self.embedded is not None and model.embedded_guidance is not None:
            wanted[self.embedded] = model.embedded_guidance
        if "max_area" in self.takes:
            wanted["max_area"] = height * width
        wanted |= PINNED
        if model.steps != self.takes.get("num_inference_steps"):
            wanted["intermediate_timesteps"] = None  # they are for the default number of steps alone
        return {name: value for name, value in wanted.items() if name in self.takes}

    def batch_limit(self, model: ModelSpec, written: Collection[str]) -> int | None:
        """Return 1 if images of a batch would influence each other; None if they do not."""
        alone = self.together is Together.NEVER
        if self.together is Together.UNGUIDED:
            alone = self.is_guided(model, written)
        return 1 if alone else None

    def notes(self, model: ModelSpec, written: Collection[str]) -> Iterator[str]:
        """Say what works, and may not be what the spec's author expects."""
        if not self.known:
            yield (
                f"{self.pipeline} is called as its signature says, one image at a time: synthgen knows no more of it. "
                "Look at a preview"
            )
        if self.embedded is not None and self.is_guided(model, written):
            yield (
                f"model.guidance of {model.guidance:g} doubles the work of {self.pipeline}: it acts beside what is "
                "embedded in the weights, model.embedded_guidance"
            )

    def problems(self, model: ModelSpec, written: Collection[str]) -> Iterator[tuple[str, str]]:
        """Find settings that cannot act: the key of `model`, and why. Defaults that nobody wrote are left out instead.

        Args:
            written: the keys of `model` that the spec's author set.
        """
        if "steps" in written and "num_inference_steps" not in self.takes:
            yield "steps", f"{self.pipeline} takes no number of steps"
        yield from self._guidance(model, written)
        if model.negative_prompt and not self.negative:
            yield "negative_prompt", f"{self.pipeline} takes no negative prompt"
        elif model.negative_prompt and not self.is_guided(model, written):
            yield "negative_prompt", f"without guidance it has no effect: set model.guidance above 1, not {_n(model)}"
        yield from self._size(model)

    def _guidance(self, model: ModelSpec, written: Collection[str]) -> Iterator[tuple[str, str]]:
        if "guidance" in written and self.guidance is Guidance.NONE and model.guidance > 1:
            other = ": its own is model.embedded_guidance" if self.embedded else ""
            yield "guidance", f"this {self.pipeline} takes no guidance, its weights were distilled: set 1{other}"
        if self.always_guided and not self.is_guided(model, written):
            yield "guidance", f"{self.pipeline} cannot be called without guidance: set it above 1"
        if self.embedded is None and model.embedded_guidance is not None:
            yield "embedded_guidance", f"the weights of this {self.pipeline} have no guidance embedded"
        elif self.needs_embedded and model.embedded_guidance is None:
            yield "embedded_guidance", f"the weights of this {self.pipeline} need it, and have no default for it"

    def _size(self, model: ModelSpec) -> Iterator[tuple[str, str]]:
        key = "size" if model.size else "width"
        width, height = model.width or model.size, model.height or model.size
        if not width or not height:
            if self.sizes and self.size is None:
                yield "size", f"{self.pipeline} draws only {_sizes(self.sizes)}: name one of them"
            return
        for name, side in ((key, width), ("height", height)):
            if side % self.multiple and not (name == "height" and key == "size"):
                low = side // self.multiple * self.multiple
                near = f"{low} or {low + self.multiple}" if low else str(self.multiple)
                what = f"expected a multiple of {self.multiple} for {self.pipeline}, such as {near}, not {side}"
                yield name, what
        if self.sizes and (width, height) not in self.sizes:
            yield key, f"{self.pipeline} draws only {_sizes(self.sizes)}, not {width} x {height}"
        if self.is_area and self.size and (drawn := self._to_area(width, height)) != (width, height):
            what = f"{self.pipeline} draws as many pixels as {self.size[0]} x {self.size[1]} has"
            yield key, f"{what}: of this shape {drawn[0]} x {drawn[1]}, not {width} x {height}"
        if "height" not in self.takes or "width" not in self.takes:
            yield key, f"{self.pipeline} takes no size"

    def _to_area(self, width: int, height: int) -> tuple[int, int]:
        """Give the size that is drawn, as the pipeline computes it."""
        assert self.size is not None
        scale = math.sqrt(self.size[0] * self.size[1] / (width * height))
        step = self.step
        return int(width * scale // step * step), int(height * scale // step * step)


def keys_that_differ(model: ModelSpec) -> frozenset[str]:
    """Name the keys whose value is not the default: a plan keeps no other trace of what its author wrote."""
    fields = type(model).model_fields
    return frozenset(name for name, field in fields.items() if getattr(model, name) != field.default)


def call_of(read: Read) -> PipelineCall:
    """Find out how the pipeline of a model's folder is called. Reads JSON, and the source of diffusers.

    Raises:
        ModelError: it does not make images from text, or it is not a pipeline of the installed diffusers.
    """
    index = read("model_index.json")
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
    step = math.lcm(row.multiple, (factor or 8) * row.patch)
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
        one_text=row.one_text,
        known=known,
    )


def _guidance(
    signature: Signature, row: Family, backbone: Mapping[str, object], index: Mapping[str, object]
) -> tuple[Guidance, str | None]:
    """Return how the usual guidance is told, and the argument of the embedded one."""
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


def _sizes(sizes: tuple[tuple[int, int], ...]) -> str:
    return ", ".join(f"{width} x {height}" for width, height in sizes)


def _n(model: ModelSpec) -> str:
    return f"{model.guidance:g}"
