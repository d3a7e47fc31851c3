"""The implementations behind the protocols, found by name and loaded lazily."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from synthgen import bundled, models
from synthgen.api import adapters, plugged
from synthgen.api.annotators import AnnotatedGenerator, annotated, annotator_revisions, download_annotators
from synthgen.api.befores import befores_of
from synthgen.api.controls import control_models
from synthgen.api.fitness import call_of_spec, check_canvas
from synthgen.api.learner_filter import learner_revision, planned_learner
from synthgen.api.long_texts import TextLengthError, long_texts
from synthgen.api.negatives import model_asked
from synthgen.api.references import picture_revisions, reference_models, reference_pictures
from synthgen.api.sources import pictures_of
from synthgen.api.stages import check_stages, named_model, stage_revisions, stage_sources
from synthgen.api.text_notes import judge_notes, long_judge_texts
from synthgen.errors import ModelError, UsageError
from synthgen.models.device_names import check_device
from synthgen.models.parts import MODEL, revisions_of, source_of
from synthgen.planning import Plan, Revisions, column_texts, every_prompt
from synthgen.spec import BUNDLED_JUDGE, BUNDLED_MODEL, Spec, variants_of

if TYPE_CHECKING:
    from synthgen.judging.clip_judge import ClipJudge
    from synthgen.judging.towers import ClipEncoder
    from synthgen.records import Pictures
    from synthgen.running import Generator


_LOG = logging.getLogger(__name__)
_OPENED: WeakKeyDictionary[Generator, Pictures] = WeakKeyDictionary()
"""What opens the pictures of each generator that begins from some, for the judge beside it."""
_AHEAD = 1000
"""The most prompts that are encoded before the first image; with more, each batch's are."""
OFFLINE = {"HF_HUB_OFFLINE": "1"}
"""Added to the environment of workers whose models are downloaded before they start."""


def count_gpus() -> int:
    import torch

    return torch.cuda.device_count()


def revisions(spec: Spec) -> Revisions:
    """Find the revisions of the models that a spec names.

    Raises:
        ModelError: a model does not exist, or neither hub nor cache can resolve its revision.
        UsageError: a plug-in that the spec names is not installed.
    """
    own = plugged.generator_of(spec)
    judged_by, releases, finders = judge_revision(spec.judge.id), plugged.releases(spec), annotator_revisions(spec)
    learner = learner_revision(spec, judged_by)
    if own:
        return Revisions(plugged.revision(own), judged_by, releases, components=learner, annotators=finders)
    source = source_of(
        spec.model, None, own=_own_folder(spec), controls=control_models(spec), references=reference_models(spec)
    )
    revision, components = revisions_of(source)
    components |= {**picture_revisions(spec), **stage_revisions(spec), **learner}
    pinned, tuned = adapters.revisions(spec, source)
    return Revisions(revision, judged_by, releases, pinned, components, finders, tuned)


def generator(planned: Plan, device: str, *, whole: bool = False) -> Generator:
    """Return the generator of a plan, which loads its model on `setup`.

    Args:
        whole: whether it will make many of the plan's images, and not a few to look at.
    """
    check_device(device)
    if plugged.names_generator(planned.spec):
        return annotated(plugged.generator(planned, device), planned, device)
    pictures = pictures_of(planned)
    made = annotated(_generator(planned, device, pictures, whole=whole), planned, device)
    if pictures is not None:
        _OPENED[made] = pictures
    return made


def _generator(planned: Plan, device: str, pictures: Pictures | None, *, whole: bool) -> Generator:
    from synthgen.generating.early import EarlyRenderer
    from synthgen.generating.given import layout_of
    from synthgen.generating.reference import References
    from synthgen.generating.renderer import Renderer

    spec, model, source = planned.spec, model_asked(planned.spec), _planned_source(planned)
    layout, images = layout_of(spec), sum(cell.quota for cell in planned.cells)
    first = (Renderer if planned.early is None else EarlyRenderer)(
        model,
        source,
        device,
        planned.window,
        adapters.adapter_files(planned),
        spec.task,
        pictures,
        layout,
        lambda: every_prompt(planned, min(_AHEAD, images)) if whole else (),
        spec.control,
        References(spec.reference, reference_pictures(spec, planned.revisions.components)),
        images if whole else 0,
    )
    if not spec.then:
        return first
    from synthgen.generating.staged import Later, StagedRenderer

    later = Later(spec.then, _planned_stages(planned), model, source, pictures, layout)
    return StagedRenderer(first, later, device, planned.window)


def hand_over(one: Generator, other: Generator) -> None:
    """Let a generator use the model that another has loaded, which renders no more, where it would load the same."""
    from synthgen.generating.renderer import Renderer

    one, other = (each.inner if isinstance(each, AnnotatedGenerator) else each for each in (one, other))
    if isinstance(one, Renderer) and isinstance(other, Renderer):
        other.take_over(one)


