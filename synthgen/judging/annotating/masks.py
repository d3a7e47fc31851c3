"""Segmenters: which pixels belong to the object in a box?"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, cast

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as transform

from synthgen.judging.annotating.opened import ModelOfImages
from synthgen.judging.asking.opening import on_device
from synthgen.models.door import ModelKind
from synthgen.regions.boxes import PixelBox
from synthgen.regions.carried import Corners
from synthgen.regions.masks import mask_of_boxes


class FoundMasks(NamedTuple):
    """One mask for each box: bool [boxes, height, width], and how well each is taken to fit."""

    masks: Tensor
    scores: tuple[float, ...]


class MaskFinder(Protocol):
    """Finds the pixels of the objects in boxes."""

    def setup(self) -> None:
        """Load the model, once."""

    def find(self, image: Tensor, boxes: Sequence[Corners]) -> FoundMasks:
        """Look at a uint8 image [3, height, width], and at one box or more."""


class PromptedSegmenter(ModelOfImages):
    """SAM 2 of transformers, shown the boxes of one image at a time."""

    kind, role = ModelKind.SEGMENTER, "segmenter"

    @torch.inference_mode()
    def find(self, image: Tensor, boxes: Sequence[Corners]) -> FoundMasks:
        """See `MaskFinder.find`."""
        model, processor = self.opened
        picture = transform.to_pil_image(image.cpu())
        inputs = dict(processor(images=[picture], input_boxes=[[[*box] for box in boxes]], return_tensors="pt"))
        sizes = inputs.pop("original_sizes")
        seen = model(**on_device(inputs, model), multimask_output=cast("Tensor", False))
        (masks,) = processor.post_process_masks([seen.pred_masks[0].float().cpu()], sizes)
        return FoundMasks(masks[:, 0].bool(), tuple(seen.iou_scores[0, :, 0].float().cpu().tolist()))


class ReaderMasks:
    """The ground-truth reader: the pixels of the person, as far as they are in a box."""

    def setup(self) -> None:
        """See `MaskFinder.setup`."""
        from synthgen import bundled
        from synthgen.bundled.reader import load_reader

        self._reader = load_reader(bundled.READER)

    def find(self, image: Tensor, boxes: Sequence[Corners]) -> FoundMasks:
        """See `MaskFinder.find`."""
        height, width = image.shape[1:]
        person = self._reader.find(image[None].cpu())
        inside = [torch.from_numpy(mask_of_boxes([PixelBox(*box)], (width, height))) for box in boxes]
        return FoundMasks(torch.stack([person.masks[0] & box for box in inside]), (float(person.sure[0]),) * len(boxes))
