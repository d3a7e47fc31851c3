"""What a tuning needs before its training: the model, the set, the prompts, the judge; all checked first."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from synthgen.api.tuning_arguments import TuneArguments
from synthgen.api.tuning_model import TunableModel, dtype_of, find_model, open_denoiser
from synthgen.api.tuning_set import RealImages, RealSet
from synthgen.errors import UsageError
from synthgen.events import OnProgress
from synthgen.spec.model import BUNDLED_MODEL
from synthgen.tuning.division import held_out
from synthgen.tuning.settings import TuneIdentity, TuneSettings

if TYPE_CHECKING:
    from synthgen.api.judges import ClipJudges
    from synthgen.api.set_looker import SetLooker
    from synthgen.auditing.input.judges import JudgeId
    from synthgen.spec import Spec
    from synthgen.tuning.wording import ClassPrompts
    from synthgen.tuning.work import DrawnComparison

_LOG = logging.getLogger(__name__)
_RATE, _BUNDLED_RATE, _WORD_RATE = 1e-4, 1e-3, 5e-3
_MEASURED = 10
"""How often the loss is measured."""
_SMALLER = "Choose a smaller `batch_size`, or `gradient_checkpointing=True`."


def tune_model(asked: TuneArguments, on_progress: OnProgress, stop: Callable[[], bool]) -> dict[str, object]:
    """Tune a model, and return the content of tune.json. See `tune`."""
    from synthgen.tuning.folder import check_tuning_folder, tuning_alone

    check_tuning_folder(asked.folder)
    spec = _spec(asked)
    _prompts(asked, spec, ())
    model = find_model(asked)
    real = RealSet.open(asked.real, asked.label, asked.images_from, asked.allow_remote)
    with tuning_alone(asked.folder):
        return _tune(asked, spec, model, real, on_progress, stop)


def _tune(
    asked: TuneArguments,
    spec: Spec | None,
    model: TunableModel,
    real: RealSet,
    on_progress: OnProgress,
    stop: Callable[[], bool],
) -> dict[str, object]:
    """Go on with what nobody else works on: look at the images, open the model, train it."""
    from synthgen.models.device import device_errors, open_device
    from synthgen.tuning.checkpoint import check_same, load_state
    from synthgen.tuning.finished import FinishedTuning
    from synthgen.tuning.folder import CHECKPOINT, RECORD
    from synthgen.tuning.work import TuneWork, begin_again

    judges, judge, looker = _looker(asked)
    if asked.word is not None:
        real.check_class(asked.word.class_name)
    images = real.look(looker, on_progress)
    if asked.word is not None:
        images = images.of_class(asked.word.class_name)
    prompts = _prompts(asked, spec, sorted(set(images.classes)))
    if 0 < asked.prior < len(prompts):
        what = f"expected at least 1 for each of the {len(prompts)} classes, found {asked.prior}"
        raise UsageError(what, argument="prior", hint="0 draws none.")
    held = held_out(images.classes, images.groups, asked.validation_share, asked.seed)
    identity = _identity(asked, model, images, held, prompts)
    if (done := FinishedTuning.read(asked.folder)) is not None:
        check_same(asked.folder / RECORD, identity, done.identity)
        done.check_asked(asked.check, judge.name if judge else None, asked.licence, asked.precision)
        done.check_adapter()
        _LOG.warning("%s: this tuning is done already", asked.folder)
        return done.record
    device = open_device(asked.device)
    dtype = dtype_of(asked.precision, device)
    load_state(asked.folder / CHECKPOINT, identity, str(dtype).removeprefix("torch."))
    begin_again(asked.folder)
    if asked.validation_share and not held:
        _LOG.warning("no image could be held out: the last weights are kept, whatever their loss")

    with device_errors("tuning", _SMALLER):
        return TuneWork(
            asked.folder,
            open_denoiser(asked, model, prompts, device, dtype),
            identity,
            lambda: images.squares(model.size),
            prompts,
            held,
            model.call.pipeline,
            asked.licence,
            _comparison(asked, images, judges, judge),
            images.left_out,
        ).run(on_progress, stop)


def _spec(asked: TuneArguments) -> Spec | None:
    from synthgen.api.specs import spec_of

    return None if asked.spec is None else spec_of(asked.spec, calibrated=False)


def _prompts(asked: TuneArguments, spec: Spec | None, classes: Sequence[str]) -> ClassPrompts:
    """Return the prompts of each class; with no classes, check the template alone."""
    from synthgen.tuning.wording import TEMPLATE, prompts_of_spec, prompts_of_template, with_word

    word = asked.word
    if asked.template is None and spec is not None:
        found = prompts_of_spec(spec, classes)
        return with_word(found, word, spec.name) if word is not None and classes else found
    if word is None or not classes:
        return prompts_of_template(asked.template or TEMPLATE, classes)
    return {word.class_name: prompts_of_template(asked.template or TEMPLATE, [word.token])[word.token]}


def _looker(asked: TuneArguments) -> tuple[ClipJudges, JudgeId | None, SetLooker]:
    """Return what looks at the images, and the judge; None where no embeddings are compared."""
    from synthgen.api.judges import ClipJudges
    from synthgen.api.set_looker import hasher_of, looker_of
    from synthgen.auditing.input.judge_names import is_asked
    from synthgen.spec.model import default_judge

    judges = ClipJudges(asked.device, trust=False)
    cache = asked.cache or judges.cache
    if not asked.check:
        return judges, None, hasher_of(cache)
    name = asked.judge or default_judge(asked.model).id
    if is_asked(name):
        hint = "Name a CLIP as in a spec."
        raise UsageError(f"{name} answers questions, and makes no embeddings", argument="judge", hint=hint)
    judge = judges.find(name)
    return judges, judge, looker_of(judges, judge, cache)


def _comparison(
    asked: TuneArguments, images: RealImages, judges: ClipJudges, judge: JudgeId | None
) -> DrawnComparison | None:
    from synthgen.tuning.work import DrawnComparison

    if judge is None or images.looks is None:
        return None
    return DrawnComparison(judges.open(judge), judge.name, judge.revision, images.looks, asked.check)


def _identity(
    asked: TuneArguments, model: TunableModel, images: RealImages, held: Sequence[int], prompts: ClassPrompts
) -> TuneIdentity:
    """Return what a resumed tuning must have in common with this one."""
    from synthgen.tuning.tunable import default_layers

    rate = _WORD_RATE if asked.word else _BUNDLED_RATE if asked.model == BUNDLED_MODEL else _RATE
    settings = TuneSettings(
        rank=asked.rank,
        layers=asked.layers or default_layers(model.call.pipeline),
        steps=asked.steps,
        batch_size=asked.batch_size,
        learning_rate=asked.learning_rate or rate,
        size=model.size,
        validation_share=asked.validation_share,
        every=max(1, asked.steps // _MEASURED),
        seed=asked.seed,
        prompts={name: list(texts) for name, texts in prompts.items()},
        prior=asked.prior,
        prior_weight=asked.prior_weight,
        word=asked.word,
    )
    places = set(held)
    known = tuple(
        (name, digest, place in places)
        for place, (name, digest) in enumerate(zip(images.classes, images.digests, strict=True))
    )
    return TuneIdentity(asked.model, model.source.revision, known, settings)
