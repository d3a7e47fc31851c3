"""What leads the layout of images: control models, and the pictures that they are shown."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from synthgen.spec.components import ComponentSpec, inside
from synthgen.spec.fields import Revision, Section, Text
from synthgen.spec.model import FOLDER_ID, HUB_ID, interval_of

BUNDLED_CONTROLS = ("bundled:outlines",)
"""The ids of the control models that ship with synthgen."""
THRESHOLDS = (100, 200)
"""Canny's usual ones, on gradients of 8-bit pictures."""


def _control_id(value: str) -> str:
    if value in BUNDLED_CONTROLS or any(form.fullmatch(value) for form in (HUB_ID, FOLDER_ID)):
        return value
    raise PydanticCustomError(
        "expected", f"'{BUNDLED_CONTROLS[0]}', a hub id such as 'owner/name', or a folder that starts with './' or '/'"
    )


class ControlSpec(Section):
    """One control: a model, the picture that it is shown, and how strongly and when it acts."""

    model: Annotated[Text, AfterValidator(_control_id)] | None = Field(
        None,
        description="A ControlNet or a T2I-Adapter: a diffusers folder that starts with './', '~' or '/', a hub id "
        f"such as 'owner/name', or '{BUNDLED_CONTROLS[0]}' (ships with synthgen, for the bundled model). Its own "
        "configuration says which it is. Only models that are led without one, such as FLUX.1 Canny, do without it.",
    )
    revision: Revision | None = Field(
        None, description="For a hub id: branch, tag or commit. The plan records the commit it points to."
    )
    subfolder: Annotated[Text, AfterValidator(inside)] | None = Field(
        None, description="Where in the folder or repository. Default: its top, or 'controlnet' of a whole pipeline."
    )
    column: Text | None = Field(
        None,
        description="The column of the source set with the picture that it is shown, such as a depth map. Give this or "
        "'preprocessor'.",
    )
    preprocessor: Literal["canny", "masked"] | None = Field(
        None,
        description="What makes that picture of the source's own picture: 'canny', outlines by OpenCV; or 'masked', "
        "the picture without the region that is drawn again, for models that were trained to fill regions.",
    )
    thresholds: (
        Annotated[tuple[Annotated[int, Field(ge=1, le=1000)], ...], Field(strict=False, min_length=2, max_length=2)]
        | None
    ) = Field(
        None,
        description="For 'canny': a line begins where the gradient is above the second, and goes on while it is above "
        f"the first. Default: {list(THRESHOLDS)}.",
    )
    weight: float = Field(1.0, gt=0, le=2, description="How strongly it acts.")
    interval: Annotated[tuple[float, ...], Field(strict=False), AfterValidator(interval_of)] | None = Field(
        None,
        description="The part of the denoising in which it acts, such as [0, 0.6]: fractions of the steps, from noise "
        "to image. Default: all of it.",
    )
    mode: Annotated[int, Field(ge=0, le=100)] | None = Field(
        None, description="For a model of several kinds (a union): the number of the kind, as its authors list them."
    )

    @property
    def is_hub(self) -> bool:
        return self.model is not None and HUB_ID.fullmatch(self.model) is not None

    def component(self, place: str) -> ComponentSpec:
        """Say where its model is, as of another component.

        Args:
            place: its id, or the folder that a bundled one is in.
        """
        return ComponentSpec(id=place, subfolder=self.subfolder, revision=self.revision)

    @property
    def made_by(self) -> str:
        """What the preprocessor shows, in words."""
        return "canny {} {}".format(*self.canny) if self.preprocessor == "canny" else "the picture without its region"

    @property
    def canny(self) -> tuple[int, int]:
        low, high = self.thresholds or THRESHOLDS
        return low, high

    def described(self, revision: str) -> str:
        """Say in a line what leads, by which picture, how strongly and when."""
        parts = (
            self.model or "the model itself",
            self.subfolder or "",
            f"by column {self.column}" if self.column else f"by {self.made_by}",
            f"mode {self.mode}" if self.mode is not None else "",
            f"weight {self.weight:g}",
            "steps {:g} to {:g}".format(*self.interval) if self.interval else "",
            revision,
        )
        return ", ".join(filter(None, parts))
