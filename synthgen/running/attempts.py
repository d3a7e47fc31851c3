"""Attempts by their ids, as the ledger has them: what decisions about images need to know."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from synthgen.ledger.columns import CELL_FILLED, LedgerRow, answers_of, attribute
from synthgen.ledger.table import read_ledger, read_schema
from synthgen.planning import Plan
from synthgen.records import Cell, ShardRecord, Verdict
from synthgen.store.store import RunStore


@dataclass(frozen=True, slots=True)
class CommittedAttempt:
    """An attempt of a committed shard.

    Attributes:
        cell: the cell that it fills or, if it was not accepted, would fill; None if it fits none.
        kept: whether its pixels are kept.
    """

    id: str
    class_name: str
    verdict: Verdict
    reason: str | None
    cell: str | None
    kept: bool

    @property
    def outcome(self) -> str:
        """The verdict, with its reason if there is one."""
        return f"{self.verdict.value} ({self.reason})" if self.reason else self.verdict.value


def shard_of(image_id: str) -> int:
    """Read the shard off an image's id; -1 if it is no id."""
    shard, _, attempt = image_id.partition("-")
    return int(shard) if shard.isascii() and shard.isdecimal() and attempt.isdecimal() and len(shard) < 12 else -1


def find_attempts(
    plan: Plan, store: RunStore, done: Mapping[int, ShardRecord], ids: Collection[str]
) -> dict[str, CommittedAttempt]:
    """Find those of these attempts that are committed, by id. Only the ledgers of their shards are read.

    Raises:
        StorageError: a ledger cannot be read.
    """
    by_shard: defaultdict[int, set[str]] = defaultdict(set)
    for image_id in ids:
        by_shard[shard_of(image_id)].add(image_id)
    cells = plan.cells
    found: dict[str, CommittedAttempt] = {}
    for shard in sorted(by_shard.keys() & done.keys()):
        wanted = by_shard[shard]
        rows = (row for row in _rows(plan, store, done[shard]) if row["id"] in wanted)
        found |= {row["id"]: _attempt(row, cells) for row in rows}
    return found


def surplus_of(plan: Plan, store: RunStore, record: ShardRecord) -> Iterator[CommittedAttempt]:
    """Yield the surplus images of a shard whose pixels are kept, in the order of their attempts.

    Raises:
        StorageError: its ledger cannot be read.
    """
    if not record.counts.get(Verdict.SURPLUS) or "image" not in read_schema(store, record.ledger.name).names:
        return
    cells = plan.cells
    for row in _rows(plan, store, record):
        if row["verdict"] == Verdict.SURPLUS and (attempt := _attempt(row, cells)).kept:
            yield attempt


def _rows(plan: Plan, store: RunStore, record: ShardRecord) -> Iterator[LedgerRow]:
    columns = ["id", "class", "verdict", "reason", CELL_FILLED, *map(attribute, plan.spec.attributes)]
    pixels = ["image.path"] if "image" in read_schema(store, record.ledger.name).names else []
    return read_ledger(store, record.ledger.name, [*columns, *pixels])


def _attempt(row: LedgerRow, cells: Collection[Cell]) -> CommittedAttempt:
    verdict, home = Verdict(row["verdict"]), row[CELL_FILLED]
    if verdict is not Verdict.ACCEPTED:
        answers = answers_of(row)
        home = next((cell.name for cell in cells if cell.fits(row["class"], answers)), None)
    kept = verdict is Verdict.ACCEPTED or row.get("image") is not None
    return CommittedAttempt(row["id"], row["class"], verdict, row["reason"], home, kept)
