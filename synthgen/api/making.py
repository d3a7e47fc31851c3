"""Making the shards of a run: by this process, by one process per device, or by actors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, groupby
from typing import Literal

from synthgen import running as runs
from synthgen.api import wiring
from synthgen.api.forecasting import forecast
from synthgen.api.progress import started
from synthgen.api.publishing import check_place
from synthgen.api.recording import Committed, note_shards
from synthgen.errors import ModelError
from synthgen.events import OnProgress, Progress, StepProgress, ignore
from synthgen.planning import Plan, free_keys, with_free_keys
from synthgen.running import Assignment, Outcome
from synthgen.store import RunStore, open_store

_LOG = logging.getLogger(__name__)
_FATES = tuple(Outcome.__dataclass_fields__)


def make_pending(
    planned: Plan,
    store: RunStore,
    devices: str,
    executor: Literal["local", "ray"],
    address: str | None,
    on_progress: OnProgress,
    stop: Callable[[], bool],
) -> int:
    """Make the shards that are not committed yet, and return their number."""
    state = runs.read_intact(planned, store)
    if not state.pending:
        return 0
    check_place(store)
    on_progress(started(planned, store, state))
    _warn_of_little_room(planned, store, len(state.pending))

    committed = Committed(on_progress)
    try:
        if executor == "ray":
            outcome = runs.run_ray(
                make_shards, store, state.pending, devices=devices, address=address, on_progress=committed, stop=stop
            )
        else:
            outcome = _make_here(planned, store, state.pending, devices, committed, stop)
    finally:
        note_shards(planned, store, committed.shards, here=executor == "local")
    refuse_failed(outcome, store)
    return len(state.pending)


def _make_here(
    planned: Plan,
    store: RunStore,
    pending: Sequence[int],
    devices: str,
    on_progress: OnProgress,
    stop: Callable[[], bool],
) -> Outcome:
    """Make shards on this machine: in this process, or in one for each device."""
    slots = runs.slots(devices, wiring.count_gpus)
    if len(slots) == 1:
        device = devices.partition(":")[0] if devices.startswith("cpu") else devices
        return make_shards(store.location, pending, device, on_progress, stop)
    on_progress(StepProgress("downloading the models", "models", 0))
    wiring.download(planned)
    slots = tuple(replace(slot, environment={**slot.environment, **wiring.OFFLINE}) for slot in slots)
    with runs.at_work(store):
        return runs.run_local(make_shards, store, pending, slots, on_progress=on_progress, stop=stop)


def _warn_of_little_room(planned: Plan, store: RunStore, pending: int) -> None:
    whole, free = forecast(planned).bytes, store.free_bytes()
    if whole is None or free is None:
        return
    if free < (needed := whole * pending / planned.shard_count):
        _LOG.warning(
            "%s: about %.3g MB are needed and %.3g MB are free. If they run out, the run stops with exit code 5; "
            "what was committed stays, and running again goes on from it.",
            store.location,
            needed / 1e6,
            free / 1e6,
        )


def make_shards(
    location: str,
    shards: Iterable[int | Assignment],
    device: str,
    on_progress: Callable[[Progress], None] = ignore,
    stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Make shards in this process; every executor starts this. It does not check trust. See `synthgen.running.work`."""
    store = open_store(location)
    planned = runs.open_run(store)
    outcomes: list[Outcome] = []
    with runs.at_work(store):
        for part, some in groupby(shards, lambda one: _part_of(planned, one if isinstance(one, int) else one.shard)):
            generator = wiring.generator(part, device, whole=True)
            judge = wiring.judge(part, device, generator)
            outcomes.append(runs.work(part, store, generator, judge, some, on_progress=on_progress, stop=stop))
            del generator, judge  # before others are loaded
    fates = (tuple(chain.from_iterable(getattr(one, fate) for one in outcomes)) for fate in _FATES)
    return Outcome(*fates)


def _part_of(planned: Plan, shard: int) -> Plan:
    """The plan that a shard is made by, with the speed that the run has now."""
    part = planned.part_of(shard)
    return part if part is planned else replace(part, spec=with_free_keys(part.spec, free_keys(planned.spec)))


def refuse_failed(outcome: Outcome, store: RunStore, given_up: Mapping[int, str] | None = None) -> None:
    """Raise an error if shards failed.

    Args:
        given_up: those that were not tried again, with the cause that they failed for each time.
    """
    left = [f"not tried again after {runs.same_failures():g} failures: {line}" for line in runs.grouped(given_up or {})]
    if outcome.failed:
        unknown = f"see {store.location}/failed"
        causes = {**dict.fromkeys(outcome.failed, unknown), **runs.read_causes(store, outcome.failed)}
        lines = [*(f"failed: {line}" for line in runs.grouped(causes)), *left]
        shard, times = max(runs.count_failures(store, outcome.failed).items(), key=lambda one: one[1])
        if times >= runs.most_failures():  # tasks that a scheduler repeats would go on for ever
            hint = f"Look at {store.location}/failed. Mend the cause and run again: each run tries the shard once more."
            text = "\n".join([*lines, f"shard {shard} has failed {times} times, whoever made it"])
            raise ModelError(text, hint=hint)
        raise runs.failed_for("\n".join(lines), store.location, causes.values())
    if left:
        hint = f"Mend the cause, then `synthgen repair {store.location}` lets them be tried again."
        raise ModelError("\n".join(left), hint=f"{hint} Tracebacks: {store.location}/failed")
