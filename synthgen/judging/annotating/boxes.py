"""Detectors: where on an image is what a text names?"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torchvision.ops import nms
from torchvision.transforms.v2 import functional as transform

from synthgen.errors import UsageError
from synthgen.judging.annotating.opened import ModelOfImages
from synthgen.judging.asking.opening import on_device
from synthgen.models.annotators import GROUNDED
from synthgen.models.door import ModelKind
from synthgen.regions.boxes import PixelBox
from synthgen.regions.carried import Corners

OVERLAP = 0.5
"""Of two boxes that overlap by more than this (intersection over union), the one with the better score is kept."""
_MOST = 100
"""Boxes of one image: as many as COCO's own evaluation looks at."""


class FoundBoxes(NamedTuple):
    """What was found, the best first."""

    boxes: tuple[Corners, ...]
    scores: tuple[float, ...]


class BoxFinder(Protocol):
    """Finds the boxes of what a text names."""

    def setup(self) -> None:
        """Load the model, once."""

    def find(self, image: Tensor, text: str, least: float) -> FoundBoxes:
        """Look for it on a uint8 image [3, height, width]: boxes whose scores are at least `least`."""


class TextDetector(ModelOfImages):
    """A detector of transformers that takes texts: OWL-ViT, OWLv2, Grounding DINO."""

    kind, role = ModelKind.OPEN_DETECTOR, "detector"

    @torch.inference_mode()
    def find(self, image: Tensor, text: str, least: float) -> FoundBoxes:
        """See `BoxFinder.find`.

        Raises:
            UsageError: the text is longer than what the model reads.
        """
        model, processor = self.opened
        is_grounded = model.config.model_type in GROUNDED
        asked = f"{text.lower().rstrip(' .')}." if is_grounded else text
        self._check_length(asked)
        picture = transform.to_pil_image(image.cpu())
        inputs = processor(text=asked if is_grounded else [[asked]], images=[picture], return_tensors="pt")
        seen = model(**on_device(inputs, model))
        (found,) = processor.post_process_grounded_object_detection(
            seen, threshold=least, target_sizes=[(picture.height, picture.width)]
        )
        return best_boxes(found["boxes"].float().cpu(), found["scores"].float().cpu(), picture.size)

    def _check_length(self, text: str) -> None:
        most = self.opened.model.config.text_config.max_position_embeddings
        tokens = len(self.opened.processor.tokenizer(text)["input_ids"])
        if tokens > most:
            what = f"annotate.boxes.text: {text!r} has {tokens} tokens, and {self._name} reads {most}"
            raise UsageError(what, hint="Describe the object in fewer words.")


class ReaderBoxes:
    """The ground-truth reader: it finds the person, whatever the text says. See `synthgen.bundled.reader`."""

    def setup(self) -> None:
        """See `BoxFinder.setup`."""
        from synthgen import bundled
        from synthgen.bundled.reader import load_reader

        self._reader = load_reader(bundled.READER)

    def find(self, image: Tensor, text: str, least: float) -> FoundBoxes:
        """See `BoxFinder.find`."""
        height, width = image.shape[1:]
        person = self._reader.find(image[None].cpu())
        score, box = float(person.sure[0]), person.boxes[0]
        if score < max(least, 0.5):
            return FoundBoxes((), ())
        return best_boxes(box[None], torch.tensor([score]), (width, height))


def best_boxes(boxes: Tensor, scores: Tensor, size: tuple[int, int]) -> FoundBoxes:
    """Keep the best ones of boxes [n, 4] that overlap, cut to the image; what is smaller than a pixel is left out."""
    kept = nms(boxes, scores, OVERLAP)[:_MOST]
    pairs = zip(boxes[kept].tolist(), scores[kept].tolist(), strict=True)
    inside = [(PixelBox(*box).clipped(size), score) for box, score in pairs]
    whole = [(box, score) for box, score in inside if box is not None]
    return FoundBoxes(
        tuple((box.left, box.top, box.right, box.bottom) for box, _ in whole), tuple(score for _, score in whole)
    )
