"""What happens to each image after it was made: enlarging it, and drawing it again in part."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, GetCoreSchemaHandler, Tag
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from synthgen.spec.fields import Revision, Section, Text, VariantName
from synthgen.spec.model import FOLDER_ID, HUB_ID
from synthgen.spec.sampling import sides_of

REFINE, UPSCALE = "refine", "upscale"
STRENGTH = 0.3
"""How much of an image is drawn again, unless the spec says otherwise."""
_MOST = 4


def _stage_id(value: str) -> str:
    if any(form.fullmatch(value) for form in (HUB_ID, FOLDER_ID)) and not value.endswith(".safetensors"):
        return value
    raise PydanticCustomError("expected", "a hub id such as 'owner/name', or a folder that starts with './' or '/'")


class ThenSpec(Section):
    """A later stage: what it does with the images of the stage before it, and by which model."""

    task: Literal["refine", "upscale"] = Field(
        description="'refine' draws the image again in part, as the task 'image-to-image' does; 'upscale' enlarges it."
    )
    model: Annotated[Text, AfterValidator(_stage_id)] | None = Field(
        None,
        description="A diffusers folder that starts with './', '~' or '/', or a hub id such as 'owner/name'. Default: "
        "to refine, the spec's own model, which is loaded once; to upscale, none: the image is enlarged by Lanczos.",
    )
    revision: Revision | None = Field(
        None, description="For a hub id: branch, tag or commit. The plan records the commit it points to."
    )
    variant: VariantName | None = Field(None, description="For `model`: which weight files to load, such as 'fp16'.")
    scale: float | None = Field(
        None,
        ge=1,
        le=8,
        description="By how much width and height grow: 'refine' enlarges by Lanczos before it draws (default: 1), "
        "'upscale' needs it, and an upscaler takes its own, such as 4.",
    )
    strength: float | None = Field(
        None,
        ge=0.001,
        le=1,
        description=f"For 'refine': how much of the image is drawn again; of n steps, the last int(n * strength) are "
        f"made. Default: {STRENGTH}.",
    )
    steps: int | None = Field(None, ge=1, le=1000, description="Denoising steps. Default: those of `model.steps`.")
    guidance: float | None = Field(None, ge=0, le=50, description="Guidance scale. Default: that of `model.guidance`.")

    @property
    def is_plain(self) -> bool:
        """Whether no model draws: the image is only enlarged."""
        return self.task == UPSCALE and self.model is None

    @property
    def is_hub(self) -> bool:
        return self.model is not None and HUB_ID.fullmatch(self.model) is not None

    @property
    def grows(self) -> float:
        """By how much width and height grow."""
        return self.scale or 1.0

    def enlarged(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return width and height after the stage."""
        return round(size[0] * self.grows), round(size[1] * self.grows)

    def described(self, revision: str = "") -> str:
        """Say in a line what is done, by what, and how."""
        own = "" if self.task == UPSCALE else f"strength {self.strength or STRENGTH:g}"
        parts = (
            f"{self.task} by {self.model or ('Lanczos' if self.is_plain else 'the same model')}",
            f"scale {self.grows:g}",
            own,
            f"{self.steps} steps" if self.steps else "",
            f"guidance {self.guidance:g}" if self.guidance is not None else "",
            revision,
        )
        return ", ".join(filter(None, parts))


class _OneOrSeveral:
    """Reads one stage, or a list of them, as a tuple."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(_several, handler.generate_schema(_Either))


def _several(value: ThenSpec | tuple[ThenSpec, ...]) -> tuple[ThenSpec, ...]:
    return value if isinstance(value, tuple) else (value,)


_Either = Annotated[
    Annotated[ThenSpec, Tag("<one>")]
    | Annotated[tuple[ThenSpec, ...], Field(strict=False, max_length=_MOST), Tag("<several>")],
    Discriminator(lambda value: "<several>" if isinstance(value, list | tuple) else "<one>"),
]
Stages = Annotated[tuple[ThenSpec, ...], _OneOrSeveral()]


def stage_name(index: int) -> str:
    """Return what the model of a stage is called among a plan's revisions, and the stage in records."""
    return f"then.{index}"


def enlarged(size: tuple[int, int], stages: Iterable[ThenSpec]) -> tuple[int, int]:
    """Return width and height of an image of some size after stages."""
    for stage in stages:
        size = stage.enlarged(size)
    return size


def enlarged_choice(size: int | str, stages: Iterable[ThenSpec]) -> int | str:
    """Return a size as `model.size` has it after stages.

    Example:
        >>> enlarged_choice("64x96", [ThenSpec(task="refine", scale=1.5)])
        '96x144'
    """
    width, height = enlarged(sides_of(size), stages)
    return width if width == height else f"{width}x{height}"


def is_folder_id(value: object) -> bool:
    """Whether a model's name is that of a folder."""
    return isinstance(value, str) and re.match(r"[./~]", value) is not None


def final_sizes(sizes: Mapping[tuple[int, int], float], stages: Iterable[ThenSpec]) -> dict[tuple[int, int], float]:
    """Return the sizes of images after stages, each with its share."""
    stages, found = tuple(stages), dict[tuple[int, int], float]()
    for size, share in sizes.items():
        after = enlarged(size, stages)
        found[after] = found.get(after, 0.0) + share
    return found
