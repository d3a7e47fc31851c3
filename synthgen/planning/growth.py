"""Growth: what a run can take from a changed spec, so that the images that exist stay valid. Pure.

What the prompts say, how many attempts are made and how work is cut into shards decides about new images alone, so new
shards take it. What made, measured or judged the images that exist cannot change, or one dataset would hold images of
two kinds that nobody could tell apart.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from synthgen.planning.addition import Addition
from synthgen.planning.cells import cells_for
from synthgen.planning.counts import counts_of, with_counts
from synthgen.planning.dealing import lacking_sources
from synthgen.planning.differences import changed_fields
from synthgen.planning.plan import Plan
from synthgen.planning.rules import rules_of
from synthgen.planning.sources import changed_sources
from synthgen.spec import Spec

_NEW = "Use `location` to start a new run."
_RAISE = "Keep at least the images that the run has; `location` starts a new run."
_LAST = "Put new classes after those of the run."
_JUDGE_AGAIN = (
    "`synthgen rejudge` applies stricter limits to the images of a run, and makes a new run of those that pass."
)
_MEASURE = "`synthgen audit` measures further attributes of existing images (`attributes`)."
_JUDGED = "existing images were judged by the old value"

REFUSED = {
    "format": ("another version planned the run", _NEW),
    "revisions": ("existing images were made or judged by the other one", _NEW),
    "window": ("another version planned the run", _NEW),
    "promise": ("existing images were accepted by the other calibration", _NEW),
    "name": ("it names the dataset", _NEW),
    "task": ("it decides what is generated", _NEW),
    "model": ("existing images were made by the old value", _NEW),
    "judge": (_JUDGED, _NEW),
    "attributes": ("existing images were measured by the old value", _MEASURE),
    "balance": ("existing images fill the cells of the old shares", _NEW),
    "seed": ("existing attempts were drawn from the old one", _NEW),
    "source": ("existing images were made from the old pictures", _NEW),
    "to": ("existing images were changed to the old value", _NEW),
    "region": ("existing images have the old region drawn again", _NEW),
    "canvas": ("existing images have the old canvas", _NEW),
    "control": ("existing images were led by the old one", _NEW),
    "then": ("existing images went through the old stages", _NEW),
    "reference": ("existing images were made like the old one", _NEW),
    "annotate": ("existing images were looked at by the old one", _NEW),
}
"""The parts of a plan that a run keeps: why, and what to do instead."""

FREE = (
    *("prompts", "preset", "budget", "output", "gates", "metadata", "synthgen"),
    *("allow_licenses", "require_outputs_may_train", "counts", "aimed_by"),
)
"""The parts of a spec that decide about new images alone. What a preset sets stands in `model` and `prompts`, too, and
what `counts` names in `classes`."""
LOOKED_AT = ("classes", "filters", "safety")
"""The parts of a spec of which some changes leave existing images valid, and others do not."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A change that a run cannot take.

    Attributes:
        change: such as `model.steps: 20 -> 30`.
        why: the reason.
        instead: what to do, as a sentence.
    """

    change: str
    why: str
    instead: str


@dataclass(frozen=True, slots=True)
class Growth:
    """What turns one plan into another.

    Attributes:
        addition: what to add; None if nothing differs that would need one.
        refusals: changes that the run cannot take. If there are any, nothing is added.
        asks_again: whether the judge now chooses between more classes, and a filter rejects by its choice: then the
            existing images must be asked again.
    """

    addition: Addition | None
    refusals: tuple[Refusal, ...]
    asks_again: bool = False


def growth_of(there: Plan, wanted: Plan, written: str | None = None) -> Growth:
    """Compare the plan of a run with the one that it is to become.

    Args:
        written: the wanted spec as its author wrote it.
    """
    if refusals := tuple(_refusals(there, wanted)):
        return Growth(None, refusals)
    mine, theirs = counts_of(there.spec), counts_of(wanted.spec)
    more = cells_for(wanted.spec, {name: count - mine.get(name, 0) for name, count in theirs.items()})
    quotas, is_new = {cell.name: cell.quota for cell in more}, list(mine) != list(theirs)
    if is_new or replace(wanted, spec=with_counts(wanted.spec, mine)).deciding() != there.deciding():
        addition = Addition(quotas, True, wanted.spec, written)
        return _allowed(there, addition, asks_again=is_new and _chooses(there.spec))
    return _allowed(there, Addition(quotas, True)) if quotas else Growth(None, ())


def _chooses(spec: Spec) -> bool:
    """Whether a filter rejects by the judge's choice between the classes."""
    return spec.filters.label is not None or spec.filters.box is not None


