"""The judge: a list of measures and pure rules over their scores, with one CLIP that embeds each image once."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthgen.cores import cores
from synthgen.errors import UsageError
from synthgen.images import by_size
from synthgen.judging.boxed import BoxMeasure
from synthgen.judging.clip import Clip
from synthgen.judging.duplicates import SeenImages
from synthgen.judging.edits import Befores, EditMeasure
from synthgen.judging.learned import LearnerMeasure
from synthgen.judging.measure import ImageBatch, ImageMeasure
from synthgen.judging.measures import ClassMeasure, ConceptMeasure, PromptMeasure, QualityMeasure
from synthgen.judging.plugged import PluggedMeasure
from synthgen.judging.zero_shot import Choice, attribute_choice
from synthgen.models.device import open_device
from synthgen.models.saved_learner import SavedLearner
from synthgen.planning.rules import first_broken, rules_of
from synthgen.records import Assessment, Candidate, Reason, Rendered
from synthgen.spec import Spec
from synthgen.stats.near_hashes import perceptual_hash


@dataclass(frozen=True, slots=True)
class _Measured:
    """What was measured on an image."""

    scores: Mapping[str, float]
    values: Mapping[str, str]
    answers: Mapping[str, Mapping[str, float]]
    phash: NDArray[np.uint8]
    vector: NDArray[np.float32]


class ClipJudge:
    """A `Judge` with one CLIP.

    Its scores are those of its measures, in their order, and for each attribute `NAME_posterior` of the likeliest
    value; then, of images that begin from pictures, those of `EditMeasure`; of images with boxes, those of
    `BoxMeasure`; then those of plug-ins.

    Args:
        judge_id: as `Clip` takes it.
        device: `cpu`, `cuda`, `cuda:1`, `mps` or `auto`, as the generator's.
        plugged: the measures of plug-ins that the spec names.
        before: opens the pictures that images begin from; None if they begin from noise.

    Raises:
        UsageError: two scores have one name.
    """

    def __init__(
        self,
        spec: Spec,
        judge_id: str,
        revision: str,
        device: str,
        plugged: Sequence[PluggedMeasure] = (),
        before: Befores | None = None,
        learner: SavedLearner | None = None,
    ) -> None:
        self._spec, self._judge_id, self._revision, self._device = spec, judge_id, revision, device
        self._own: tuple[ImageMeasure, ...] = (
            PromptMeasure(),
            ClassMeasure(spec),
            QualityMeasure(),
            ConceptMeasure(spec),
            *([LearnerMeasure(learner)] if learner is not None else []),
        )
        self._edits = EditMeasure(before) if before is not None else None
        self._boxes = BoxMeasure(spec) if spec.has_boxes else None
        self._plugged = tuple(plugged)
        self._hashers = ThreadPoolExecutor(cores(), thread_name_prefix="hash")
        self._ready = False
        if twice := [name for name, count in Counter(self.score_names).items() if count > 1]:
            raise UsageError(f"two measures have a score {twice[0]!r}", hint="Rename the attribute, or remove one.")

    @property
    def score_names(self) -> tuple[str, ...]:
        own = (name for measure in self._own for name in measure.names)
        attributes = (f"{name}_posterior" for name in self._spec.attributes)
        edits = self._edits.names if self._edits is not None else ()
        boxes = self._boxes.names if self._boxes is not None else ()
        return (*own, *attributes, *edits, *boxes, *(name for measure in self._plugged for name in measure.names))

    def setup(self) -> None:
        """Load the model, and set up every measure, once.

        Raises:
            ModelError: the model cannot be loaded.
        """
        if self._ready:
            return
        self._clip = Clip(self._judge_id, open_device(self._device))
        for measure in (*self._own, *self._plugged):
            measure.setup(self._clip)
        for each in (self._edits, self._boxes):
            if each is not None:
                each.setup(self._clip)
        self._attributes: dict[str, Choice] = {
            name: attribute_choice(attribute.groups, self._clip) for name, attribute in self._spec.attributes.items()
        }
        self._rules = {name: rules_of(self._spec, name) for name in self._spec.classes}
        self.begin_shard()
        self._ready = True

    def begin_shard(self) -> None:
        rule = self._spec.filters.duplicates
        self._seen = SeenImages(rule) if rule else None

    @torch.inference_mode()
    def assess(self, rendered: Sequence[Rendered]) -> list[Assessment]:
        """See `Judge.assess`."""
        images = [one.image for one in rendered if one.image is not None]
        assert len(images) == len(rendered), "a failure has no image to assess"
        found: dict[int, _Measured] = {}
        for places in by_size(images):
            same = [rendered[place] for place in places]
            found |= zip(places, self._measure(torch.stack([images[place] for place in places]), same), strict=True)
        # Duplicates are looked for in the order of attempts.
        return [self._assessed(rendered[place].candidate, found[place]) for place in range(len(rendered))]

    def _measure(self, images: Tensor, rendered: Sequence[Rendered]) -> Iterator["_Measured"]:
        """Measure images of one size."""
        # Threads hash what the model looks at meanwhile.
        hashing = self._hashers.map(perceptual_hash, images.permute(0, 2, 3, 1).cpu().numpy())
        candidates = tuple(one.candidate for one in rendered)
        embedded = self._clip.embed_images(images)
        batch = ImageBatch(images, embedded, candidates)
        scores = {name: column for measure in self._own for name, column in measure.measure(batch).items()}
        values: dict[str, list[str]] = {}
        posteriors: dict[str, list[list[float]]] = {}
        for name, choice in self._attributes.items():
            of_all = choice.posteriors(embedded, self._clip.logit_scale)
            posteriors[name] = of_all.tolist()
            scores[f"{name}_posterior"] = of_all.max(1).values
            values[name] = choice.answers(of_all, self._spec.attributes[name].abstain_below)
        if self._edits is not None:
            scores |= self._edits.measure(batch)
        if self._boxes is not None:
            boxes = [one.carried.boxes if one.carried is not None else () for one in rendered]
            scores |= self._boxes.measure(images, candidates, boxes)
        for measure in self._plugged:
            columns = measure.measure(batch)
            scores |= {name: columns[name] for name in measure.names}

        numbers = {name: column.tolist() for name, column in scores.items()}
        hashes = list(hashing)
        vectors = embedded.cpu().numpy()
        for index in range(len(candidates)):
            answers = {
                name: dict(zip(self._attributes[name].names, several[index], strict=True))
                for name, several in posteriors.items()
            }
            yield _Measured(
                {name: column[index] for name, column in numbers.items()},
                {name: several[index] for name, several in values.items()},
                answers,
                hashes[index],
                vectors[index],
            )

    def _assessed(self, candidate: Candidate, measured: "_Measured") -> Assessment:
        broken = first_broken(measured.scores, self._rules[candidate.class_name])
        reason, message = (broken.reason, broken.explain(measured.scores)) if broken else (None, None)
        if reason is None and self._seen:
            message = self._seen.repeats(candidate.id, measured.phash, measured.vector, candidate.class_name)
            reason = Reason.DUPLICATE if message else None
        phash, embedding = measured.phash.tobytes(), measured.vector.astype(np.float16)
        return Assessment(measured.scores, measured.values, reason, measured.answers, phash, embedding, message)

    def provenance(self) -> Mapping[str, str]:
        return {
            "judge": self._spec.judge.id,
            "judge_revision": self._revision,
            "open_clip": version("open_clip_torch"),
            **{f"measure.{measure.plugin.name}": measure.provenance for measure in self._plugged},
        }
