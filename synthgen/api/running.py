"""Runs: make and resume them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

from synthgen import running as runs
from synthgen.api import wiring
from synthgen.api.arguments import (
    choice_of,
    device_of,
    devices_of,
    flag_of,
    number_of,
    one_spelling,
    text_of,
    text_of_path,
)
from synthgen.api.deadline import Deadline
from synthgen.api.finishing import RunResult, check_format, finalized
from synthgen.api.growing import check_growth
from synthgen.api.licensing import check_licences, warn_of_changed
from synthgen.api.making import make_pending, make_shards, refuse_failed
from synthgen.api.marking import check_signature
from synthgen.api.own_spec import plan_of_own_spec
from synthgen.api.preconditions import check_workers
from synthgen.api.progress import started
from synthgen.api.publishing import check_new
from synthgen.api.recording import Committed, note_shards
from synthgen.api.repeating import RunRecord, recorded
from synthgen.api.review_notes import carry_review
from synthgen.api.shard_size import as_in_run
from synthgen.api.sources import check_apart
from synthgen.api.specs import SpecInput, spec_and_text
from synthgen.api.trust import pinned_models, require_trust
from synthgen.errors import UsageError
from synthgen.events import OnProgress, ignore
from synthgen.planning import Plan
from synthgen.running import Outcome
from synthgen.spec import Spec
from synthgen.spec.format_notes import format_notes_of
from synthgen.store import Location, RunStore, open_store

_LOG = logging.getLogger(__name__)


@one_spelling
def run(
    spec: SpecInput,
    location: Location | None = None,
    *,
    text: str | None = None,
    devices: str = "auto",
    extend: bool = False,
    top_up: bool = False,
    executor: Literal["local", "ray"] = "local",
    address: str | None = None,
    trust: bool = False,
    max_time: float | None = None,
    on_progress: OnProgress = ignore,
    stop: Callable[[], bool] = lambda: False,
) -> RunResult:
    """Make the dataset. Called again, resume where it stopped.

    Args:
        spec: whatever `load_spec` reads, or a run: it is resumed, or repeated from its own record at `location`.
        location: a folder, `outputs/NAME` by default, or an address such as s3://bucket/prefix.
        devices: see `synthgen.running.slots`. With one, this process does the work; with several, one process for each.
            Those processes import the program's main module: a script must call this under
            `if __name__ == "__main__"`.
        extend: let the run at `location` grow by what leaves its images valid, such as images, classes and prompts.
        top_up: when all shards are done, make the images that are missing or were duplicates, in new shards.
        executor: `ray` works on a Ray cluster, whose nodes must all see `location`; see `synthgen.running.run_ray`.
        address: of the cluster; by default a running one, or a new one on this machine.
        max_time: seconds after which the run stops by itself, as `stop` would make it, and before a batch that could
            take longer. When all shards are done, the dataset is built in any case.
        trust: open models that a run, given as `spec`, names and this machine does not know.
        text: the spec as its author wrote it, kept beside the plan; by default the text of `spec`.
        on_progress: called with one `RunStarted` before the first batch (and another one if a top-up appends shards),
            and then with a `Progress` before each batch and after each commit.
        stop: called between batches; true stops the run.

    Raises:
        UsageError: `devices` or `address` is not valid, or the model does not support what the spec asks for.
        PlanChanged: `location` has a run of another plan.
        Interrupted: `stop()` was true, or `max_time` is over.
        ModelError, DeviceError, StorageError: a model, a device or a disk fails. Committed shards stay.

    Example:
        >>> result = synthgen.run("specs/quickstart.yaml", "outputs/quickstart")
        >>> result.summary.rows, result.missing
        (8, 0)
        >>> images = datasets.load_dataset(result.dataset, split="train")
        >>> images.features["label"].names
        ['doctor', 'chef']
    """
    runs.check_limits()
    deadline = Deadline(max_time, stop, on_progress)
    devices_of(devices)
    choice_of(executor, "executor", ("local", "ray"))
    extend, top_up = flag_of(extend, "extend"), flag_of(top_up, "top_up")
    address = None if address is None else text_of(address, "address", "the address of a cluster")
    text = None if text is None else text_of(text, "text", "the text of a spec")
    record = recorded(spec, trust=flag_of(trust, "trust"))
    if record and extend:
        hint = "Give a spec that asks for more images, and the run as `location`."
        raise UsageError("a run cannot be extended by its own record", argument="extend", hint=hint)
    spec, written = (record.plan.spec, record.text) if record else spec_and_text(spec)
    check_workers(executor, devices, address)
    check_signature(spec)

    store = _place_of(spec, location, record)
    check_new(store)
    check_format(spec)
    for note in format_notes_of(spec):
        _LOG.warning("%s", note)
    check_apart(spec, store)
    if record:
        check_licences(spec)
    planned = record.plan if record else plan_of_own_spec(as_in_run(spec, store), on_progress)
    warn_of_changed(store, planned, extend=extend)
    if runs.is_unused(store):
        wiring.check_keys(planned)  # before the plan is written: a corrected spec would no longer fit it
    if extend:
        check_growth(planned, store, "cpu" if devices.startswith("cpu") else "auto", on_progress)
    planned = runs.create_run(store, planned, written if text is None else text, extend=extend, adopt=True)
    with runs.at_work(store):
        if record and record.store.location != store.location:
            carry_review(record.store, store)
        make = _made_by(store, devices, executor, address, deadline)
        return _made(planned, store, make, deadline, top_up=top_up)


def _made_by(
    store: RunStore, devices: str, executor: Literal["local", "ray"], address: str | None, deadline: Deadline
) -> Callable[[Plan], int]:
    return partial(
        make_pending,
        store=store,
        devices=devices,
        executor=executor,
        address=address,
        on_progress=deadline.hear,
        stop=deadline.stop,
    )


def _made(
    planned: Plan, store: RunStore, make: Callable[[Plan], int], deadline: Deadline, *, top_up: bool
) -> RunResult:
    with deadline.kept():
        fresh = make(planned)
    result = finalized(planned, store, fresh=fresh, on_progress=deadline.hear)
    if top_up:
        more = _topped_up(planned, store, result)
        if more is not planned:
            with deadline.kept():
                fresh += make(more)
        if more is not planned or runs.read_state(more, store).review != result.review:
            result = finalized(more, store, fresh=fresh, on_progress=deadline.hear)
    return result


def _place_of(spec: Spec, location: Location | None, record: RunRecord | None) -> RunStore:
    if location is not None:
        return open_store(text_of_path(location, "location"))
    return record.store if record else open_store(Path("outputs") / spec.name)


def _topped_up(planned: Plan, store: RunStore, result: RunResult) -> Plan:
    dropped = result.summary.left_out
    with runs.changing(store):
        return runs.top_up(store, planned, runs.read_intact(planned, store), dropped, wiring.check_as_planned)


@one_spelling
def work(
    location: Location,
    index: int = 0,
    of: int = 1,
    *,
    device: str = "auto",
    trust: bool = False,
    max_time: float | None = None,
    on_progress: OnProgress = ignore,
    stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Make every `of`th shard of a planned run, starting at shard `index`: the work of one task of an array job.

    Args:
        max_time: as for `run`.
        trust: open models that the run names and this machine does not know.

    Raises:
        UsageError: `index` is not in 0..`of` - 1, `device` is not a device name, the model does not support what the
            spec asks for, or the run names an unknown model and `trust` is false.
        ModelError: a shard failed three times alike, whichever task tried it. The others are made first.
        Interrupted, ModelError, DeviceError, StorageError: as `run`.

    Example:
        >>> planned = synthgen.begin("specs/quickstart.yaml", "outputs/array")
        >>> synthgen.work("outputs/array", index=0, of=1).committed
        (0,)
    """
    runs.check_limits()
    deadline = Deadline(max_time, stop, on_progress)
    device, trust = device_of(device), flag_of(trust, "trust")
    of, index = number_of(of, "of"), number_of(index, "index", least=0)
    if index >= of:
        raise UsageError(f"{index} is out of range: with `of={of}` it is 0 to {of - 1}", argument="index")
    store = open_store(text_of_path(location, "location"))
    planned = runs.open_run(store)
    require_trust(pinned_models(planned), store.location, trust=trust)

    shards = range(index, planned.shard_count, of)
    state = runs.read_part(planned, store, shards)
    given_up = runs.read_given_up(store, state.pending)
    if state.pending:
        on_progress(started(planned, store, state))

    committed = Committed(deadline.hear)
    try:
        with deadline.kept():
            mine = [shard for shard in shards if shard not in given_up]
            outcome = make_shards(store.location, mine, device, committed, deadline.stop)
    finally:
        note_shards(planned, store, committed.shards, here=True)
    refuse_failed(outcome, store, given_up)
    return outcome


