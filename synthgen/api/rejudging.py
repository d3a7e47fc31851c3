"""Stricter thresholds for an existing run."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from synthgen import running as runs
from synthgen.api.arguments import flag_of, text_of_path, texts_of
from synthgen.api.finishing import RunResult, finalized
from synthgen.api.marking import check_signature
from synthgen.api.publishing import check_new
from synthgen.api.review_notes import carry_review
from synthgen.api.specs import with_settings, with_thresholds
from synthgen.api.trust import pinned_of_dataset, require_trust
from synthgen.errors import UsageError
from synthgen.planning import Plan
from synthgen.planning.rules import rules_of
from synthgen.spec import CALIBRATED, Filters, LabelFilter, Settings, Spec, SpecText, parse_spec
from synthgen.spec.written import as_yaml, literal, written_in_full
from synthgen.store import Location, RunStore, layout, open_store


def rejudge(
    location: Location, overrides: Sequence[str], output: Location | None = None, *, trust: bool = False
) -> RunResult:
    """Apply stricter filters to the run at `location`, and write a new run of what still passes.

    The new run is written to `output`, by default beside the old one.

    Args:
        trust: open a plug-in that the run names as its dataset's format and this machine does not know.

    Raises:
        SpecError: an override is invalid.
        UsageError: there are no overrides, they change more than thresholds, or a filter would accept images that were
            rejected, whose pixels are gone; or the run names an unknown format and `trust` is false.
        StorageError: `location` has no run, or one of the two places cannot be read or written.

    Example:
        >>> stricter = synthgen.rejudge("outputs/quickstart", ["filters.label.min_posterior=0.02"])
        >>> stricter.folder
        'outputs/quickstart-rejudged'
    """
    overrides = texts_of(overrides, "overrides")
    if not overrides:
        hint = 'Give stricter numbers: `overrides=["filters.label.min_posterior=0.8"]`.'
        raise UsageError("nothing to apply", argument="overrides", hint=hint)
    place, trust = text_of_path(location, "location"), flag_of(trust, "trust")
    store = open_store(place)
    into = open_store(_beside(place) if output is None else text_of_path(output, "output"))
    with runs.at_work(store):
        return _rejudged(store, into, overrides, trust)


def _rejudged(store: RunStore, into: RunStore, overrides: Sequence[str], trust: bool) -> RunResult:
    planned = runs.open_run(store)
    require_trust(pinned_of_dataset(planned), store.location, trust=trust)
    check_new(into)
    runs.read_intact(planned, store)  # before the new run begins
    stricter = _stricter(planned.first, overrides, store.location)
    for addition in planned.additions:
        spec = addition.spec
        if spec is not None:
            spec = _stricter(replace(stricter, spec=spec, additions=()), overrides, store.location).spec
        written = written_in_full(spec) if spec else None
        stricter = stricter.extended(replace(addition, spec=spec, written=written))

    check_signature(stricter.spec)
    kept = with_settings(SpecText(f"# rejudged\n{_text(stricter.spec, overrides)}", layout.SPEC), Settings(overrides))
    runs.create_run(into, stricter, kept)
    with runs.changing(into):
        carry_review(store, into)
        runs.rejudge(planned, store, stricter, into)
        return finalized(stricter, into, fresh=stricter.shard_count)


def _stricter(planned: Plan, overrides: Sequence[str], place: str) -> Plan:
    """Return a plan without additions, or one part of a run, with the limits that the overrides set.

    Raises:
        UsageError: the overrides change more than limits, or make one looser.
    """
    spec = parse_spec(_text(planned.spec, overrides), file=f"{place}/{layout.PLAN}", overrides=overrides)

    # A calibration promised something about the old thresholds, and nothing about others.
    stricter = with_thresholds(replace(planned, spec=spec, promise=None))
    if _without_thresholds(planned.spec) != _without_thresholds(spec):
        changed = planned.differences(stricter)[0]
        hint = (
            "It can set the limits of filters.label, clip, kept, changed, box, learner, quality and measures, and "
            "safety.above."
        )
        raise UsageError(f"rejudge changes thresholds and nothing else, found {changed}", hint=hint)

    for name in spec.classes:
        by_score = {rule.score: rule for rule in rules_of(stricter.spec, name)}
        for rule in rules_of(planned.spec, name):
            new = by_score.get(rule.score)
            if not (new and new.implies(rule)):
                found = new.limits if new else "no limit"
                looser = f"{rule.score} of {name}: the run asked for {rule.limits}, found {found}"
                hint = "A looser threshold needs a new run: what was rejected has no pixels any more."
                raise UsageError(looser, hint=hint)
    return stricter


def _beside(place: str) -> str:
    if "://" not in place and Path(place).name in ("", ".."):
        place = str(Path(place).resolve())  # `.` and `..` also stand for a folder with a name
    return f"{place}-rejudged"


def _text(spec: Spec, overrides: Sequence[str]) -> str:
    """Write the whole spec, without the thresholds that a calibration among the overrides is to replace."""
    calibrated = [
        (name, key)
        for name, key in CALIBRATED.items()
        if getattr(spec.filters, name) and any(one.startswith(f"filters.{name}.calibration=") for one in overrides)
    ]
    if not calibrated:
        return written_in_full(spec)
    bare = spec.canonical()
    for name, key in calibrated:
        del bare["filters"][name][key]
    return as_yaml(literal(bare))


def _without_thresholds(spec: Spec) -> Spec:
    """Keep only what the scores depend on, and what cannot be changed afterwards."""
    none_of_these = spec.filters.label.none_of_these if spec.filters.label else ()
    unlimited = {
        name: each.model_copy(update={"min": None, "max": None}) for name, each in spec.filters.measures.items()
    }
    learner = spec.filters.learner
    kept = Filters(
        label=LabelFilter(none_of_these=none_of_these),
        duplicates=spec.filters.duplicates,
        measures=unlimited,
        learner=learner.model_copy(update={"entropy": (0.0, 1.0)}) if learner else None,
    )
    return spec.model_copy(update={"filters": kept, "safety": spec.safety.model_copy(update={"above": 0.5})})
