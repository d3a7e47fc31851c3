"""Runs: make, resume, inspect and repair them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from synthgen import running as runs
from synthgen.api import wiring
from synthgen.api.finishing import RunResult, asked, check_format, facts, finalized, limits
from synthgen.api.planning import forecast, plan
from synthgen.api.publishing import (
    check_new,
    check_place,
)
from synthgen.api.specs import as_yaml
from synthgen.api.trust import pinned_models, require_trust
from synthgen.errors import ModelError, UsageError
from synthgen.events import Progress
from synthgen.files import check_file
from synthgen.planning import Plan
from synthgen.running import Assignment, Outcome
from synthgen.spec import Spec
from synthgen.store import Location, RunStore, open_store

if TYPE_CHECKING:
    from synthgen.ledger.tally import Tally

_LOG = logging.getLogger(__name__)


def preview(spec: Spec, count: int, path: Path, device: str = "auto") -> Tally:
    """Render and judge `count` images and write a contact sheet to `path`; nothing else is kept.

    Raises:
        UsageError: the model does not support what the spec asks for.
        ModelError, DeviceError, StorageError: as `run`.
    """
    from synthgen.pages.sheet import write_sheet
    from synthgen.running.shard.preview import preview as attempts

    check_file(path)
    planned = _plan_of_users_own(spec)
    wiring.check_keys(planned)
    generator, judge = wiring.generator(planned, device), wiring.judge(planned, device)
    return write_sheet(
        attempts(planned, generator, judge, count),
        path,
        title=f"{spec.name}: a preview",
        quotas=dict.fromkeys(spec.classes),
        limits=limits(spec),
        facts=facts(planned),
        asked=replace(asked(planned), cells=()),
    )


def run(
    spec: Spec,
    location: Location | None = None,
    *,
    text: str | None = None,
    devices: str = "auto",
    extend: bool = False,
    top_up: bool = False,
    executor: Literal["local", "ray"] = "local",
    address: str | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> RunResult:
    """Make the dataset. Called again, resume where it stopped.

    Args:
        location: a folder, `outputs/NAME` by default, or an address such as s3://bucket/prefix.
        devices: see `synthgen.running.slots`. With one, this process does the work; with several, one process for each.
            Those processes import the program's main module: a script must call this under
            `if __name__ == "__main__"`.
        extend: if `location` has a run of this spec with fewer images, make the additional ones.
        top_up: when all shards are done, try once more to make images that a quota lacks or that were duplicates.
        executor: `ray` works on a Ray cluster, whose nodes must all see `location`; see `synthgen.running.run_ray`.
        address: of the cluster; by default a running one, or a new one on this machine.
        text: the spec as its author wrote it, kept beside the plan; by default the spec as YAML.
        stop: called between batches; true stops the run.

    Raises:
        UsageError: `devices` or `address` is not valid, or the model does not support what the spec asks for.
        PlanChanged: `location` has a run of another plan.
        Interrupted: `stop()` was true.
        ModelError, DeviceError, StorageError: a model, a device or a disk fails. Committed shards stay.

    Example:
        >>> result = synthgen.run(synthgen.load_spec("specs/quickstart.yaml"))
        >>> dataset = datasets.load_dataset(result.dataset)
    """
    runs.check_devices(devices)
    if executor == "local" and devices not in ("auto", "cpu"):
        runs.slots(devices, wiring.count_gpus)  # a missing GPU must not begin a run

    store = open_store(location or Path("outputs") / spec.name)
    check_new(store)
    check_format(spec)
    planned = _plan_of_users_own(spec)
    if not runs.is_begun(store):
        wiring.check_keys(planned)  # before the plan is written: a corrected spec would no longer fit it
    planned = runs.create_run(store, planned, text if text is not None else as_yaml(spec.canonical()), extend=extend)

    make = partial(
        _make_pending,
        store=store,
        devices=devices,
        executor=executor,
        address=address,
        on_progress=on_progress,
        stop=stop,
    )
    fresh = make(planned)
    result = finalized(planned, store, fresh=fresh)
    if top_up and (more := _topped_up(planned, store, result)) is not planned:
        fresh += make(more)
        result = finalized(more, store, fresh=fresh)
    return result


def _make_pending(
    planned: Plan,
    store: RunStore,
    devices: str,
    executor: Literal["local", "ray"],
    address: str | None,
    on_progress: Callable[[Progress], None],
    stop: Callable[[], bool],
) -> int:
    """Make the shards that are not committed yet, and return their number."""
    state = runs.read_state(planned, store)
    if state.pending and not state.damaged:
        check_place(store)
        _warn_of_little_room(planned, store, len(state.pending))
        if executor == "ray":
            outcome = runs.run_ray(
                make_shards, store, state.pending, devices=devices, address=address, on_progress=on_progress, stop=stop
            )
        elif len(slots := runs.slots(devices, wiring.count_gpus)) > 1:
            wiring.download(planned)
            slots = tuple(replace(slot, environment={**slot.environment, **wiring.OFFLINE}) for slot in slots)
            outcome = runs.run_local(make_shards, store, state.pending, slots, on_progress=on_progress, stop=stop)
        else:
            device = devices.partition(":")[0] if devices.startswith("cpu") else devices
            outcome = make_shards(store.location, state.pending, device, on_progress, stop)
        _refuse_failed(outcome, store)
    return len(state.pending)


def _warn_of_little_room(planned: Plan, store: RunStore, pending: int) -> None:
    needed, free = forecast(planned).bytes * pending / planned.shard_count, store.free_bytes()
    if free is not None and free < needed:
        _LOG.warning(
            "%s: about %.3g MB are needed and %.3g MB are free. If they run out, the run stops with exit code 5; "
            "what was committed stays, and running again goes on from it.",
            store.location,
            needed / 1e6,
            free / 1e6,
        )


def _topped_up(planned: Plan, store: RunStore, result: RunResult) -> Plan:
    dropped = [duplicate.id for duplicate in result.summary.duplicates] if result.summary.dropped else []
    return runs.top_up(store, planned, runs.read_state(planned, store), dropped)


def work(
    location: Location,
    index: int = 0,
    of: int = 1,
    *,
    device: str = "auto",
    trust: bool = False,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Make every `of`th shard of a planned run, starting at shard `index`: the work of one task of an array job.

    Args:
        trust: open models that the run names and this machine does not know.

    Raises:
        UsageError: `index` is not in 0..`of` - 1, `device` is not a device name, the model does not support what the
            spec asks for, or the run names an unknown model and `trust` is false.
        Interrupted, ModelError, DeviceError, StorageError: as `run`.
    """
    if not 0 <= index < of:
        raise UsageError(f"index {index} of {of}: expected 0 to {of - 1}")
    wiring.check_device(device)
    store = open_store(location)
    planned = runs.open_run(store)
    require_trust(pinned_models(planned), store.location, trust=trust)
    shards = range(index, planned.shard_count, of)
    outcome = make_shards(store.location, shards, device, on_progress, stop)
    _refuse_failed(outcome, store)
    return outcome


