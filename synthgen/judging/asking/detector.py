"""A model that finds objects: whether something is there, and how many."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torchvision.ops import box_convert, nms

from synthgen.errors import UsageError
from synthgen.judging.asking.folder import Eyes
from synthgen.judging.asking.opening import OpenedModel, on_device, open_asked
from synthgen.judging.asking.questions import NUMBERS, OBJECT_FROM, Form, Question, matching_label, singular
from synthgen.models.device import in_batches, open_device
from synthgen.models.door import ModelKind
from synthgen.stats.search import Vectors

if TYPE_CHECKING:
    from PIL.Image import Image

_AT_ONCE = 8
_LEAST = -60.0
_OVERLAP = 0.5
"""Boxes that overlap by more than this (intersection over union) are one object."""


class _Boxes(NamedTuple):
    """What was found in one image for one query: scores in 0..1 [boxes], and corners [boxes, 4]."""

    scores: Tensor
    corners: Tensor


class DetectorModel:
    """A judge that looks for objects: by texts (OWL-ViT, OWLv2), or for classes of its own (DETR and its kin).

    The score of a query is that of its best box. Boxes between the two limits of `OBJECT_FROM` may be an
    object or not, so every number that they allow is equally likely.

    Args:
        locate: gives its folder; called on first use, since it may download.

    Raises:
        UsageError, ModelError, DeviceError: on first use, as `open_asked`; a query is too long.
    """

    def __init__(self, judge: str, eyes: Eyes, locate: Callable[[], Path], device: str) -> None:
        self._judge, self._eyes, self._locate, self._device = judge, eyes, locate, device
        self._most = _AT_ONCE

    @cached_property
    def _opened(self) -> OpenedModel:
        fixed = bool(self._eyes.labels)
        network = ModelKind.DETECTOR if fixed else ModelKind.OPEN_DETECTOR
        processor = ModelKind.IMAGE_PROCESSOR if fixed else ModelKind.PROCESSOR
        return open_asked(self._judge, self._locate(), network, processor, open_device(self._device))

    @torch.inference_mode()
    def ask(self, pictures: Sequence["Image"], question: Question) -> Vectors:
        """Score RGB pictures, at least one: float32 [n, the question's width]."""
        device = next(self._opened.model.parameters()).device

        def score(part: slice) -> Iterator[Tensor]:
            found = self._by_class(pictures[part], question) if self._eyes.labels else None
            for boxes in found or self._by_text(pictures[part], question):
                yield self._score(boxes, question)

        found, most = in_batches(
            score, len(pictures), min(len(pictures), self._most), device, "judging", "Choose a smaller judge."
        )
        if most < len(pictures):
            self._most = most
        scores: Vectors = np.clip(torch.stack(found).numpy(), _LEAST, -_LEAST).astype(np.float32)
        return scores

    def _score(self, boxes: _Boxes, question: Question) -> Tensor:
        if question.form is Form.SHOWS:
            best = boxes.scores.max() if len(boxes.scores) else torch.tensor(0.0)
            return torch.logit(best.double(), eps=1e-6).float()[None]
        kept = boxes.scores[nms(boxes.corners, boxes.scores, _OVERLAP)]
        most, least = (min(int((kept >= limit).sum()), NUMBERS - 1) for limit in OBJECT_FROM[bool(self._eyes.labels)])
        found = torch.full((NUMBERS,), _LEAST)
        found[least : most + 1] = -float(np.log(most + 1 - least))
        return found

    def _by_text(self, pictures: Sequence["Image"], question: Question) -> list[_Boxes]:
        text = singular(question.what) if question.form is Form.COUNTS else question.what
        tokenizer, most = (
            self._opened.processor.tokenizer,
            self._opened.model.config.text_config.max_position_embeddings,
        )
        if (tokens := len(tokenizer(text)["input_ids"])) > most:
            what = f"{text!r} has {tokens} tokens, and judge {self._judge} reads {most}"
            raise UsageError(what, hint="Describe the value in fewer words.")

        inputs = self._opened.processor(text=[[text]] * len(pictures), images=list(pictures), return_tensors="pt")
        found = self._opened.model(**on_device(inputs, self._opened.model))
        scores = found.logits[..., 0].float().sigmoid().cpu()
        corners = box_convert(found.pred_boxes.float().cpu(), "cxcywh", "xyxy")
        return [_Boxes(*each) for each in zip(scores, corners, strict=True)]

    def _by_class(self, pictures: Sequence["Image"], question: Question) -> list[_Boxes]:
        label = matching_label(question, self._eyes.labels)
        assert label is not None, "checked before images are looked at"
        processor = self._opened.processor
        inputs = processor(images=list(pictures), return_tensors="pt")
        found = self._opened.model(**on_device(inputs, self._opened.model))
        sizes = [(1, 1)] * len(pictures)
        told = processor.post_process_object_detection(found, threshold=0.0, target_sizes=sizes)
        own = [each["labels"].cpu() == label for each in told]
        return [
            _Boxes(each["scores"].float().cpu()[mine], each["boxes"].float().cpu()[mine])
            for each, mine in zip(told, own, strict=True)
        ]
