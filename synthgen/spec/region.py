"""Which part of a picture is drawn again: a region of it, or what a larger canvas adds."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from synthgen.spec.fields import Section

AnchorName = Literal["top-left", "top", "top-right", "left", "center", "right", "bottom-left", "bottom", "bottom-right"]
_MOST = 4096
_Pixels = Annotated[int, Field(ge=0, le=_MOST)]
_FEATHER = "Over so many pixels inside the region, the picture fades into what is new. No pixel outside it changes."


class RegionSpec(Section):
    """The region of a picture that `task: inpaint` draws again. Pixels are those of the made image."""

    of: Literal["mask", "boxes"] | None = Field(
        None, description="What shapes it: source.mask or source.boxes. Default: the mask, if the source has one."
    )
    side: Literal["inside", "outside"] = Field(
        "inside",
        description="Whether the inside of that shape is drawn again, or the outside, which is the background.",
    )
    pad: Annotated[int, Field(ge=-_MOST, le=_MOST)] = Field(
        0, description="By so many pixels the shape grows on every side before its side is taken; below 0, it shrinks."
    )
    feather: _Pixels = Field(0, description=_FEATHER)

    def described(self, shape: str) -> str:
        """Say in words what is drawn."""
        pad = f", padded by {self.pad} pixels" if self.pad else ""
        return f"{self.side} the {shape}{pad}{_feathered(self.feather)}"


class MarginsSpec(Section):
    """How many pixels are at least made on each side of a picture."""

    left: _Pixels = Field(0, description="At least so many pixels are made on the left.")
    top: _Pixels = Field(0, description="At least so many pixels are made above.")
    right: _Pixels = Field(0, description="At least so many pixels are made on the right.")
    bottom: _Pixels = Field(0, description="At least so many pixels are made below.")


def _of_all_sides(value: object) -> object:
    """`margins: 8` is short for 8 pixels on each side."""
    return dict.fromkeys(("left", "top", "right", "bottom"), value) if type(value) is int else value


class CanvasSpec(Section):
    """How a picture lies on the larger image of `task: outpaint`, whose size is that of the model's images.

    The picture is scaled to fit whole into the room that it has, and everything around it is made.
    """

    margins: (
        Annotated[MarginsSpec, BeforeValidator(_of_all_sides, json_schema_input_type=MarginsSpec | _Pixels)] | None
    ) = Field(None, description="The least number of new pixels on each side, or on all sides, as one number.")
    scale: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="The share of the image's width and height that the picture may take, instead of margins."
    )
    anchor: AnchorName = Field(
        "center", description="Where the picture lies in the room that it has, such as 'bottom' or 'top-left'."
    )
    feather: _Pixels = Field(0, description=_FEATHER)

    def described(self) -> str:
        """Say in words where pictures lie."""
        if self.margins is not None:
            sides = ", ".join(f"{side} {pixels}" for side, pixels in self.margins.model_dump().items() if pixels)
            room = f"margins of at least {sides or 0} pixels"
        else:
            room = f"scaled to {self.scale:g} of the image"
        return f"{room}, at {self.anchor}{_feathered(self.feather)}"


def _feathered(pixels: int) -> str:
    return f", feathered over {pixels} pixels" if pixels else ""
