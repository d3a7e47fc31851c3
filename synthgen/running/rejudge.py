"""Stricter thresholds for an existing run: no image is made again."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from math import nan
from typing import TYPE_CHECKING

from synthgen.files import as_damage
from synthgen.ledger.columns import CELL_AIMED, CELL_FILLED, LedgerRow, answers_of, scores_of
from synthgen.ledger.table import TableFile, read_images, read_ledger, read_schema
from synthgen.planning import Plan
from synthgen.planning.rules import first_broken, rules_of
from synthgen.records import Cell, Reason, Rule, ShardRecord, Shortfall, Verdict
from synthgen.running.shard.marker import create_marker, read_marker
from synthgen.running.state import read_intact
from synthgen.store import layout
from synthgen.store.store import RunStore

if TYPE_CHECKING:
    import pyarrow as pa

FirstBroken = Callable[[str, Mapping[str, float]], Rule | None]
"""From an image's class and scores, the first rule that rejects it."""


def rejudge(plan: Plan, store: RunStore, stricter: Plan, into: RunStore, rejects: FirstBroken | None = None) -> None:
    """Commit what still passes of each committed shard to `into`, a run of the plan `stricter`.

    What rejects are the limits of `stricter`, as of when each shard was added, unless `rejects` is given.

    Attempts keep their ids, scores and places; one that fails now is rejected, and its cell falls short.
    Idempotent: shards that `into` already has are left as they are.

    Raises:
        StorageError: one of the runs cannot be read or written, or a marker is damaged.
    """
    for shard, record in read_intact(plan, store).done.items():
        if read_marker(into, shard, stricter.fingerprint) is None:
            _rejudge_shard(store, record, stricter, into, rejects or _limits_of(stricter.part_of(shard)))


def _limits_of(plan: Plan) -> FirstBroken:
    rules = {name: rules_of(plan.spec, name) for name in plan.spec.classes}
    return lambda name, scores: first_broken(scores, rules[name])


def _rejudge_shard(store: RunStore, record: ShardRecord, stricter: Plan, into: RunStore, rejects: FirstBroken) -> None:
    images_name = layout.new_name(layout.IMAGES, record.shard, "parquet")
    ledger_name = layout.new_name(layout.LEDGER, record.shard, "parquet")

    with as_damage(f"{store.location}/{record.ledger.name}"):
        ledger = [_judged(row, rejects) for row in read_ledger(store, record.ledger.name)]
        kept = {row["id"] for row in ledger if row["verdict"] == Verdict.ACCEPTED}
        shortfalls = tuple(_shortfalls(stricter, record.shard, ledger))
        reasons = dict(sorted(Counter(row["reason"] for row in ledger if row["reason"]).items()))
        _write(into, ledger_name, read_schema(store, record.ledger.name), ledger)
    with as_damage(f"{store.location}/{record.images.name}"):
        images = (row for row in read_images(store, record.images.name) if row["id"] in kept)
        _write(into, images_name, read_schema(store, record.images.name), images)

    made = ShardRecord(
        shard=record.shard,
        fingerprint=stricter.fingerprint,
        images=into.describe(images_name),
        ledger=into.describe(ledger_name),
        counts=_counts(row["verdict"] for row in ledger),
        reasons=reasons,
        shortfalls=shortfalls,
        seconds=record.seconds,
        provenance={**record.provenance, "rejudged.from": record.fingerprint},
        by_class={
            str(name): _counts(row["verdict"] for row in ledger if row["class"] == name)
            for name in dict.fromkeys(row["class"] for row in ledger)
        },
    )
    if not create_marker(into, made):
        into.delete(images_name)
        into.delete(ledger_name)


def _judged(row: LedgerRow, rejects: FirstBroken) -> LedgerRow:
    if row["verdict"] == Verdict.FAILED or row["reason"] == Reason.EARLY:
        return row
    scores = {name: nan if value is None else value for name, value in scores_of(row).items()}
    broken = rejects(row["class"], scores)
    if broken is None:
        return row
    now: LedgerRow = {
        "verdict": Verdict.REJECTED.value,
        "reason": broken.reason.value,
        "message": broken.explain(scores),
        CELL_FILLED: None,
    }
    return row | now


def _shortfalls(plan: Plan, shard: int, ledger: list[LedgerRow]) -> Iterator[Shortfall]:
    budget = plan.part_of(shard).spec.budget
    for cell in plan.shard(shard).cells:
        filled = sum(row[CELL_FILLED] == cell.name for row in ledger)
        if filled < cell.quota:
            aimed = [row for row in ledger if row[CELL_AIMED] == cell.name]
            whys = [_why(row, cell) for row in aimed]
            yield Shortfall(
                cell.name,
                missing=cell.quota - filled,
                attempts=len(aimed),
                hits=sum(not why for why in whys),
                accepted=filled,
                spare=max(0, len(aimed) - cell.quota * budget.attempts_per_image),
                misses=dict(Counter(each for why in whys for each in why).most_common()),
            )


def _why(row: LedgerRow, cell: Cell) -> tuple[str, ...]:
    """Why an attempt missed the cell that it was aimed at; empty if it did not."""
    reason = row["reason"]
    if reason is not None and reason != Reason.ATTRIBUTE:
        return (reason,)
    return cell.strays(answers_of(row))


def _counts(verdicts: Iterator[str]) -> dict[str, int]:
    found = Counter(verdicts)
    return {verdict.value: found[verdict.value] for verdict in Verdict}


def _write(store: RunStore, name: str, schema: "pa.Schema", rows: Iterable[Mapping[str, object]]) -> None:
    with store.write(name) as file, ExitStack() as undo:
        table = TableFile(file, schema)
        undo.callback(table.abandon)
        for row in rows:
            table.add(row)
        table.finish()
        undo.pop_all()
