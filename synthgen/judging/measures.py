"""The measures that every judge has."""

from collections.abc import Mapping
from functools import lru_cache

import torch
from torch import Tensor

from synthgen.judging.measure import ImageBatch, JudgeEncoder
from synthgen.judging.quality import contrast, grey, noise, sharpness
from synthgen.judging.zero_shot import class_choice, concept_choice
from synthgen.spec import Spec


class PromptMeasure:
    """`clip_score`: the cosine of image and prompt."""

    names = ("clip_score",)

    def setup(self, encoder: JudgeEncoder) -> None:
        self._embed = lru_cache(maxsize=4096)(lambda prompt: encoder.embed_texts([prompt])[0])

    def measure(self, batch: ImageBatch) -> Mapping[str, Tensor]:
        prompts = torch.stack([self._embed(candidate.prompt) for candidate in batch.candidates])
        return {"clip_score": (batch.embeddings * prompts).sum(1)}


class ClassMeasure:
    """How well an image shows its class.

    `label_posterior` is that of the image's class among the spec's classes and "none of these"; `label_margin` is that
    minus the likeliest other's, in -1..1; `none_posterior` is that of "none of these".
    """

    names = ("label_posterior", "label_margin", "none_posterior")

    def __init__(self, spec: Spec) -> None:
        self._spec = spec

    def setup(self, encoder: JudgeEncoder) -> None:
        self._encoder, self._classes = encoder, class_choice(self._spec, encoder)

    def measure(self, batch: ImageBatch) -> Mapping[str, Tensor]:
        posteriors = self._classes.posteriors(batch.embeddings, self._encoder.logit_scale)
        own = torch.tensor([candidate.label for candidate in batch.candidates], device=posteriors.device)
        return {
            "label_posterior": posteriors.gather(1, own[:, None])[:, 0],
            "label_margin": margins_of(posteriors, own),
            "none_posterior": posteriors[:, -1],
        }


def margins_of(posteriors: Tensor, labels: Tensor) -> Tensor:
    """Subtract the likeliest other's from the posterior of the label: posteriors [n, choices], int64 labels [n]."""
    own = labels[:, None]
    return (posteriors.gather(1, own) - posteriors.scatter(1, own, 0).amax(1, keepdim=True))[:, 0]


class QualityMeasure:
    """`contrast`, `sharpness` and `noise` of the grey image, all at least 0."""

    names = ("contrast", "sharpness", "noise")

    def setup(self, encoder: JudgeEncoder) -> None:
        """Nothing to load."""

    def measure(self, batch: ImageBatch) -> Mapping[str, Tensor]:
        greys = grey(batch.images)
        return {"contrast": contrast(greys), "sharpness": sharpness(greys), "noise": noise(greys)}


class ConceptMeasure:
    """`unsafe_posterior` of the concepts that the spec rejects; without any it has no scores."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec

    @property
    def names(self) -> tuple[str, ...]:
        return ("unsafe_posterior",) if self._spec.safety.reject else ()

    def setup(self, encoder: JudgeEncoder) -> None:
        self._encoder, self._concepts = encoder, concept_choice(self._spec, encoder)

    def measure(self, batch: ImageBatch) -> Mapping[str, Tensor]:
        if self._concepts is None:
            return {}
        return {"unsafe_posterior": self._concepts.posteriors(batch.embeddings, self._encoder.logit_scale)[:, -1]}
