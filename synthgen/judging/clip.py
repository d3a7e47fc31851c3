"""A CLIP of open_clip as a judge uses it: unit embeddings of images and texts, and its logit scale."""

import sys
from collections.abc import Callable, Sequence

import open_clip
import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms.v2 import functional as transform

from synthgen.judging.opening import open_judge
from synthgen.models.device import in_batches

_TEXTS_AT_ONCE = 256
_PLACES = 8


class Clip:
    """A loaded CLIP.

    Args:
        judge_id: as `open_judge` takes it.

    Raises:
        UsageError, ModelError, DeviceError: as `open_judge`.
    """

    def __init__(self, judge_id: str, device: torch.device) -> None:
        model, self._tokenizer = open_judge(judge_id, device)
        self._model = model.eval().requires_grad_(False)
        self._most = sys.maxsize  # images at once, as far as is known
        self.device = device
        self.logit_scale = float(model.logit_scale.exp())
        settings = open_clip.get_model_preprocess_cfg(model)
        side = settings["size"]
        self._size = [side, side] if isinstance(side, int) else list(side)
        self._resize_mode = settings.get("resize_mode") or "shortest"
        bilinear = settings.get("interpolation") == "bilinear"
        self._interpolation = transform.InterpolationMode.BILINEAR if bilinear else transform.InterpolationMode.BICUBIC
        self._mean, self._std = list(settings["mean"]), list(settings["std"])

    @torch.inference_mode()
    def embed_images(self, images: Tensor) -> Tensor:
        """Unit embeddings float [n, width] of uint8 images [n, 3, height, width], all of one size."""
        return self._embed(lambda part: self._fitted(images[part].to(self.device)), len(images))

    @torch.inference_mode()
    def embed_pictures(self, pictures: Sequence[Tensor]) -> Tensor:
        """Unit embeddings float [n, width] of uint8 images [3, height, width], each of its own size; at least one."""

        def fitted(part: slice) -> Tensor:
            return torch.cat([self._fitted(each[None].to(self.device)) for each in pictures[part]])

        return self._embed(fitted, len(pictures))

    @torch.inference_mode()
    def map_pictures(self, pictures: Sequence[Tensor]) -> Tensor | None:
        """What the middle of the model sees in each place: float [n, width, rows, columns], at most 8 by 8 places.

        Args:
            pictures: as for `embed_pictures`.

        Returns:
            None if the model's parts cannot be looked at.
        """
        tower = self._model.visual
        if not hasattr(tower, "forward_intermediates"):
            return None

        def fitted(part: slice) -> Tensor:
            return torch.cat([self._fitted(each[None].to(self.device)) for each in pictures[part]])

        def look(pixels: Tensor) -> Tensor:
            maps = tower.forward_intermediates(pixels, intermediates_only=True)["image_intermediates"]
            middle: Tensor = maps[len(maps) // 2].float()
            rows, columns = (min(side, _PLACES) for side in middle.shape[2:])
            return functional.adaptive_avg_pool2d(middle, (rows, columns))

        return self._seen(look, fitted, len(pictures))

    def _embed(self, fitted: Callable[[slice], Tensor], count: int) -> Tensor:
        return self._seen(
            lambda pixels: functional.normalize(self._model.encode_image(pixels).float(), dim=1), fitted, count
        )

    def _seen(self, see: Callable[[Tensor], Tensor], fitted: Callable[[slice], Tensor], count: int) -> Tensor:
        """See pixels of the model's own size. When memory runs out, batches are halved, and later ones too."""

        def seen(part: slice) -> Tensor:
            return see(transform.normalize(fitted(part).float() / 255, self._mean, self._std))

        found, most = in_batches(seen, count, min(count, self._most), self.device, "judging", "Choose a smaller judge.")
        if most < count:
            self._most = most
        return torch.stack(found)

    def _fitted(self, pixels: Tensor) -> Tensor:
        """Resize and crop pixels to the model's own size."""
        if list(pixels.shape[2:]) == self._size:
            return pixels
        target = _target(list(pixels.shape[2:]), self._size, self._resize_mode)
        pixels = transform.resize(pixels, target, interpolation=self._interpolation, antialias=True)
        fitted: Tensor = transform.center_crop(pixels, self._size)
        return fitted

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Unit embeddings float [n, width]."""
        parts = [
            functional.normalize(
                self._model.encode_text(
                    self._tokenizer(list(texts[start : start + _TEXTS_AT_ONCE])).to(self.device)
                ).float(),
                dim=1,
            )
            for start in range(0, len(texts), _TEXTS_AT_ONCE)
        ]
        return torch.cat(parts)


def _target(given: list[int], wanted: list[int], mode: str) -> list[int]:
    """Height and width to resize to before the centre is cropped or padded, as in open_clip's preprocessing.

    `squash`: both sides fit; `shortest`: one fits, the other is cropped; `longest`: it is padded.
    """
    if mode == "squash":
        return wanted
    ratios = [side / fit for side, fit in zip(given, wanted, strict=True)]
    ratio = max(ratios) if mode == "longest" else min(ratios)
    return [round(side / ratio) for side in given]
