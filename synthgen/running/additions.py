"""Additions on disk: `additions/00001.json` and so on, each created exclusively and never changed."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from pydantic import TypeAdapter, ValidationError

from synthgen.errors import StorageError
from synthgen.ledger.columns import CELL_FILLED
from synthgen.ledger.table import read_ledger
from synthgen.planning import Addition, Plan
from synthgen.running.state import RunState
from synthgen.seal import seal, unseal
from synthgen.store import layout
from synthgen.store.store import RunStore

_ADDITION = TypeAdapter(Addition)


def with_additions(plan: Plan, store: RunStore) -> Plan:
    """Return the plan with what was added to it since.

    Raises:
        StorageError: an addition is damaged, or of another plan.
    """
    names = [name for name in store.names(layout.ADDITIONS) if not layout.is_temporary(name)]
    for number, name in enumerate(names, start=1):
        try:
            if name != layout.addition(number):
                raise ValueError(f"expected {layout.addition(number)}")
            data = store.read(name)
            unseal(data.decode())
            plan = plan.extended(_ADDITION.validate_json(data))
        except (ValueError, ValidationError, KeyError) as error:
            hint = "Restore it from a backup, or make the dataset in a new folder."
            raise StorageError(f"{store.location}/{name} is damaged, or of another plan: {error}", hint=hint) from error
    return plan


def top_up(store: RunStore, plan: Plan, state: RunState, dropped: Iterable[str] = ()) -> Plan:
    """Append shards for what a finished run lacks; return the plan as it is if it lacks nothing.

    Args:
        dropped: ids of accepted images that the dataset left out.
    """
    lacking = Counter(_cells_of(store, state, dropped))
    for record in state.done.values():
        lacking.update({short.cell: short.missing for short in record.shortfalls})
    lacking.subtract(state.topped_up)
    quotas = {cell: images for cell, images in lacking.items() if images > 0}
    return add(store, plan, Addition(quotas, extends=False)) if quotas else plan


def _cells_of(store: RunStore, state: RunState, ids: Iterable[str]) -> Iterator[str]:
    """The cells that these images fill."""
    by_shard: dict[int, set[str]] = defaultdict(set)
    for image_id in ids:
        by_shard[int(image_id.partition("-")[0])].add(image_id)
    for shard, wanted in by_shard.items():
        if shard not in state.done:
            summary = f"{store.location}/{layout.in_dataset(layout.SUMMARY)}"
            what = f"{summary} names an image of shard {shard}, which is not done"
            raise StorageError(what, hint="Run `synthgen repair` on the run folder, and run again.")
        for row in read_ledger(store, state.done[shard].ledger.name, ["id", CELL_FILLED]):
            if row["id"] in wanted and (cell := row[CELL_FILLED] or state.review.cells.get(row["id"])) is not None:
                yield cell


def add(store: RunStore, plan: Plan, addition: Addition) -> Plan:
    """Append shards to a run whose plan is now `plan`. If another process was first, its addition is used instead."""
    name = layout.addition(len(plan.additions) + 1)
    if store.create(name, seal(_ADDITION.dump_json(addition, indent=2).decode()).encode()):
        return plan.extended(addition)
    return with_additions(plan.first, store)
