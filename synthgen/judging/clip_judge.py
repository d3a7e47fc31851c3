"""The judge: one CLIP, whose image embedding serves every question."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.metadata import version

import numpy as np
import torch
from torch import Tensor

from synthgen.judging.clip import Clip
from synthgen.judging.duplicates import SeenImages, perceptual_hash
from synthgen.judging.quality import contrast, grey, noise, sharpness
from synthgen.judging.zero_shot import Choice, attribute_choice, class_choice, concept_choice
from synthgen.models.device import open_device
from synthgen.planning.rules import first_rejection, rules_of
from synthgen.records import Assessment, Candidate, Reason, Rendered
from synthgen.spec import Spec

_SCORES = ("clip_score", "label_posterior", "label_margin", "none_posterior", "contrast", "sharpness", "noise")


class ClipJudge:
    """A `Judge` with one CLIP.

    Scores: `clip_score`, the cosine of image and prompt; `label_posterior` of the image's class among the spec's
    classes and "none of these"; `label_margin`, that minus the likeliest other's, in -1..1; `none_posterior`;
    `contrast`; `sharpness` and `noise`, at least 0; `unsafe_posterior` of the spec's rejected concepts, where it
    has any; per attribute `NAME_posterior` of its likeliest value.

    Args:
        judge_id: as `Clip` takes it.
        device: `cpu`, `cuda`, `cuda:1`, `mps` or `auto`, as the generator's.
    """

    def __init__(self, spec: Spec, judge_id: str, revision: str, device: str) -> None:
        self._spec, self._judge_id, self._revision, self._device = spec, judge_id, revision, device
        self._ready = False

    @property
    def score_names(self) -> tuple[str, ...]:
        unsafe = ("unsafe_posterior",) if self._spec.safety.reject else ()
        return (*_SCORES, *unsafe, *(f"{name}_posterior" for name in self._spec.attributes))

    def setup(self) -> None:
        """Load the model and embed the spec's texts, once.

        Raises:
            ModelError: it cannot be loaded.
        """
        if self._ready:
            return
        self._clip = Clip(self._judge_id, open_device(self._device))
        self._classes = class_choice(self._spec, self._clip)
        self._concepts = concept_choice(self._spec, self._clip)
        self._attributes: dict[str, Choice] = {
            name: attribute_choice(attribute.groups, self._clip) for name, attribute in self._spec.attributes.items()
        }
        self._rules = {name: rules_of(self._spec, name) for name in self._spec.classes}
        self._embed_prompt = lru_cache(maxsize=4096)(lambda prompt: self._clip.embed_texts([prompt])[0])
        self.begin_shard()
        self._ready = True

    def begin_shard(self) -> None:
        rule = self._spec.filters.duplicates
        self._seen = SeenImages(rule) if rule else None

    @torch.inference_mode()
    def assess(self, rendered: Sequence[Rendered]) -> list[Assessment]:
        """See `Judge.assess`."""
        if not rendered:
            return []
        images = torch.stack([one.image for one in rendered if one.image is not None])
        assert len(images) == len(rendered), "a failure has no image to assess"

        embedded = self._clip.embed_images(images)
        candidates = [one.candidate for one in rendered]
        scores = self._scores(images, embedded, candidates)
        values: dict[str, list[str]] = {}
        posteriors: dict[str, list[list[float]]] = {}
        for name, choice in self._attributes.items():
            of_all = choice.posteriors(embedded, self._clip.logit_scale)
            posteriors[name] = of_all.tolist()
            scores[f"{name}_posterior"] = of_all.max(1).values
            values[name] = choice.answers(of_all, self._spec.attributes[name].abstain_below)

        columns = {name: column.tolist() for name, column in scores.items()}
        hashes = [perceptual_hash(pixels) for pixels in images.permute(0, 2, 3, 1).cpu().numpy()]
        vectors = embedded.cpu().numpy()

        assessments = []
        for index, candidate in enumerate(candidates):
            measured = {name: column[index] for name, column in columns.items()}
            reason = first_rejection(measured, self._rules[candidate.class_name])
            message = None
            if reason is None and self._seen:
                message = self._seen.repeats(candidate.id, hashes[index], vectors[index], candidate.class_name)
                reason = Reason.DUPLICATE if message else None
            attributes = {name: several[index] for name, several in values.items()}
            answers = {
                name: dict(zip(self._attributes[name].names, several[index], strict=True))
                for name, several in posteriors.items()
            }
            phash = hashes[index].tobytes()
            embedding = vectors[index].astype(np.float16)
            assessments.append(Assessment(measured, attributes, reason, answers, phash, embedding, message))
        return assessments

    def provenance(self) -> Mapping[str, str]:
        return {
            "judge": self._spec.judge.id,
            "judge_revision": self._revision,
            "open_clip": version("open_clip_torch"),
        }

    def _scores(self, images: Tensor, embedded: Tensor, candidates: Sequence[Candidate]) -> dict[str, Tensor]:
        prompts = torch.stack([self._embed_prompt(candidate.prompt) for candidate in candidates])
        posteriors = self._classes.posteriors(embedded, self._clip.logit_scale)
        own = torch.tensor([candidate.label for candidate in candidates], device=posteriors.device)[:, None]
        of_own = posteriors.gather(1, own)
        greys = grey(images)
        scores = {
            "clip_score": (embedded * prompts).sum(1),
            "label_posterior": of_own[:, 0],
            "label_margin": (of_own - posteriors.scatter(1, own, 0).amax(1, keepdim=True))[:, 0],
            "none_posterior": posteriors[:, -1],
            "contrast": contrast(greys),
            "sharpness": sharpness(greys),
            "noise": noise(greys),
        }
        if self._concepts:
            scores["unsafe_posterior"] = self._concepts.posteriors(embedded, self._clip.logit_scale)[:, -1]
        return scores
