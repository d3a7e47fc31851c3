"""How hard an image is for a learner: the entropy of its prediction (Deliberate Practice, arXiv 2502.15588)."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import linear

from synthgen.errors import UsageError
from synthgen.judging.measure import ImageBatch, JudgeEncoder
from synthgen.models.saved_learner import SavedLearner


class LearnerMeasure:
    """`learner_entropy`: of the learner's prediction over the spec's classes, in nats by the logarithm of their number.

    0 is certain, and 1 as good as guessed.

    Args:
        learner: of the spec's classes alone.
    """

    names = ("learner_entropy",)

    def __init__(self, learner: SavedLearner) -> None:
        self._learner = learner

    def setup(self, encoder: JudgeEncoder) -> None:
        self._weight = torch.from_numpy(self._learner.weight).to(encoder.device)
        self._bias = torch.from_numpy(self._learner.bias).to(encoder.device)

    def measure(self, batch: ImageBatch) -> Mapping[str, Tensor]:
        """See `ImageMeasure.measure`.

        Raises:
            UsageError: the learner is of embeddings of another width.
        """
        if batch.embeddings.shape[1] != self._weight.shape[1]:
            theirs, ours = self._weight.shape[1], batch.embeddings.shape[1]
            what = f"filters.learner.model: it knows embeddings of {theirs:,} numbers, and the judge's have {ours:,}"
            raise UsageError(what, hint="Save it again, by an evaluation with the spec's judge.")
        logs = linear(batch.embeddings.float(), self._weight, self._bias).log_softmax(1)
        entropy = -(logs.exp() * logs).sum(1) / math.log(len(self._bias))
        return {"learner_entropy": entropy.clamp(0, 1)}