def begin(
    spec: SpecInput,
    location: Location,
    text: str | None = None,
    *,
    extend: bool = False,
    top_up: bool = False,
    on_progress: OnProgress = ignore,
) -> Plan:
    """Plan a run and write its plan for later workers. An existing run stays as it is, or grows: see `run`.

    Args:
        on_progress: called with a `StepProgress` while the pictures of a large `source` are read.

    Raises:
        UsageError: `top_up` of a run with shards that are not committed yet.
        PlanChanged: `location` has a run of another plan.
        ModelError, StorageError: as `run`.

    Example:
        >>> planned = synthgen.begin("specs/quickstart.yaml", "outputs/tasks")
        >>> planned.shard_count
        1
    """
    extend, top_up = flag_of(extend, "extend"), flag_of(top_up, "top_up")
    text = None if text is None else text_of(text, "text", "the text of a spec")
    store = open_store(text_of_path(location, "location"))
    spec, written = spec_and_text(spec)
    check_new(store)
    check_format(spec)
    check_apart(spec, store)
    planned = plan_of_own_spec(as_in_run(spec, store), on_progress)
    warn_of_changed(store, planned, extend=extend)
    if not runs.is_begun(store):
        wiring.check_keys(planned)
    if extend:
        check_growth(planned, store, "auto", ignore)
    planned = runs.create_run(store, planned, written if text is None else text, extend=extend, adopt=True)
    return _topped_up(planned, store, finalized(planned, store, fresh=0)) if top_up else planned
