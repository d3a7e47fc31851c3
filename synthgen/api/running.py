"""Runs: made, resumed, finalized, looked at."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen import run as runs
from synthgen.api import parts
from synthgen.api.planning import forecast, plan, with_thresholds
from synthgen.errors import ModelError, StorageError, UsageError
from synthgen.plan import Plan
from synthgen.records import Reason, Shortfall
from synthgen.run import Assignment, Finding, FolderStore, Outcome, Progress, Repaired, RunState
from synthgen.spec import Filters, LabelFilter, Spec, parse_spec

if TYPE_CHECKING:
    from synthgen.dataset.summary import DatasetSummary
    from synthgen.dataset.tally import Tally
    from synthgen.run.replay import Replay

_LOG = logging.getLogger(__name__)

SHEET = "report.html"
DATASET = "dataset"


@dataclass(frozen=True, slots=True)
class RunResult:
    """A finished run.

    Attributes:
        fresh: shards that were made by this call; 0 if all was done before.
        rebuilt: the dataset was written by this call; False if it was there already.
        tally: what became of every attempt, per class.
        shortfalls: the cells that are not full.
        seconds: of work in all committed shards.
    """

    folder: Path
    dataset: Path
    sheet: Path
    fresh: int
    rebuilt: bool
    tally: Tally
    summary: DatasetSummary
    shortfalls: tuple[Shortfall, ...]
    seconds: float

    @property
    def missing(self) -> int:
        """Images that the dataset is short of, class by class."""
        there = self.summary.classes
        return sum(max((kind.quota or 0) - there.get(kind.name, 0), 0) for kind in self.tally.classes)


def preview(spec: Spec, count: int, path: Path, device: str = "auto") -> Tally:
    """Render and judge `count` images and write a contact sheet to `path`; nothing else is kept.

    Raises:
        ModelError, DeviceError, StorageError: as `run`.
    """
    from synthgen.dataset.sheet import write_sheet
    from synthgen.run.preview import preview as attempts

    planned = plan(spec)
    generator, judge = parts.generator(planned, device), parts.judge(planned, device)
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_sheet(
        attempts(planned, generator, judge, count),
        path,
        title=f"{spec.name}: a preview",
        quotas=dict.fromkeys(spec.classes),
        floors=_floors(spec),
        facts=_facts(planned),
    )


def run(
    spec: Spec,
    folder: Path | None = None,
    *,
    text: str | None = None,
    devices: str = "auto",
    extend: bool = False,
    top_up: bool = False,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> RunResult:
    """Make the dataset; called again, go on where it was left.

    Args:
        folder: where to; `outputs/NAME` by default.
        devices: see `synthgen.run.slots`. With one, this process does the work; with several, one process for each.
            Those import the module that the program began with: a script must call this under
            `if __name__ == "__main__"`.
        extend: where a run of this spec with fewer images lies there, make the images that are more.
        top_up: once all is made, try once more to make what is short of its quota, or was left out as a duplicate.
        text: the spec as its author wrote it, kept beside the plan; by default the spec as YAML.
        stop: asked between batches.

    Raises:
        UsageError: `devices` is not understood.
        PlanChanged: the folder holds a run of another plan.
        Interrupted: `stop()` was true.
        ModelError, DeviceError, StorageError: models, devices, disks. Committed shards stay.
    """
    runs.check_devices(devices)
    folder = folder or Path("outputs") / spec.name
    store = FolderStore(folder)
    planned = runs.create_run(store, plan(spec), text if text is not None else _as_yaml(spec), extend=extend)
    fresh = _make_pending(planned, store, devices, on_progress, stop)
    result = _finalized(planned, store, folder, fresh=fresh)
    if top_up and (more := _topped_up(planned, store, result)) is not planned:
        fresh += _make_pending(more, store, devices, on_progress, stop)
        result = _finalized(more, store, folder, fresh=fresh)
    return result


def _make_pending(
    planned: Plan,
    store: FolderStore,
    devices: str,
    on_progress: Callable[[Progress], None],
    stop: Callable[[], bool],
) -> int:
    """Make the shards that are not committed yet; how many those were."""
    state = runs.read_state(planned, store)
    if state.pending and not state.damaged:
        _warn_of_little_room(planned, store, len(state.pending))
        slots = runs.slots(devices, parts.count_gpus)
        if len(slots) > 1:
            parts.download(planned)
            slots = tuple(replace(slot, environment={**slot.environment, **parts.OFFLINE}) for slot in slots)
            outcome = runs.run_local(make_shards, store, state.pending, slots, on_progress=on_progress, stop=stop)
        else:
            device = devices.partition(":")[0] if devices.startswith("cpu") else devices
            outcome = make_shards(store.location, state.pending, device, on_progress, stop)
        _refuse_failed(outcome, store)
    return len(state.pending)


def _warn_of_little_room(planned: Plan, store: FolderStore, pending: int) -> None:
    needed, free = forecast(planned).bytes * pending / planned.shard_count, store.free_bytes()
    if free is not None and free < needed:
        _LOG.warning(
            "%s: about %.1f GB are needed and %.1f GB are free. If they run out, the run stops with exit code 5; "
            "what was committed stays, and running again goes on from it.",
            store.location,
            needed / 1e9,
            free / 1e9,
        )


def _topped_up(planned: Plan, store: FolderStore, result: RunResult) -> Plan:
    dropped = [duplicate.id for duplicate in result.summary.duplicates] if result.summary.dropped else []
    return runs.top_up(store, planned, runs.read_state(planned, store), dropped)


def work(
    folder: Path,
    index: int = 0,
    of: int = 1,
    *,
    device: str = "auto",
    on_progress: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Make every `of`th shard of a planned run, from shard `index` on: what one task of an array does.

    Raises:
        UsageError: `index` is not in 0..`of` - 1, or `device` is no device's name.
        Interrupted, ModelError, DeviceError, StorageError: as `run`.
    """
    if not 0 <= index < of:
        raise UsageError(f"index {index} of {of}: expected 0 to {of - 1}")
    parts.check_device(device)
    store = FolderStore(folder)
    shards = range(index, runs.open_run(store).shard_count, of)
    outcome = make_shards(str(folder), shards, device, on_progress, stop)
    _refuse_failed(outcome, store)
    return outcome


