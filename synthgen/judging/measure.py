"""What a judge is made of: measures, each of which gives every image some scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from synthgen.judging.zero_shot import TextEncoder
from synthgen.records import Candidate

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class ImageBatch:
    """Images that are measured together.

    Attributes:
        images: uint8 [n, 3, height, width], on the device.
        embeddings: what the judge's CLIP makes of them, float [n, width], each of length 1: computed once, for all.
        candidates: what each was meant to be.
    """

    images: Tensor
    embeddings: Tensor
    candidates: tuple[Candidate, ...]


class JudgeEncoder(TextEncoder, Protocol):
    """The judge's CLIP, as measures see it: it embeds texts on `device`; images it has embedded already."""

    @property
    def device(self) -> torch.device: ...

    @property
    def logit_scale(self) -> float:
        """What cosines are multiplied by before a softmax, as the model was trained."""


class ImageMeasure(Protocol):
    """Gives every image a number for each of its names: the ledger's `score_NAME`, on which rules set limits."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its scores. Known before `setup`."""

    def setup(self, encoder: JudgeEncoder) -> None:
        """Load what it needs, and embed its texts if it has some. Called once, in the process that measures."""

    def measure(self, batch: ImageBatch) -> Mapping[str, Tensor]:
        """Measure a batch of n images.

        The scores of an image depend only on the image and its candidate, not on the rest of the batch.

        Returns:
            For each of `names`, and for nothing else, the scores in the order of the images: float [n]. NaN means "not
            measurable": a limit on that score rejects the image. No score is infinite.
        """
