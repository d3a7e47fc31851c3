"""Small models that begin from pictures, and the right call of each: that of its family, with the pictures added."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import DiffusionPipeline
from PIL import Image, ImageOps

FROM_IMAGES: Mapping[str, str] = {
    "stable-diffusion": "StableDiffusionImg2ImgPipeline",
    "stable-diffusion-xl": "StableDiffusionXLImg2ImgPipeline",
    "stable-diffusion-3": "StableDiffusion3Img2ImgPipeline",
    "stable-diffusion-pag": "StableDiffusionPAGImg2ImgPipeline",
    "stable-diffusion-xl-pag": "StableDiffusionXLPAGImg2ImgPipeline",
    "stable-diffusion-3-pag": "StableDiffusion3PAGImg2ImgPipeline",
    "lcm": "LatentConsistencyModelImg2ImgPipeline",
    "if": "IFImg2ImgPipeline",
    "kandinsky": "KandinskyImg2ImgCombinedPipeline",
    "kandinsky22": "KandinskyV22Img2ImgCombinedPipeline",
    "kandinsky3": "Kandinsky3Img2ImgPipeline",
    "kolors": "KolorsImg2ImgPipeline",
    "flux-dev": "FluxImg2ImgPipeline",
    "qwen-image": "QwenImageImg2ImgPipeline",
    "z-image": "ZImageImg2ImgPipeline",
    "chroma": "ChromaImg2ImgPipeline",
    "sana-sprint": "SanaSprintImg2ImgPipeline",
}
"""By small model: the class of diffusers that changes pictures with its weights."""


@dataclass(frozen=True)
class WithPictures:
    """A pipeline that gets the same pictures at each call, and no size where it takes none."""

    pipeline: DiffusionPipeline
    given: Mapping[str, object]

    def __call__(self, *prompt: str, **arguments: Any) -> Any:
        takes = inspect.signature(type(self.pipeline).__call__).parameters
        sizeless = {
            name: value for name, value in arguments.items() if name in takes or name not in ("height", "width")
        }
        return self.pipeline(*prompt, **sizeless, **self.given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.pipeline, name)


def picture(number: int) -> Image.Image:
    """Paint a smooth picture that is wider than high."""
    spots = np.random.default_rng(number).integers(0, 256, (3, 5, 3), dtype=np.uint8)
    return Image.fromarray(spots).resize((100, 70), Image.Resampling.BICUBIC)


def cut(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Cut a picture to height and width as docs/tasks.md says that synthgen does."""
    return ImageOps.fit(picture, size[::-1], Image.Resampling.LANCZOS)


def region(number: int) -> Image.Image:
    """Paint a mask of the size of a picture: white is made anew."""
    mask = np.zeros((70, 100), np.uint8)
    mask[20:60, 30 + 5 * number : 70] = 255
    return Image.fromarray(mask)


def given(class_name: str, picture: Image.Image, mask: Image.Image | None, size: tuple[int, int]) -> dict[str, Any]:
    """Return what a call is given of a picture, cut to height and width, and of its mask."""
    image: Any = cut(picture, size)
    found = {"image": image if class_name.startswith("DreamLite") else [image]}  # it takes one picture, and no list
    if class_name.startswith("IF"):  # it resizes pictures to 64 pixels, but not tensors
        found = {"image": [_tensor(image).permute(2, 0, 1) / 127.5 - 1]}
    if mask is not None:
        region = ImageOps.fit(mask, size[::-1], Image.Resampling.NEAREST)
        found["mask_image"] = [_tensor(region)[None] / 255 if class_name.startswith("IF") else region]
    if class_name.startswith("FluxKontext"):
        found |= {"_auto_resize": False, "max_area": size[0] * size[1]}
    return found


def _tensor(picture: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(picture)).float()
