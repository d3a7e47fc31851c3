"""Markers that were lost, written again from the two tables that they named.

Tables without a marker are garbage as a rule: a killed worker left them. Of a shard that a dataset was made with, they
are what was committed.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace

from synthgen.errors import StorageError
from synthgen.files import as_damage
from synthgen.ledger.columns import LedgerRow
from synthgen.ledger.table import read_ledger
from synthgen.planning import Plan
from synthgen.records import ShardRecord, Verdict
from synthgen.running.shard.marker import create_marker
from synthgen.running.state import read_state
from synthgen.running.verify import verify_shard
from synthgen.store import layout
from synthgen.store.store import RunStore

_READ = ("id", "attempt", "class", "verdict", "reason", "seconds")
_TABLES = (layout.IMAGES, layout.LEDGER)


def restore_markers(plan: Plan, store: RunStore, shards: Collection[int]) -> tuple[int, ...]:
    """Commit again those of `shards` that have no marker, and whose tables are there, whole and full.

    What only a marker says is lost: the versions of the libraries, where no other shard has them.

    Args:
        shards: that were committed once.

    Raises:
        StorageError: the run cannot be read or written.
    """
    state = read_state(plan, store, reviewed=False)
    known: Mapping[str, str] = next((record.provenance for record in state.done.values()), {})
    found = []
    for shard in sorted(set(shards) & set(state.pending)):
        tables = [[name for name in state.orphans if layout.is_table(name, of, shard)] for of in _TABLES]
        if [len(names) for names in tables] != [1, 1]:
            continue  # none, or those of a killed worker, too
        try:
            record = _record_of(plan, store, shard, tables[0][0], tables[1][0])
        except StorageError:
            continue
        if not verify_shard(plan, store, record) and create_marker(store, replace(record, provenance=known)):
            found.append(shard)
    return tuple(found)


def _record_of(plan: Plan, store: RunStore, shard: int, images: str, ledger: str) -> ShardRecord:
    """Say of two tables what a marker says of them, if every cell is full.

    Raises:
        StorageError: the ledger cannot be read.
    """
    rows: list[LedgerRow] = []
    with as_damage(ledger):
        rows.extend(read_ledger(store, ledger, _READ))
        counts = Counter(Verdict(row["verdict"]).value for row in rows)
        reasons = Counter(row["reason"] for row in rows if row["reason"] is not None)
        by_class: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for row in rows:
            by_class[row["class"]][row["verdict"]] += 1
        seconds = round(sum(row["seconds"] for row in rows), 3)
    return ShardRecord(
        shard=shard,
        fingerprint=plan.fingerprint,
        images=store.describe(images),
        ledger=store.describe(ledger),
        counts={verdict.value: counts[verdict.value] for verdict in Verdict},
        reasons=dict(sorted(reasons.items())),
        shortfalls=(),
        seconds=seconds,
        by_class={name: dict(found) for name, found in by_class.items()},
    )
