"""What a run reports before its first batch: the whole plan, and what its committed shards already hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress

from synthgen.api.publishing import committed
from synthgen.errors import StorageError
from synthgen.events import ClassProgress, RunStarted
from synthgen.planning import Plan
from synthgen.records import Cell, ShardRecord
from synthgen.running import RunState
from synthgen.store import RunStore


def started(planned: Plan, store: RunStore, state: RunState) -> RunStarted:
    """Describe a run, or one task's part of it, before its first batch."""
    held, attempts, left = Counter[str](), Counter[str](), Counter[str]()
    for shard, record in state.done.items():
        missing = {short.cell: short.missing for short in record.shortfalls}
        held.update(_by_class(planned.shard(shard).cells, missing))
        attempts.update(_attempts(store, record))
    for shard in (*state.pending, *state.damaged):
        if shard < planned.shard_count:
            left.update(_by_class(planned.shard(shard).cells))

    wanted = _by_class(planned.cells) if state.shard_count == planned.shard_count else Counter[str]()
    # Shards that replace images which the dataset dropped come on top of the plan's own quotas.
    classes = {
        name: ClassProgress(held[name], max(wanted[name], held[name] + left[name]), attempts[name])
        for name in planned.spec.classes
    }
    return RunStarted(store.location, state.shard_count, len(state.done), classes)


def _by_class(cells: Iterable[Cell], missing: Mapping[str, int] | None = None) -> Counter[str]:
    images = Counter[str]()
    for cell in cells:
        images[cell.class_name] += cell.quota - (missing or {}).get(cell.name, 0)
    return images


def _attempts(store: RunStore, record: ShardRecord) -> Mapping[str, int]:
    """Count a shard's attempts by class: from its marker, or from its ledger if an earlier version wrote it."""
    if record.by_class:
        return {name: sum(counts.values()) for name, counts in record.by_class.items()}
    from synthgen.ledger.tally import read_tally

    with suppress(StorageError):  # a damaged ledger is no reason to stop here; `finalize` and `verify` report it
        tally = read_tally([committed(store, record.ledger.name)], {})
        return {kind.name: kind.attempted for kind in tally.classes}
    return {}
