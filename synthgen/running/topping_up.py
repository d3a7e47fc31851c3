"""Top-ups: second tries at what a finished run lacks."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator

from synthgen.errors import StorageError, UsageError
from synthgen.ledger.columns import CELL_FILLED
from synthgen.ledger.table import read_ledger
from synthgen.planning import Addition, Plan, lacking_sources
from synthgen.running.additions import add
from synthgen.running.state import RunState
from synthgen.running.surplus import fill_from_surplus
from synthgen.store import layout
from synthgen.store.store import RunStore


def top_up(
    store: RunStore,
    plan: Plan,
    state: RunState,
    dropped: Iterable[str] = (),
    check: Callable[[Plan], None] = lambda plan: None,
) -> Plan:
    """Take surplus images for what a finished run lacks, and append shards for the rest, if there is one.

    Args:
        dropped: ids of accepted images that the dataset left out.
        check: refuses, before shards are appended, a plan whose images cannot be made any more.

    Raises:
        UsageError: `source.per_source` allows no more images of the pictures.
    """
    lacking = Counter(_cells_of(store, state, dropped))
    for record in state.done.values():
        lacking.update({short.cell: short.missing for short in record.shortfalls})
    lacking.subtract(state.topped_up)
    wanted = {cell: images for cell, images in lacking.items() if images > 0}
    quotas = fill_from_surplus(plan, store, state, wanted)
    if not quotas:
        return plan
    check(plan)
    addition = Addition(quotas, extends=False)
    if used_up := lacking_sources(plan.extended(addition)):
        hint = "Start a new run in another `location`, with more pictures or a larger source.per_source."
        raise UsageError(f"{store.location} cannot be topped up: {used_up[0]}", hint=hint)
    return add(store, plan, addition)


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
