"""What can lead the layout of a model's images: diffusers' pipelines for it, as data, and whether a control fits."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from synthgen.errors import ModelError
from synthgen.models.part_source import class_of
from synthgen.spec import ControlSpec

_Read = Callable[[str], Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class ControlRoles:
    """A pipeline whose images are led by pictures, and what its call names.

    Attributes:
        text: the pipeline that makes images from text with the same weights, or else the nearest one.
        pipeline: the class that is loaded.
        kind: the class of the control models; None where the weights themselves have learned to be led.
        part: what the pipeline calls the control model.
        picture: the argument of the pictures.
        weight: the argument of the weights; None if they are as they are.
        interval: the arguments where a control begins and ends to act, in shares of the steps.
        several: the class that joins several control models; None if it takes one.
        mode: the argument that tells a union which kind of picture it is shown.
        listed: whether the pictures and modes of a single control are lists of one.
        signed: whether its decoder encodes the pictures, whose values are then from -1 to 1, and not from 0.
        alone: whether images of a batch influence each other.
        unseeded: whether it draws the pictures' latents by noise without a seed.
    """

    text: str
    pipeline: str
    kind: str | None
    part: str = "controlnet"
    picture: str = "control_image"
    weight: str | None = "controlnet_conditioning_scale"
    interval: tuple[str, ...] = ("control_guidance_start", "control_guidance_end")
    several: str | None = None
    mode: str | None = None
    listed: bool = False
    signed: bool = True
    alone: bool = False
    unseeded: bool = False


def _unet(text: str, pipeline: str) -> ControlRoles:
    return ControlRoles(
        text, pipeline, "ControlNetModel", picture="image", several="MultiControlNetModel", signed=False
    )


def _adapter(text: str, pipeline: str) -> ControlRoles:
    return ControlRoles(
        text,
        pipeline,
        "T2IAdapter",
        part="adapter",
        picture="image",
        weight="adapter_conditioning_scale",
        interval=(),
        several="MultiAdapter",
        signed=False,
    )


CONTROLS: tuple[ControlRoles, ...] = (
    _unet("StableDiffusionPipeline", "StableDiffusionControlNetPipeline"),
    _unet("StableDiffusionPAGPipeline", "StableDiffusionControlNetPAGPipeline"),
    _unet("StableDiffusionXLPipeline", "StableDiffusionXLControlNetPipeline"),
    _unet("StableDiffusionXLPAGPipeline", "StableDiffusionXLControlNetPAGPipeline"),
    ControlRoles(
        "StableDiffusionXLPipeline",
        "StableDiffusionXLControlNetUnionPipeline",
        "ControlNetUnionModel",
        mode="control_mode",
        listed=True,
        alone=True,  # its attention runs over the batch
        signed=False,
    ),
    _adapter("StableDiffusionPipeline", "StableDiffusionAdapterPipeline"),
    _adapter("StableDiffusionXLPipeline", "StableDiffusionXLAdapterPipeline"),
    ControlRoles(
        "StableDiffusion3Pipeline",
        "StableDiffusion3ControlNetPipeline",
        "SD3ControlNetModel",
        several="SD3MultiControlNetModel",
        unseeded=True,
    ),
    ControlRoles(
        "FluxPipeline",
        "FluxControlNetPipeline",
        "FluxControlNetModel",
        several="FluxMultiControlNetModel",
        mode="control_mode",
    ),
    ControlRoles("FluxPipeline", "FluxControlPipeline", None, weight=None, interval=()),
    ControlRoles("QwenImagePipeline", "QwenImageControlNetPipeline", "QwenImageControlNetModel"),
    ControlRoles("ZImagePipeline", "ZImageControlNetPipeline", "ZImageControlNetModel", interval=()),
    ControlRoles("SanaPipeline", "SanaControlNetPipeline", "SanaControlNetModel", interval=()),
    ControlRoles(
        "HunyuanDiTPipeline",
        "HunyuanDiTControlNetPipeline",
        "HunyuanDiT2DControlNetModel",
        interval=(),
        several="HunyuanDiT2DMultiControlNetModel",
        unseeded=True,
    ),
    ControlRoles("CogView4Pipeline", "CogView4ControlPipeline", None, weight=None, interval=(), unseeded=True),
)
"""Which pipelines are led by pictures; some by models of several kinds, each in a pipeline of its own."""

_WIDTHS = (
    "in_channels",
    "block_out_channels",
    "layers_per_block",
    "cross_attention_dim",
    "joint_attention_dim",
    "pooled_projection_dim",
    "caption_channels",
)
"""Settings that a control model has in common with the denoiser that it leads."""


def control_of(read: _Read, named: str) -> ControlRoles:
    """Find the pipeline that a model is led with, by the class of its control models.

    Args:
        read: reads `control.0/config.json` and so on too, of the control models.
        named: the class of the model itself.

    Raises:
        ModelError: nothing leads it, or not what the spec names.
    """
    rows = [row for row in CONTROLS if named == row.pipeline or (row.kind is not None and named == row.text)]
    if not rows:
        what = f"model.id: diffusers has no pipeline that leads the weights of {named} by pictures"
        raise ModelError(what, hint="Choose another model, or another task.")
    kinds = dict(_kinds(read))

    fits = [row for row in rows if all(kind == row.kind for kind in kinds.values()) and bool(kinds) == bool(row.kind)]
    if fits:
        return fits[0]
    known = " or ".join(row.kind or "no other model" for row in rows)
    if not kinds:
        what = f"{named} needs a model that leads it, {known}: name one in control.0.model"
        raise ModelError(
            f"control.0: {what}", hint="Name the folder or the hub id of one that was made for this model."
        )
    name, kind = next(
        ((name, kind) for name, kind in kinds.items() if kind not in {row.kind for row in rows}),
        list(kinds.items())[-1],
    )
    what = f"it is {kind}, and {named} is led by {known}"
    if kind in {row.kind for row in rows}:
        what = f"it is {kind}, and another one is {next(iter(kinds.values()))}: all must be of one kind"
    raise ModelError(f"{name}.model: {what}", hint="Choose a control model that was made for this model.")


def _kinds(read: _Read) -> Iterator[tuple[str, str]]:
    """Yield the control models by name, each with its class."""
    for index in range(8):
        config = read(f"control.{index}/config.json")
        if config:
            found = class_of(config)
            yield f"control.{index}", found[1] if found else "a model without a class"


def control_problems(row: ControlRoles, controls: Sequence[ControlSpec], read: _Read) -> Iterator[tuple[str, str]]:
    """Find what cannot act in the controls of a spec: its key, and why."""
    if len(controls) > 1 and row.several is None:
        yield "control.1", f"{row.pipeline} takes one control, and {len(controls)} are given"
    for index, control in enumerate(controls):
        at = f"control.{index}"
        if row.kind is not None and control.model is None:
            yield at, f"{row.pipeline} needs a model that leads it, {row.kind}: name one in {at}.model"
            continue

        if row.weight is None and control.weight != 1:
            yield f"{at}.weight", f"{row.pipeline} takes no weight"
        if control.interval is not None and not row.interval:
            yield f"{at}.interval", f"{row.pipeline} lets it act in all steps"
        config = read(f"{at}/config.json") if control.model is not None else {}
        yield from ((f"{at}.mode", why) for why in _mode(row, control, config))
        yield from ((f"{at}.model", why) for why in _unfit(row, config, read))


def _mode(row: ControlRoles, control: ControlSpec, config: Mapping[str, object]) -> Iterator[str]:
    """Say why a control's mode cannot act, or why it needs one."""
    kinds = config.get("num_control_type") or config.get("num_mode")
    union = row.mode is not None and isinstance(kinds, int) and kinds > 0
    if control.mode is not None and not union:
        yield f"{control.model} is of one kind: remove it"
    elif union and control.mode is None:
        yield f"{control.model} is of {kinds} kinds: say which one its picture is, as its authors number them"
    elif union and control.mode is not None and isinstance(kinds, int) and control.mode >= kinds:
        yield f"{control.model} has kinds 0 to {kinds - 1}, and no {control.mode}"


def _unfit(row: ControlRoles, config: Mapping[str, object], read: _Read) -> Iterator[str]:
    """Compare the widths of a control model with those of the denoiser."""
    own = read("transformer/config.json") or read("unet/config.json")
    if row.kind == "T2IAdapter":
        mine, theirs = config.get("channels"), own.get("block_out_channels")
        plain = config.get("adapter_type", "full_adapter") == "full_adapter"
        if plain and None not in (mine, theirs) and mine != theirs:
            yield f"its channels are {mine}, and the model's {theirs}"
        return
    for key in _WIDTHS:
        mine, theirs = config.get(key), own.get(key)
        if None not in (mine, theirs) and mine != theirs:
            yield f"its {key} is {mine}, and the model's is {theirs}"
            return