def _allowed(there: Plan, addition: Addition, *, asks_again: bool = False) -> Growth:
    """Return what an addition makes of a run, unless its pictures are used up."""
    lacking = lacking_sources(there.extended(addition))
    refusals = tuple(Refusal(line, "earlier shards use the others", _NEW) for line in lacking)
    return Growth(None, refusals) if refusals else Growth(addition, (), asks_again)


def _refusals(there: Plan, wanted: Plan) -> Iterator[Refusal]:
    yield from _changed_parts(there, wanted)
    yield from (Refusal(line, *REFUSED["source"]) for line in changed_sources(there.sources, wanted.sources))
    yield from _changed_classes(there.spec, wanted.spec)
    yield from _changed_filters(there.spec, wanted.spec)


def _changed_parts(there: Plan, wanted: Plan) -> Iterator[Refusal]:
    """Compare what may not change at all."""
    parts = (_flat(there), _flat(wanted))
    for key, (why, instead) in REFUSED.items():
        for line in changed_fields(*({key: part[key]} if key in part else {} for part in parts)):
            yield Refusal(line, why, instead)


def _flat(plan: Plan) -> dict[str, object]:
    content = plan.deciding()
    spec = content["spec"]
    assert isinstance(spec, dict)
    return {**content, **spec}


def _changed_classes(there: Spec, wanted: Spec) -> Iterator[Refusal]:
    for name, kind in there.classes.items():
        new = wanted.classes.get(name)
        if new is None:
            yield Refusal(f"classes.{name}: {kind.count} -> (absent)", "the run has images of it", _RAISE)
            continue
        if new.count < kind.count:
            yield Refusal(f"classes.{name}.count: {kind.count} -> {new.count}", "the run has more images", _RAISE)
        before, after = ({"definition": one.definition, "prompts": one.prompts} for one in (kind, new))
        for line in changed_fields(before, after):
            yield Refusal(f"classes.{name}.{line}", _JUDGED, _NEW)

    kept = [name for name in there.classes if name in wanted.classes]
    if [name for name in wanted.classes if name in kept] != kept:
        yield Refusal("the order of the classes", "the place of a class is its label in existing images", _LAST)
    elif kept != list(wanted.classes)[: len(kept)]:
        first = next(name for name in wanted.classes if name not in there.classes)
        why = "it would change the labels of existing images, which are the places of their classes"
        yield Refusal(f"the new class {first!r} comes before classes of the run", why, _LAST)


def _changed_filters(there: Spec, wanted: Spec) -> Iterator[Refusal]:
    """Compare the filters: what they ask must stay, and no image that passed may be one that would fail now."""
    for key, of in _QUESTIONS.items():
        for line in changed_fields(*({key: of(spec)} for spec in (there, wanted))):
            yield Refusal(line, _JUDGED, _NEW)
    for name in [name for name in there.classes if name in wanted.classes]:
        before = {rule.score: rule for rule in rules_of(there, name)}
        for rule in rules_of(wanted, name):
            old = before.get(rule.score)
            if old is None or not old.implies(rule):
                limits = f"{old.limits if old else 'no limit'} -> {rule.limits}"
                why = "existing images may fail the stricter limit"
                yield Refusal(f"{rule.score} of {name}: {limits}", why, _JUDGE_AGAIN if old else _NEW)


_QUESTIONS: Mapping[str, Callable[[Spec], object]] = {
    "filters.duplicates": lambda spec: spec.filters.model_dump(mode="json")["duplicates"],
    "filters.label.none_of_these": lambda spec: list(spec.filters.label.none_of_these) if spec.filters.label else [],
    "filters.learner": lambda spec: list(spec.classes) if spec.filters.learner else [],
    "filters.measures": lambda spec: {name: dict(one.arguments) for name, one in spec.filters.measures.items()},
    "safety.reject": lambda spec: list(spec.safety.reject),
}
"""What filters ask of an image, apart from their limits."""
