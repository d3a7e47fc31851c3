"""What a model can be asked to do, as data: diffusers' list of pipelines, and the pictures that a call needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

TEXT_TO_IMAGE = "text-to-image"
AUTO = ("TEXT2IMAGE", "IMAGE2IMAGE", "INPAINT")
"""diffusers' own lists of pipelines, each by the name of a family: one family's share their weights."""


@dataclass(frozen=True, slots=True)
class TaskRoles:
    """A kind of generation.

    Attributes:
        name: what a spec calls it.
        auto: diffusers' own list of pipelines for it, by family.
        pictures: the arguments that hand over pictures; every one is needed, and its size is that of the image.
        more: pipelines for it that diffusers has in no list, by the pipeline that makes images from text.
        needs_strength: whether a pipeline without `strength` does something else.
    """

    name: str
    auto: str
    pictures: tuple[str, ...] = ()
    more: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    needs_strength: bool = False


TASKS: Mapping[str, TaskRoles] = MappingProxyType(
    {
        task.name: task
        for task in (
            TaskRoles(TEXT_TO_IMAGE, "TEXT2IMAGE"),
            TaskRoles(
                "image-to-image",
                "IMAGE2IMAGE",
                ("image",),
                MappingProxyType(
                    {
                        "ChromaPipeline": "ChromaImg2ImgPipeline",
                        "SanaSprintPipeline": "SanaSprintImg2ImgPipeline",
                    }
                ),
                needs_strength=True,
            ),
            TaskRoles("inpaint", "INPAINT", ("image", "mask_image")),
            TaskRoles("outpaint", "INPAINT", ("image", "mask_image")),
        )
    }
)
"""The tasks that models are driven in."""
