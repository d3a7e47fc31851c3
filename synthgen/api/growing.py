"""What a run gains when it is extended, and whether its images stay valid when it gains a class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from synthgen import running as runs
from synthgen.api import wiring
from synthgen.api.arguments import text_of_path
from synthgen.api.planning import plan
from synthgen.api.shard_size import as_in_run
from synthgen.errors import PlanChanged, UsageError
from synthgen.events import OnProgress, StepProgress
from synthgen.planning import Plan, growth_of
from synthgen.records import Reason
from synthgen.spec import Spec
from synthgen.store import Location, RunStore, open_store

_NAMED = 3
"""At most this many images are named."""


@dataclass(frozen=True, slots=True)
class Extension:
    """What a run gains.

    Attributes:
        quotas: images, by cell.
        shards: the numbers of the shards that make them.
        changes: in what these shards' spec differs from that of the shards before: `prompts.variables.hair.red: ..`.
        asks_again: whether the judge compares existing images with new classes before the run is extended.
    """

    quotas: Mapping[str, int]
    shards: tuple[int, ...]
    changes: tuple[str, ...]
    asks_again: bool


def extension(spec: Spec, location: Location) -> tuple[Plan, Extension]:
    """Return the plan that the run at `location` gets when it is extended to `spec`, and what it gains.

    Nothing is written.

    Raises:
        PlanChanged: the run cannot be extended like this.
        UsageError: there is no run.
    """
    store = open_store(text_of_path(location, "location"))
    there, wanted = runs.open_run(store), plan(as_in_run(spec, store))
    growth = runs.growth_in(there, wanted, store.location)
    if growth.addition is None:
        return there, Extension({}, (), (), asks_again=False)
    grown = there.extended(growth.addition)
    counts = [f"classes.{name}.count" for name in wanted.spec.classes]
    changes = [line for line in there.differences(wanted) if line.partition(": ")[0] not in counts]
    shards = tuple(range(there.shard_count, grown.shard_count))
    return grown, Extension(growth.addition.quotas, shards, tuple(changes), growth.asks_again)


def check_growth(wanted: Plan, store: RunStore, device: str, on_progress: OnProgress) -> None:
    """Check a run that is to be extended. It is left as it is.

    A new class is one more answer for the judge, so an image that `filters.label` or `filters.box` accepted could
    show the new class. The judge looks at the images that exist, and chooses between the old classes and the new ones.

    Raises:
        PlanChanged: an image would be rejected now.
        UsageError: shards are missing, whose images nobody can ask about.
    """
    if not runs.is_begun(store) or runs.is_unused(store):
        return
    there = runs.open_run(store)
    if not growth_of(there, wanted).asks_again:
        return
    state = runs.read_intact(there, store)
    new = ", ".join(repr(name) for name in wanted.spec.classes if name not in there.spec.classes)
    if not state.complete:
        open_shards = state.shard_count - len(state.done)
        what = f"{store.location} cannot gain the class {new} yet: {open_shards} shards are not committed"
        hint = "Finish the run first: its images must be compared with the new class, as its filters ask."
        raise UsageError(what, hint=hint)
    if failing := _failing(there, wanted, store, device, on_progress):
        images = state.accepted
        lines = [f"  {line}" for line in failing[:_NAMED]]
        more = [f"  and {len(failing) - _NAMED} more"] if len(failing) > _NAMED else []
        what = f"{store.location} cannot gain the class {new}: {len(failing)} of its {images} images would be rejected"
        hint = "Word the new class so that the judge tells it from the others (`definition`), or start a new run."
        hint += " `synthgen exclude` takes images out."
        raise PlanChanged("\n".join([f"{what} by its filters now", *lines, *more]), hint=hint)


def _failing(there: Plan, wanted: Plan, store: RunStore, device: str, on_progress: OnProgress) -> list[str]:
    from synthgen.planning.rules import first_broken, rules_of
    from synthgen.running.asking import asked_again

    choosing = (Reason.LABEL, Reason.BOX)  # rules about the judge's choice between the classes
    rules = {
        name: tuple(rule for rule in rules_of(wanted.spec, name) if rule.reason in choosing)
        for name in there.spec.classes
    }
    judge = wiring.judge(wanted, device)
    judge.setup()
    failing = []
    for done, answer in enumerate(asked_again(there, store, judge), start=1):
        on_progress(StepProgress("asking about the new class", "images", done))
        if rule := first_broken(answer.scores, rules.get(answer.class_name, ())):
            score = answer.scores[rule.score]
            failing.append(f"{answer.image_id}, a {answer.class_name}: {rule.score} {score:.3f}, {rule.limits}")
    return failing
