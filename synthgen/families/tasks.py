"""What a model can be asked to do, as data: diffusers' list of pipelines, and the pictures that a call needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from synthgen.families.reasons import LAYERED, NO_EDITS, NO_FILLING
from synthgen.spec import UPSCALE

TEXT_TO_IMAGE, IMAGE_TO_IMAGE, CONTROL = "text-to-image", "image-to-image", "control"
AUTO = ("TEXT2IMAGE", "IMAGE2IMAGE", "INPAINT")
"""diffusers' own lists of pipelines, each by the name of a family: one family's share their weights."""
UPSCALERS: Mapping[str, int] = MappingProxyType(
    {"StableDiffusionUpscalePipeline": 4, "StableDiffusionLatentUpscalePipeline": 2}
)
"""The pipelines that enlarge images, and by how much."""


@dataclass(frozen=True, slots=True)
class TaskRoles:
    """A kind of generation.

    Attributes:
        name: what a spec calls it.
        auto: diffusers' own list of pipelines for it, by family.
        pictures: the arguments that hand over pictures; every one is needed, and its size is that of the image.
        more: pipelines for it that diffusers has in no list, by the pipeline that makes images from text.
        needs_strength: whether a pipeline without `strength` does something else.
        only: the pipelines that do it, each with the number by which its images are larger than what it is given;
            empty where that is read from diffusers' lists and signatures.
        edits: whether the prompt says what to change in a picture, and only pipelines do it that read pictures so.
        reasons: why pipelines do not do it, where their signature does not show that.
    """

    name: str
    auto: str
    pictures: tuple[str, ...] = ()
    more: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    needs_strength: bool = False
    only: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    edits: bool = False
    reasons: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


_INPAINT = {
    "ChromaPipeline": "ChromaInpaintPipeline",
    "FluxKontextPipeline": "FluxKontextInpaintPipeline",
    "Flux2KleinPipeline": "Flux2KleinInpaintPipeline",
}


def _filling(name: str) -> TaskRoles:
    more = MappingProxyType(_INPAINT)
    return TaskRoles(name, "INPAINT", ("image", "mask_image"), more, reasons=NO_FILLING)


TASKS: Mapping[str, TaskRoles] = MappingProxyType(
    {
        task.name: task
        for task in (
            TaskRoles(TEXT_TO_IMAGE, "TEXT2IMAGE"),
            TaskRoles(CONTROL, "TEXT2IMAGE"),
            TaskRoles(
                IMAGE_TO_IMAGE,
                "IMAGE2IMAGE",
                ("image",),
                MappingProxyType(
                    {
                        "ChromaPipeline": "ChromaImg2ImgPipeline",
                        "SanaSprintPipeline": "SanaSprintImg2ImgPipeline",
                    }
                ),
                needs_strength=True,
                reasons=MappingProxyType({LAYERED: NO_EDITS[LAYERED]}),
            ),
            TaskRoles("edit", "IMAGE2IMAGE", ("image",), edits=True, reasons=NO_EDITS),
            _filling("inpaint"),
            _filling("outpaint"),
        )
    }
)
"""The tasks that models are driven in."""
LATER: Mapping[str, TaskRoles] = MappingProxyType({UPSCALE: TaskRoles(UPSCALE, "", ("image",), only=UPSCALERS)})
"""Those of later stages alone."""
