"""What a family of pipelines is to the tests: a folder, how to call it rightly, and facts of its call."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
import torch
from diffusers import DiffusionPipeline
from PIL import Image
from torch import Tensor, nn

Part = TypeVar("Part", bound=nn.Module)
Guidance = Literal["acts", "embedded", "none"]
"""With a second prediction and a number, by a number that the model reads, or not at all: the model is distilled."""


class Direct(Protocol):
    """Draw one image per prompt, as the family wants to be called: (3, height, width), uint8."""

    def __call__(
        self,
        pipeline: DiffusionPipeline,
        prompts: Sequence[str],
        negatives: Sequence[str] | None,
        seeds: Sequence[int],
        *,
        guidance: float,
        steps: int,
        size: tuple[int, int],
    ) -> list[Tensor]: ...


@dataclass(frozen=True)
class Family:
    """`size` is (height, width). `default_size` is what the folder's own call draws if it is told none.

    `multiple` is of pixels: what lies between is an error of the call, or is drawn at another size. `sizes` tells
    whether all its multiples are drawn, or the asked size only lends its shape (HiDream), or the nearest of a list
    (Kandinsky 5).
    `batchable` is whether an image stays the same when others of other prompts are drawn with it.
    """

    class_name: str
    build: Callable[[], DiffusionPipeline]
    direct: Direct
    guidance: Guidance = "acts"
    takes_negative: bool = True
    multiple: int = 16
    default_size: tuple[int, int] = (1024, 1024)
    size: tuple[int, int] = (32, 32)
    sizes: Literal["any", "one-area", "list"] = "any"
    batchable: bool = True
    batchable_unguided: bool = True
    steps: int = 2
    least_guidance: float = 1.0
    mend: Callable[[Path], None] | None = None  # what its own `save_pretrained` leaves amiss

    def save(self, folder: Path) -> None:
        """Save the pipeline with weights that are the same every time, and leave the global generator alone."""
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # diffusers calls what it will remove
            torch.manual_seed(0)
            self.build().save_pretrained(folder)
        if self.mend is not None:
            self.mend(folder)


def lively(module: Part, gain: float = 1.0) -> Part:
    """Draw all matrices anew, so that no layer begins at zero and every input acts on the output."""
    embeddings = {id(part.weight) for part in module.modules() if isinstance(part, nn.Embedding)}
    with torch.no_grad():
        for name, weights in module.named_parameters():
            if id(weights) in embeddings or name.endswith("pad_token"):  # some are left as memory was
                weights.normal_(std=1.0)
            elif weights.ndim >= 2 and weights.numel():
                weights.normal_(std=gain * (weights[0].numel()) ** -0.5)
    return module.eval()


def draw(
    pipeline: DiffusionPipeline,
    prompts: Sequence[str],
    seeds: Sequence[int],
    steps: int,
    size: tuple[int, int],
    images: str = "images",
    **arguments: Any,
) -> list[Tensor]:
    """Call the pipeline with one generator per image; what `arguments` name comes last."""
    call: Mapping[str, object] = {
        "prompt": list(prompts),
        "generator": [torch.Generator("cpu").manual_seed(seed) for seed in seeds],
        "num_inference_steps": steps,
        "height": size[0],
        "width": size[1],
        **arguments,
    }
    pipeline.set_progress_bar_config(disable=True)
    return pixels(getattr(pipeline(**call), images))


def pixels(images: Sequence[Image.Image]) -> list[Tensor]:
    """What is transparent lies on white."""
    return [torch.from_numpy(np.array(_opaque(image))).permute(2, 0, 1) for image in images]


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def negative(negatives: Sequence[str] | None) -> dict[str, Any]:
    """The argument, where there is a negative prompt at all."""
    return {} if negatives is None else {"negative_prompt": list(negatives)}


def plain(
    pipeline: DiffusionPipeline,
    prompts: Sequence[str],
    negatives: Sequence[str] | None,
    seeds: Sequence[int],
    *,
    guidance: float,
    steps: int,
    size: tuple[int, int],
    **more: Any,
) -> list[Tensor]:
    """`guidance_scale` is the usual number, and 1 stands for none."""
    return draw(pipeline, prompts, seeds, steps, size, guidance_scale=guidance, **negative(negatives), **more)


def with_pinned(**pinned: Any) -> Direct:
    """As `plain`, and with arguments of the family's own."""

    def direct(
        pipeline: DiffusionPipeline,
        prompts: Sequence[str],
        negatives: Sequence[str] | None,
        seeds: Sequence[int],
        *,
        guidance: float,
        steps: int,
        size: tuple[int, int],
    ) -> list[Tensor]:
        return plain(pipeline, prompts, negatives, seeds, guidance=guidance, steps=steps, size=size, **pinned)

    return direct
