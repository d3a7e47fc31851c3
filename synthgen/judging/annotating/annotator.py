"""What looks at images for boxes and masks, before the judge sees them."""

import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image
from torch import Tensor

from synthgen.judging.annotating.boxes import BoxFinder
from synthgen.judging.annotating.masks import MaskFinder
from synthgen.records import Candidate, Rendered
from synthgen.regions.carried import Carried
from synthgen.spec import ANNOTATOR_TEXT, AnnotateSpec, Template


class ImageAnnotator:
    """Finds the boxes of each image's class, and the masks in boxes.

    Args:
        boxes: None if images keep the boxes of their source pictures.
        masks: None if no masks are wanted.
    """

    def __init__(self, spec: AnnotateSpec, boxes: BoxFinder | None, masks: MaskFinder | None) -> None:
        self._boxes, self._masks = boxes, masks
        asked = spec.boxes.text if spec.boxes is not None else None
        self._text, self._least = Template.parse(asked or ANNOTATOR_TEXT), spec.boxes.min_score if spec.boxes else 0.0

    def setup(self) -> None:
        """Load the models, once.

        Raises:
            UsageError, ModelError, DeviceError: one cannot be loaded.
        """
        for each in (self._boxes, self._masks):
            if each is not None:
                each.setup()

    def annotate(self, rendered: Sequence[Rendered]) -> list[Rendered]:
        """Add what is found on each image. Attempts that failed stay as they are."""
        return [one if one.image is None else self._annotated(one, one.image) for one in rendered]

    def _annotated(self, one: Rendered, image: Tensor) -> Rendered:
        carried = one.carried or Carried()
        if self._boxes is not None:
            found = self._boxes.find(image, self._asked(one.candidate), self._least)
            carried = replace(carried, boxes=found.boxes, scores=found.scores)
        if self._masks is not None and carried.boxes:
            masks = self._masks.find(image, carried.boxes)
            pictures = tuple(_png(mask) for mask in masks.masks)
            carried = replace(carried, masks=pictures, mask_scores=masks.scores)
        return replace(one, carried=carried)

    def _asked(self, candidate: Candidate) -> str:
        return self._text.render({"class": candidate.class_name})


def _png(mask: Tensor) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.where(mask.numpy(), np.uint8(255), np.uint8(0))).save(file, "PNG")
    return file.getvalue()
