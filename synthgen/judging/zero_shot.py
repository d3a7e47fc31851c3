"""Zero-shot classification: which of several texts, or groups of texts, describes an image best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from synthgen.judging.wordings import texts_of_class
from synthgen.spec import UNKNOWN, Spec

NONE_OF_THESE = ("a blank picture", "a blurred picture", "random noise", "a blend of two pictures")
"""Texts for images that show none of the classes, in any spec. A spec adds its own in `filters.label.none_of_these`."""


class TextEncoder(Protocol):
    """Anything that embeds texts: a `Clip`, or a cache of one."""

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Unit embeddings float [n, width]."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Named alternatives, each with a unit embedding; `weights` float [alternatives, width].

    The last `others` rows stand for "none of these" and share one posterior.
    """

    names: tuple[str, ...]
    weights: Tensor
    others: int = 0

    def posteriors(self, images: Tensor, logit_scale: float) -> Tensor:
        """Softmax at the model's own scale, float [n, names]; with others, one more column for them."""
        posterior = (logit_scale * images @ self.weights.T).softmax(1)
        if not self.others:
            return posterior
        named = len(self.names)
        return torch.cat([posterior[:, :named], posterior[:, named:].sum(1, keepdim=True)], dim=1)

    def answers(self, posteriors: Tensor, abstain_below: float) -> list[str]:
        """The likeliest name for each row of `posteriors`, which has no others; 'unknown' if that is too uncertain."""
        top = posteriors.max(1)
        pairs = zip(top.values.tolist(), top.indices.tolist(), strict=True)
        return [self.names[index] if posterior >= abstain_below else UNKNOWN for posterior, index in pairs]


def class_choice(spec: Spec, clip: TextEncoder) -> Choice:
    """The spec's classes, each an ensemble of prompts, and "none of these"."""
    groups = {name: texts_of_class(name, spec) for name in spec.classes}
    extra = spec.filters.label.none_of_these if spec.filters.label else ()
    others = clip.embed_texts([*NONE_OF_THESE, *extra])
    return Choice(tuple(groups), torch.cat([_ensembles(groups, clip), others]), len(others))


def concept_choice(spec: Spec, clip: TextEncoder) -> Choice | None:
    """The spec's classes and "none of these", against the concepts that it rejects; None if it rejects none."""
    if not spec.safety.reject:
        return None
    harmless, concepts = class_choice(spec, clip), clip.embed_texts(spec.safety.reject)
    names = (*harmless.names, *("none of these",) * harmless.others)
    return Choice(names, torch.cat([harmless.weights, concepts]), len(concepts))


def attribute_choice(values: Mapping[str, Sequence[str]], clip: TextEncoder) -> Choice:
    return Choice(tuple(values), _ensembles(values, clip))


def _ensembles(groups: Mapping[str, Sequence[str]], clip: TextEncoder) -> Tensor:
    """Per group the normalized mean of its prompts' embeddings (Radford et al. 2021, 3.1.4)."""
    embedded = clip.embed_texts([text for texts in groups.values() for text in texts])
    means = [part.mean(0) for part in embedded.split([len(texts) for texts in groups.values()])]
    return functional.normalize(torch.stack(means), dim=1)