def check_keys(planned: Plan) -> None:
    """Refuse a model of a new plan that does not make images from text, and keys that it does not take.

    Its weights are not read, and neither torch nor diffusers is imported.

    Raises:
        UsageError: a key cannot act, or a text is longer than what reads it.
        ModelError: it is of another task, its folder lacks something, or it has changed since it was planned.
    """
    model = model_asked(planned.spec)
    if plugged.names_generator(planned.spec):
        if planned.spec.source is not None:
            hint = "Choose a model of diffusers, or leave task and source out."
            raise UsageError("task: generators of plug-ins are given no pictures", hint=hint)
        if planned.spec.reference:
            hint = "Choose a model of diffusers, or leave reference out."
            raise UsageError("reference: generators of plug-ins are given no pictures", hint=hint)
        return  # a plug-in says itself what else it does not accept

    source = _planned_source(planned)
    call = call_of_spec(planned.spec, source)
    check_canvas(planned.spec, call.size)
    texts = long_texts(planned.spec, call, source, partial(column_texts, planned))
    if findings := [*texts.findings, *long_judge_texts(planned.spec, planned.revisions.judge)]:
        raise TextLengthError(findings)
    written, variants = model.model_fields_set, [] if model.id == BUNDLED_MODEL else list(variants_of(model))
    notes = dict.fromkeys(note for each in variants for note in call.notes(each, written))
    for stage in check_stages(planned.spec, call, source, _planned_stages(planned)):
        if not stage.shared:
            cut = long_texts(planned.spec.model_copy(update={"model": stage.model}), stage.call, stage.source)
            said = (*stage.notes(), *(finding.message for finding in cut.findings), *cut.notes)
            notes |= dict.fromkeys(f"then, {stage.then.model}: {note}" for note in said)
    for note in (*notes, *texts.notes, *judge_notes(planned.spec, planned.revisions.judge)):
        _LOG.warning(note)


def judge(planned: Plan, device: str, beside: Generator | None = None) -> ClipJudge:
    """Return the judge of a plan, with the measures of plug-ins; models are loaded on `setup`.

    Args:
        beside: the generator of the same plan, which has opened the pictures of `source` already.
    """
    from synthgen.judging.clip_judge import ClipJudge

    measures = plugged.measures(planned)
    before = befores_of(planned, _OPENED.get(beside) if beside is not None else None)
    learner, name = planned_learner(planned), _planned_judge(planned)
    return ClipJudge(planned.spec, name, planned.revisions.judge, device, measures, before, learner)


def towers(judge_id: str, revision: str, device: str) -> ClipEncoder:
    """Return a judge by its name in a spec. It is downloaded and loaded on first use."""
    from synthgen.judging.towers import ClipEncoder

    check_device(device)
    return ClipEncoder(lambda: _there(_judge_id(judge_id), revision), device)


def judge_revision(judge_id: str) -> str:
    """Find the revision of a judge.

    Raises:
        ModelError: it does not exist, is no judge, or neither hub nor cache can resolve its revision.
    """
    kind, _, place = _judge_id(judge_id).partition(":")
    if kind == "local-dir":
        return models.judge_hash(Path(place))
    if kind == "hf-hub":
        return models.locate(place).revision
    return judge_id  # open_clip's architecture/weights: the weights' tag is their revision


def download(planned: Plan) -> None:
    """Download the hub models of a plan into the cache, so that workers need no network.

    Raises:
        ModelError: a model cannot be downloaded.
    """
    source = None if plugged.names_generator(planned.spec) else _planned_source(planned)
    if source:
        from synthgen.generating.pipelines import download as download_generator

        download_generator(planned.spec.model, source)
        for then, other in zip(planned.spec.then, _planned_stages(planned), strict=True):
            if other is not None:
                download_generator(named_model(then), other)
    adapters.adapter_files(planned)
    _planned_judge(planned)
    download_annotators(planned)


def check_as_planned(planned: Plan) -> None:
    """Check that the files and folders that a plan names are as they were when it was made. Downloads nothing.

    Raises:
        ModelError, UsageError: one has changed, or cannot be read.
    """
    planned_learner(planned)
    if _judge_id(planned.spec.judge.id).startswith("local-dir:"):
        _planned_judge(planned)
    if not plugged.names_generator(planned.spec):
        _planned_source(planned)
        _planned_stages(planned)
    reference_pictures(planned.spec, planned.revisions.components)


def _own_folder(spec: Spec) -> Path | None:
    return bundled.GENERATOR if spec.model.id == BUNDLED_MODEL else None


def _planned_source(planned: Plan) -> models.ModelSource:
    """Return the generator as of when the plan was made, whatever the hub's newest commit is now."""
    pinned = {MODEL: planned.revisions.generator, **planned.revisions.components}
    spec = planned.spec
    return source_of(
        spec.model, pinned, own=_own_folder(spec), controls=control_models(spec), references=reference_models(spec)
    )


def _planned_stages(planned: Plan) -> tuple[models.ModelSource | None, ...]:
    return stage_sources(planned.spec, planned.revisions.components)


def _check_unchanged(model: str, here: str, there: str) -> None:
    """Compare the content of a model's folder with the plan.

    Raises:
        ModelError: the content has changed.
    """
    if here != there:
        raise ModelError(
            f"{model} is not the one that the run was planned with: {here} here, {there} there",
            hint="Put the same weights there, or start a new run in another `location`.",
        )


def _planned_judge(planned: Plan) -> str:
    """Return the plan's judge in open_clip's naming, downloaded; one from the hub at the plan's commit."""
    return _there(_judge_id(planned.spec.judge.id), planned.revisions.judge)


def _there(judge_id: str, revision: str) -> str:
    if judge_id.startswith("local-dir:"):
        _check_unchanged(f"judge {judge_id}", judge_revision(judge_id), revision)
        return judge_id
    from synthgen.judging.opening import download

    return download(judge_id, revision)


def _judge_id(judge_id: str) -> str:
    return f"local-dir:{bundled.JUDGE}" if judge_id == BUNDLED_JUDGE else judge_id