def make_shards(
    location: str,
    shards: Iterable[int | Assignment],
    device: str,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """What every executor starts, in whichever process: see `synthgen.run.work`."""
    store = FolderStore(location)
    planned = runs.open_run(store)
    generator, judge = parts.generator(planned, device), parts.judge(planned, device)
    return runs.work(planned, store, generator, judge, shards, on_progress=on_progress, stop=stop)


def finalize(folder: Path) -> RunResult:
    """Build the dataset and the contact sheet of a run whose shards are all committed. Idempotent.

    Raises:
        UsageError: shards are missing.
        QuotaNotMet: not a single image was accepted.
    """
    store = FolderStore(folder)
    return _finalized(runs.open_run(store), store, folder, fresh=0)


def rejudge(folder: Path, overrides: Sequence[str], output: Path) -> RunResult:
    """Apply stricter filters to the run in `folder`: a run in `output` that holds what still passes.

    Raises:
        SpecError: an override is wrong.
        UsageError: the overrides change more than thresholds, or a filter would let pass what had been rejected,
            whose pixels are gone.
        StorageError: no run lies there, or one of the folders cannot be read or written.
    """
    from synthgen.judge.rules import first_rejection, rules_of

    store, into = FolderStore(folder), FolderStore(output)
    planned = runs.open_run(store)
    text = "".join(f"# rejudged with --set {override}\n" for override in overrides) + _as_yaml(planned.spec)
    spec = parse_spec(text, file=f"{folder}/plan.json", overrides=overrides)
    stricter = with_thresholds(replace(planned, spec=spec))
    if _without_thresholds(planned.spec) != _without_thresholds(spec):
        changed = planned.differences(stricter)[0]
        hint = "It can set the numbers of filters.label, filters.clip, filters.quality and safety.above."
        raise UsageError(f"rejudge changes thresholds and nothing else, found {changed}", hint=hint)
    rules = {name: rules_of(stricter.spec, name) for name in spec.classes}
    for name in spec.classes:
        by_score = {rule.score: rule for rule in rules[name]}
        for rule in rules_of(planned.spec, name):
            if not (rule.score in by_score and by_score[rule.score].implies(rule)):
                raise UsageError(
                    f"{rule.score} of {name}: the new threshold is looser than the run's",
                    hint="What was rejected has no pixels any more; make a new run for that.",
                )
    runs.create_run(into, stricter, text)
    runs.rejudge(planned, store, stricter, into, lambda name, scores: first_rejection(scores, rules[name]))
    return _finalized(stricter, into, output, fresh=stricter.shard_count)


def _without_thresholds(spec: Spec) -> Spec:
    """All that the scores depend on, and what a run cannot do afterwards."""
    none_of_these = spec.filters.label.none_of_these if spec.filters.label else ()
    kept = Filters(label=LabelFilter(none_of_these=none_of_these), duplicates=spec.filters.duplicates)
    return spec.model_copy(update={"filters": kept, "safety": spec.safety.model_copy(update={"above": 0.5})})


def replay(folder: Path, image_id: str, device: str = "auto") -> Replay:
    """Render and judge a recorded attempt again.

    Raises:
        UsageError: the run has no such attempt.
        ModelError, DeviceError, StorageError: as `run`.
    """
    from synthgen.run.replay import replay as again

    store = FolderStore(folder)
    planned = runs.open_run(store)
    return again(planned, store, parts.generator(planned, device), parts.judge(planned, device), image_id)


def status(folder: Path) -> tuple[Plan, RunState]:
    """How far a run is, from its files alone.

    Raises:
        StorageError: no run lies there.
    """
    store = FolderStore(folder)
    planned = runs.open_run(store)
    return planned, runs.read_state(planned, store)


def verify(folder: Path, on_shard: Callable[[int], None] = lambda shard: None) -> list[Finding]:
    """Read everything that was committed again; what is wrong, or [].

    Raises:
        StorageError: no run lies there.
    """
    store = FolderStore(folder)
    return runs.verify(runs.open_run(store), store, on_shard)


def repair(folder: Path, on_shard: Callable[[int], None] = lambda shard: None) -> Repaired:
    """Re-open the damaged shards of a run and remove what no shard names. Not while workers are at it.

    Raises:
        StorageError: no run lies there, or it cannot be written.
    """
    store = FolderStore(folder)
    return runs.repair(runs.open_run(store), store, on_shard)


def begin(spec: Spec, folder: Path, text: str | None = None, *, extend: bool = False, top_up: bool = False) -> Plan:
    """Plan a run and write its plan, for workers to come; begun before, it stays as it is, or grows: see `run`.

    Raises:
        UsageError: `top_up` of a run with shards that are not committed yet.
        PlanChanged: the folder holds a run of another plan.
        ModelError, StorageError: as `run`.
    """
    store = FolderStore(folder)
    planned = runs.create_run(store, plan(spec), text if text is not None else _as_yaml(spec), extend=extend)
    return _topped_up(planned, store, _finalized(planned, store, folder, fresh=0)) if top_up else planned


def _refuse_failed(outcome: Outcome, store: FolderStore) -> None:
    if outcome.failed:
        names = ", ".join(map(str, outcome.failed))
        raise ModelError(
            f"shards that failed: {names}",
            hint=f"{store.location}/failed says why; run again to try them again.",
        )


def _finalized(planned: Plan, store: FolderStore, folder: Path, *, fresh: int) -> RunResult:
    from synthgen.dataset.finalize import finalize as build
    from synthgen.dataset.provenance import Provenance
    from synthgen.dataset.sheet import ledger_rows, write_sheet
    from synthgen.dataset.summary import read_summary
    from synthgen.dataset.tally import read_tally

    spec, state = planned.spec, runs.read_state(planned, store)
    if state.damaged:
        shard, why = next(iter(state.damaged.items()))
        raise StorageError(
            f"{store.location}: shard {shard} is damaged: {why}",
            hint="Run `synthgen repair`, and then run again.",
        )
    if not state.complete:
        raise UsageError(
            f"{store.location}: {len(state.pending)} of {state.shard_count} shards are not committed yet",
            hint="Run `synthgen run` again with the same spec to make them.",
        )
    for name in state.orphans:
        store.delete(name)  # left by a kill; whoever reads all files of a folder would count its rows twice
    quotas: dict[str, int | None] = {name: kind.count for name, kind in spec.classes.items()}
    records = list(state.done.values())
    images = [folder / record.images.name for record in records]
    ledgers = [folder / record.ledger.name for record in records]
    tally = read_tally(ledgers, quotas)
    before = read_summary(folder / DATASET)
    summary = build(
        images,
        folder / DATASET,
        name=spec.name,
        classes=list(spec.classes),
        splits=spec.output.splits,
        drop=spec.filters.duplicates,
        provenance=Provenance(
            model=spec.model.id,
            judge=spec.judge.id,
            spec=_spec_text(planned, store),
            fingerprint=planned.fingerprint,
            tally=tally,
            model_revision=planned.revisions.generator,
            settings=_facts(planned),
            versions=records[0].provenance if records else {},
        ),
    )
    sheet = folder / SHEET
    if fresh or not sheet.exists():
        write_sheet(
            ledger_rows(ledgers),
            sheet,
            title=spec.name,
            quotas=quotas,
            floors=_floors(spec),
            facts=_facts(planned),
        )
    rebuilt = before != summary
    return RunResult(folder, folder / DATASET, sheet, fresh, rebuilt, tally, summary, state.shortfalls, state.seconds)


def _spec_text(planned: Plan, store: FolderStore) -> str:
    """The spec as its author wrote it, and above it the counts that the run has grown to since."""
    text = store.read("spec.yaml").decode()
    if not any(addition.extends for addition in planned.additions):
        return text
    counts = ", ".join(f"{name} {kind.count}" for name, kind in planned.spec.classes.items())
    return f"# --extend: {counts}\n{text}"


def _floors(spec: Spec) -> dict[str, dict[str, float]]:
    """By class, what the filters ask of the scores that a reader cares for."""
    from synthgen.judge.rules import rules_of

    shown = (Reason.LABEL, Reason.CLIP)
    return {
        name: {rule.score: rule.floor for rule in rules_of(spec, name) if rule.reason in shown} for name in spec.classes
    }


def _facts(planned: Plan) -> dict[str, str]:
    model = planned.spec.model
    facts = {"model": model.id, "steps": str(model.steps), "guidance": f"{model.guidance:g}"}
    floors: dict[str, set[float]] = {}
    for of_class in _floors(planned.spec).values():
        for name, floor in of_class.items():
            floors.setdefault(name, set()).add(floor)
    for name, several in floors.items():
        least = f"at least {min(several):g}" + (f" to {max(several):g}, by class" if len(several) > 1 else "")
        facts[name.replace("_", " ")] = least
    return facts | {"judge": planned.spec.judge.id, "seed": str(planned.spec.seed)}


def _as_yaml(spec: Spec) -> str:
    import yaml

    return yaml.safe_dump(spec.canonical(), sort_keys=False, allow_unicode=True)
