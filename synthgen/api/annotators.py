"""What finds boxes and masks: found by name, pinned, opened, and put behind a generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen import bundled, models
from synthgen.errors import ModelError
from synthgen.files import expanded
from synthgen.models.asked_settings import CONFIG
from synthgen.models.content import file_hash
from synthgen.planning import Plan
from synthgen.records import Candidate, CannotLeaveError, Rendered
from synthgen.records.begun import Begun
from synthgen.running import EarlyGenerator, Generator
from synthgen.spec import BUNDLED_READER, Annotator, Spec

if TYPE_CHECKING:
    from synthgen.judging.annotating.annotator import ImageAnnotator
    from synthgen.judging.annotating.boxes import BoxFinder
    from synthgen.judging.annotating.masks import MaskFinder

_FOLDER = "Give the folder that `save_pretrained` wrote for the model and its processor."
_ROLES = {"boxes": "detector", "masks": "segmenter"}


def annotator_revisions(spec: Spec) -> dict[str, str]:
    """Find the revisions of a spec's annotators, by their keys, and check that they are of the right kind.

    Raises:
        ModelError: one does not exist, is of another kind, or neither hub nor cache can resolve its revision.
    """
    found = {}
    for key, annotator in _named(spec).items():
        if annotator.model == BUNDLED_READER:
            found[key] = file_hash(bundled.READER)
            continue
        try:
            source = _source(annotator)
        except ModelError as error:
            hint = f"Check annotate.{key}, and the network. For a gated or private model run `hf auth login` first."
            hint = _FOLDER if models.is_folder(annotator.model) else hint
            raise type(error)(f"annotate.{key}: {error.message}", hint=hint) from error
        _check_kind(key, annotator.model, source.read_json(CONFIG).get("model_type"))
        found[key] = source.revision
    return found


def annotated(generator: Generator, planned: Plan, device: str) -> Generator:
    """Put what the plan's spec finds on images behind its generator; without `annotate`, that is left as it is."""
    spec = planned.spec.annotate
    if spec is None:
        return generator
    from synthgen.judging.annotating.annotator import ImageAnnotator

    facts = {f"annotate.{key}": each.described(_pinned(planned, key)) for key, each in spec.named().items()}
    annotator = ImageAnnotator(spec, _box_finder(planned, device), _mask_finder(planned, device))
    return AnnotatedGenerator(generator, annotator, facts)


def download_annotators(planned: Plan) -> None:
    """Download those of the hub into the cache, so that workers need no network.

    Raises:
        ModelError: one cannot be downloaded.
    """
    for key, annotator in _named(planned.spec).items():
        if annotator.model != BUNDLED_READER:
            _there(planned, key)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class AnnotatedGenerator:
    """A `Generator` whose images come with the boxes and masks that are found on them."""

    inner: Generator
    annotator: ImageAnnotator
    facts: Mapping[str, str]

    @property
    def batch_size(self) -> int:
        """See `Generator.batch_size`."""
        return self.inner.batch_size

    def setup(self) -> None:
        """See `Generator.setup`."""
        self.inner.setup()
        self.annotator.setup()

    def render(self, candidates: Sequence[Candidate]) -> list[Rendered]:
        """See `Generator.render`."""
        return self.annotator.annotate(self.inner.render(candidates))

    def begin(self, candidates: Sequence[Candidate], steps: int) -> list[Begun]:
        """See `EarlyGenerator.begin`."""
        if not isinstance(self.inner, EarlyGenerator):
            raise CannotLeaveError(f"filters.early does not work here: {type(self.inner).__name__} makes images whole")
        return self.inner.begin(candidates, steps)

    def finish(self, begun: Sequence[Begun]) -> list[Rendered]:
        """See `EarlyGenerator.finish`."""
        assert isinstance(self.inner, EarlyGenerator), "it began them"
        return self.annotator.annotate(self.inner.finish(begun))

    def provenance(self) -> Mapping[str, str]:
        """See `Generator.provenance`."""
        return {**self.inner.provenance(), **self.facts}


def _named(spec: Spec) -> dict[str, Annotator]:
    return spec.annotate.named() if spec.annotate is not None else {}


def _source(annotator: Annotator) -> models.ModelSource:
    if not models.is_folder(annotator.model):
        return models.locate(annotator.model, annotator.revision)
    folder = expanded(annotator.model)
    if folder.is_dir() and not (folder / CONFIG).is_file():  # any other folder is not read: it may be the whole disk
        raise ModelError(f"{folder} has no {CONFIG} of transformers")
    return models.ModelSource(str(folder), models.content_hash(folder))


def _check_kind(key: str, name: str, model_type: object) -> None:
    from synthgen.models.annotators import MODEL_TYPES

    if model_type not in MODEL_TYPES[key]:
        what = "takes a text and finds boxes" if key == "boxes" else "takes boxes and finds masks"
        found = f"of type {model_type!a:.80}" if model_type is not None else f"without a valid {CONFIG} of transformers"
        raise ModelError(
            f"annotate.{key}: {name} is a model {found}, and not one that {what}",
            hint=f"Known types are {', '.join(MODEL_TYPES[key])}.",
        )


def _box_finder(planned: Plan, device: str) -> BoxFinder | None:
    from synthgen.judging.annotating.boxes import ReaderBoxes, TextDetector

    if (annotator := _named(planned.spec).get("boxes")) is None:
        return None
    if annotator.model == BUNDLED_READER:
        return ReaderBoxes()
    return TextDetector(annotator.model, _locating(planned, "boxes"), device)


def _mask_finder(planned: Plan, device: str) -> MaskFinder | None:
    from synthgen.judging.annotating.masks import PromptedSegmenter, ReaderMasks

    if (annotator := _named(planned.spec).get("masks")) is None:
        return None
    if annotator.model == BUNDLED_READER:
        return ReaderMasks()
    return PromptedSegmenter(annotator.model, _locating(planned, "masks"), device)


def _pinned(planned: Plan, key: str) -> str:
    return planned.revisions.annotators.get(key, "")


def _locating(planned: Plan, key: str) -> Callable[[], Path]:
    return lambda: _there(planned, key)


def _there(planned: Plan, key: str) -> Path:
    """Return the folder of an annotator as of when the plan was made.

    Raises:
        ModelError: it cannot be downloaded, or its folder has changed since.
    """
    from synthgen.judging.asking.folder import download_asked

    name, pinned = _named(planned.spec)[key].model, _pinned(planned, key)
    if not models.is_folder(name):
        return download_asked(name, name, pinned, role=_ROLES[key])
    if (now := models.content_hash(expanded(name))) != pinned:
        raise ModelError(
            f"{_ROLES[key]} {name} is not the one that the run was planned with: {now} here, {pinned} there",
            hint="Put the same weights there, or start a new run in another `location`.",
        )
    return expanded(name)