def make_shards(
    location: str,
    shards: Iterable[int | Assignment],
    device: str,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Make shards in this process; every executor starts this. It does not check trust. See `synthgen.running.work`."""
    store = open_store(location)
    planned = runs.open_run(store)
    generator, judge = wiring.generator(planned, device), wiring.judge(planned, device)
    return runs.work(planned, store, generator, judge, shards, on_progress=on_progress, stop=stop)


def begin(
    spec: Spec, location: Location, text: str | None = None, *, extend: bool = False, top_up: bool = False
) -> Plan:
    """Plan a run and write its plan for later workers. An existing run stays as it is, or grows: see `run`.

    Raises:
        UsageError: `top_up` of a run with shards that are not committed yet.
        PlanChanged: `location` has a run of another plan.
        ModelError, StorageError: as `run`.
    """
    store = open_store(location)
    check_new(store)
    text = text if text is not None else as_yaml(spec.canonical())
    planned = runs.create_run(store, _plan_of_users_own(spec), text, extend=extend)
    return _topped_up(planned, store, finalized(planned, store, fresh=0)) if top_up else planned


def _plan_of_users_own(spec: Spec) -> Plan:
    """Plan a spec that the user named. Its models may be opened now, and later by this run's tasks."""
    planned = plan(spec)
    for model in pinned_models(planned):
        model.remember()
    return planned


def _refuse_failed(outcome: Outcome, store: RunStore) -> None:
    if not outcome.failed:
        return
    unknown = f"see {store.location}/failed"
    causes = {**dict.fromkeys(outcome.failed, unknown), **runs.read_causes(store, outcome.failed)}
    lines = "\n".join(f"failed: {line}" for line in runs.grouped(causes))
    raise ModelError(lines, hint=runs.retry_hint(store.location, causes.values()))
