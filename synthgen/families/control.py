"""What can lead the layout of a model's images: diffusers' pipelines for it, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from synthgen.families.tasks import CONTROL

_TO_IMAGE, _INPAINT, _OUTPAINT = "image-to-image", "inpaint", "outpaint"


@dataclass(frozen=True, slots=True)
class Redrawing:
    """A pipeline that redraws a picture, or a region of it, while other pictures lead it.

    Attributes:
        fills: whether its control model reads the picture and its region, and there is no other picture.
        masked: whether a picture may lead whose region is left out.
        alone, unseeded: as those of `ControlRoles`.
    """

    pipeline: str
    fills: bool = False
    masked: bool = False
    alone: bool = False
    unseeded: bool = False


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
        redraws: the pipelines that redraw pictures with the same weights, by task.
        fills, masked: as those of `Redrawing`.
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
    redraws: Mapping[str, Redrawing] = field(default_factory=lambda: MappingProxyType({}))
    fills: bool = False
    masked: bool = False

    def redrawing(self, task: str) -> Redrawing | None:
        """Return the pipeline that redraws pictures in a task; None if diffusers has none for these weights."""
        return self.redraws.get(_INPAINT if task == _OUTPAINT else task)

    def doing(self, task: str) -> "ControlRoles | None":
        """Return how pictures lead the same weights in a task; None if diffusers has no pipeline for that."""
        if task == CONTROL:
            return self
        found = self.redrawing(task)
        if found is None:
            return None
        return replace(
            self,
            pipeline=found.pipeline,
            picture="control_image",
            several=None if found.fills else self.several,
            alone=self.alone or found.alone,
            unseeded=found.unseeded,
            fills=found.fills,
            masked=found.masked or found.fills,
        )


def _unet(text: str, pipeline: str, *redrawing: tuple[str, Redrawing]) -> ControlRoles:
    return ControlRoles(
        text,
        pipeline,
        "ControlNetModel",
        picture="image",
        several="MultiControlNetModel",
        signed=False,
        redraws=_by_task(*redrawing),
    )


def _xs(text: str, pipeline: str) -> ControlRoles:
    return ControlRoles(text, pipeline, "ControlNetXSAdapter", picture="image", signed=False)


def _by_task(*redrawing: tuple[str, Redrawing]) -> Mapping[str, Redrawing]:
    return MappingProxyType(dict(redrawing))


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
    _unet(
        "StableDiffusionPipeline",
        "StableDiffusionControlNetPipeline",
        (_TO_IMAGE, Redrawing("StableDiffusionControlNetImg2ImgPipeline")),
        (_INPAINT, Redrawing("StableDiffusionControlNetInpaintPipeline", masked=True)),
    ),
    _unet(
        "StableDiffusionPAGPipeline",
        "StableDiffusionControlNetPAGPipeline",
        (_INPAINT, Redrawing("StableDiffusionControlNetPAGInpaintPipeline", masked=True)),
    ),
    _unet(
        "StableDiffusionXLPipeline",
        "StableDiffusionXLControlNetPipeline",
        (_TO_IMAGE, Redrawing("StableDiffusionXLControlNetImg2ImgPipeline")),
        (_INPAINT, Redrawing("StableDiffusionXLControlNetInpaintPipeline")),
    ),
    _unet(
        "StableDiffusionXLPAGPipeline",
        "StableDiffusionXLControlNetPAGPipeline",
        (_TO_IMAGE, Redrawing("StableDiffusionXLControlNetPAGImg2ImgPipeline")),
    ),
    ControlRoles(
        "StableDiffusionXLPipeline",
        "StableDiffusionXLControlNetUnionPipeline",
        "ControlNetUnionModel",
        mode="control_mode",
        listed=True,
        alone=True,  # its attention runs over the batch
        signed=False,
        redraws=_by_task(
            (_TO_IMAGE, Redrawing("StableDiffusionXLControlNetUnionImg2ImgPipeline")),
            (_INPAINT, Redrawing("StableDiffusionXLControlNetUnionInpaintPipeline")),
        ),
    ),
    _xs("StableDiffusionPipeline", "StableDiffusionControlNetXSPipeline"),
    _xs("StableDiffusionXLPipeline", "StableDiffusionXLControlNetXSPipeline"),
    _adapter("StableDiffusionPipeline", "StableDiffusionAdapterPipeline"),
    _adapter("StableDiffusionXLPipeline", "StableDiffusionXLAdapterPipeline"),
    ControlRoles(
        "StableDiffusion3Pipeline",
        "StableDiffusion3ControlNetPipeline",
        "SD3ControlNetModel",
        several="SD3MultiControlNetModel",
        unseeded=True,
        redraws=_by_task(
            (_INPAINT, Redrawing("StableDiffusion3ControlNetInpaintingPipeline", fills=True, unseeded=True))
        ),
    ),
    ControlRoles(
        "FluxPipeline",
        "FluxControlNetPipeline",
        "FluxControlNetModel",
        several="FluxMultiControlNetModel",
        mode="control_mode",
        redraws=_by_task(  # they hand a union one mode, and no list of one for each image
            (_TO_IMAGE, Redrawing("FluxControlNetImg2ImgPipeline", alone=True)),
            (_INPAINT, Redrawing("FluxControlNetInpaintPipeline", alone=True)),
        ),
    ),
    ControlRoles(
        "FluxPipeline",
        "FluxControlPipeline",
        None,
        weight=None,
        interval=(),
        redraws=_by_task(
            (_TO_IMAGE, Redrawing("FluxControlImg2ImgPipeline")),
            (_INPAINT, Redrawing("FluxControlInpaintPipeline")),
        ),
    ),
    ControlRoles(
        "QwenImagePipeline",
        "QwenImageControlNetPipeline",
        "QwenImageControlNetModel",
        redraws=_by_task((_INPAINT, Redrawing("QwenImageControlNetInpaintPipeline", fills=True, unseeded=True))),
    ),
    ControlRoles(
        "ZImagePipeline",
        "ZImageControlNetPipeline",
        "ZImageControlNetModel",
        interval=(),
        redraws=_by_task((_INPAINT, Redrawing("ZImageControlNetInpaintPipeline"))),
    ),
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


def is_led(pipeline: str, task: str) -> bool:
    """Whether a pipeline does a task once a spec says what leads it."""
    rows = [row for each in CONTROLS if (row := each.doing(task)) is not None]
    return any(row.pipeline == pipeline for row in rows)
