"""The pictures that images begin from, as a pipeline takes them: laid out on the image here, not by the pipeline."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from synthgen.families import PipelineCall
from synthgen.records import Failure, SourcePicture
from synthgen.regions.boxes import Size
from synthgen.regions.canvas import Anchor, Margins
from synthgen.regions.carried import Carried
from synthgen.regions.compositing import composited
from synthgen.regions.error import RegionError
from synthgen.regions.masks import Mask, check_mask, feathered, mask_of_boxes, padded
from synthgen.regions.placing import Placement, covering, fitting, shrunk
from synthgen.spec import CanvasSpec, RegionSpec, Spec

METHOD = "cover, centre, Lanczos"
"""How pictures are brought to the image's size, for the record."""
_FIT = "fit, Lanczos"
_READ_BY_CONTROL = {"image": "control_image", "mask_image": "control_mask"}
"""Where a control model reads the picture and its region, and the pipeline itself does not."""


@dataclass(frozen=True, slots=True)
class LaidOut:
    """A picture as an image begins from it.

    Attributes:
        image: RGB, of the image's size.
        region: what is drawn again; None for all of it.
        shown: how much of what is made each pixel shows, from 0 to 1.
        carried: where its object is on the image.
        columns: other pictures of its row that lead the layout, by their columns.
        begun: the picture as it was.
    """

    image: Image.Image
    region: Mask | None
    shown: NDArray[np.float32] | None
    carried: Carried
    begun: SourcePicture
    columns: Mapping[str, Image.Image] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PictureLayout:
    """How pictures lie on images, and which region of them is drawn again.

    Attributes:
        shape: what shapes the region of the task `inpaint`: `mask` or `boxes`; None for other tasks.
    """

    shape: str | None = None
    region: RegionSpec = field(default_factory=RegionSpec)
    canvas: CanvasSpec | None = None

    @property
    def method(self) -> str:
        """How pictures are brought to the image's size, for the record."""
        return METHOD if self.canvas is None else _FIT

    def place(self, picture: Size, image: Size) -> Placement:
        """Say where a picture of a size lies on an image.

        Raises:
            RegionError: it has no room, or fills the image of the task `outpaint`.
        """
        if self.canvas is None:
            return covering(picture, image)
        anchor, margins = Anchor(self.canvas.anchor), self.canvas.margins
        if margins is None:
            return shrunk(picture, image, self.canvas.scale or 1.0, anchor)
        return fitting(picture, image, Margins(**margins.model_dump()), anchor)

    def lay_out(self, picture: SourcePicture, image: Size) -> LaidOut | Failure:
        """Lay a picture out on an image of a size. It fails if nothing, or everything, would be drawn again."""
        try:
            place = self.place(picture.image.size, image)
            boxes = place.boxes(picture.boxes)
            mask = None if picture.mask is None else place.canvas.enlarge(np.asarray(place.scaled(picture.mask)) > 0)
            region = place.canvas.region() if self.canvas is not None else None
            if self.shape is not None:
                shape = mask if self.shape == "mask" else mask_of_boxes(boxes, image)
                assert shape is not None, "the plan has masks"
                shape = padded(shape, self.region.pad)
                region = shape if self.region.side == "inside" else ~shape
                check_mask(region)
        except RegionError as error:
            return Failure("no_region", f"on an image of {image[0]} x {image[1]} pixels, {error.message}")

        feather = self.region.feather if self.canvas is None else self.canvas.feather
        corners = tuple((box.left, box.top, box.right, box.bottom) for box in boxes)
        return LaidOut(
            place.canvas.spread(place.scaled(picture.image)),
            region,
            None if region is None else feathered(region, feather),
            Carried(corners, None if mask is None else as_png(_black_and_white(mask))),
            picture,
            {name: place.canvas.spread(place.scaled(other)) for name, other in picture.columns.items()},
        )


def layout_of(spec: Spec) -> PictureLayout:
    """Return how the pictures of a spec lie on its images."""
    return PictureLayout(spec.shaped_by, spec.region or RegionSpec(), spec.canvas)


def pictures_given(call: PipelineCall, laid_out: Sequence[LaidOut]) -> dict[str, object]:
    """Return the arguments that hand a call the pictures of a batch; none for tasks that begin from no picture."""
    fills = call.control is not None and call.control.fills
    names = {argument: _READ_BY_CONTROL[argument] if fills else argument for argument in call.task.pictures}
    given = {names[argument]: [_as_given(one, argument, call) for one in laid_out] for argument in names}
    return {argument: each[0] if call.one_text else each for argument, each in given.items()}


def pasted(pixels: Tensor, laid_out: Sequence[LaidOut]) -> Tensor:
    """Show what was made in the region, and the picture elsewhere, whose pixels stay the same, bit for bit.

    Args:
        pixels: of a batch, uint8 [images, 3, height, width]. They leave their device together: it is waited for once.
    """
    if all(one.shown is None for one in laid_out):
        return pixels
    made = pixels.permute(0, 2, 3, 1).cpu().numpy()
    whole = [
        each if one.shown is None else np.array(composited(one.image, Image.fromarray(each), one.shown))
        for each, one in zip(made, laid_out, strict=True)
    ]
    return torch.from_numpy(np.stack(whole)).permute(0, 3, 1, 2).contiguous().to(pixels.device)


def _as_given(laid_out: LaidOut, argument: str, call: PipelineCall) -> Image.Image | Tensor:
    if argument == "mask_image":
        assert laid_out.region is not None, "the task has a region"
        picture = _black_and_white(laid_out.region)
        return torch.from_numpy(laid_out.region.astype(np.float32))[None] if call.as_tensors else picture
    if not call.as_tensors:
        return laid_out.image
    return torch.from_numpy(np.array(laid_out.image, np.float32)).permute(2, 0, 1) / 127.5 - 1


def _black_and_white(mask: Mask) -> Image.Image:
    return Image.fromarray(np.where(mask, np.uint8(255), np.uint8(0)))


def as_png(picture: Image.Image) -> bytes:
    """Write a picture as a PNG."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
