"""`verify`: is what was committed still there, whole, and in agreement with itself?"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from synthgen.errors import StorageError
from synthgen.plan import Plan
from synthgen.records import File, ShardRecord, Verdict
from synthgen.run.state import read_state
from synthgen.run.store import RunStore
from synthgen.run.table import read_rows


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `place` is a file of the run."""

    place: str
    message: str


def verify(plan: Plan, store: RunStore, on_shard: Callable[[int], None] = lambda shard: None) -> list[Finding]:
    """Read every committed file again: hashes, rows, ids, each image to its last pixel. [] if all is well."""
    state = read_state(plan, store)
    findings = [Finding(f"done/{shard:05d}.json", message) for shard, message in state.damaged.items()]
    for shard, record in state.done.items():
        findings += _verify_shard(plan, store, record)
        on_shard(shard)
    return findings


def _verify_shard(plan: Plan, store: RunStore, record: ShardRecord) -> list[Finding]:
    damaged = [found for file in (record.images, record.ledger) if (found := _verify_bytes(store, file))]
    # What a damaged file seems to hold would only repeat that it is damaged.
    return damaged or list(_verify_rows(plan, store, record))


def _verify_bytes(store: RunStore, file: File) -> Finding | None:
    try:
        found = store.describe(file.name)
    except StorageError as error:
        return Finding(file.name, error.message)
    if found.size != file.size:
        return Finding(file.name, f"has {found.size} bytes, and was committed with {file.size}")
    if found.sha256 != file.sha256:
        return Finding(file.name, "its sha256 is not the one that it was committed with")
    return None


def _verify_rows(plan: Plan, store: RunStore, record: ShardRecord) -> Iterator[Finding]:
    ledger = list(read_rows(store, record.ledger.name, ["id", "attempt", "verdict", "cell_filled"]))
    images, labels = [], []
    for row in read_rows(store, record.images.name, ["id", "image", "label"]):
        images.append(row["id"])
        labels.append(row["label"])
        if (message := _undecodable(row)) is not None:
            yield Finding(record.images.name, message)
    yield from (Finding(record.ledger.name, message) for message in _ledger_faults(record, ledger))
    yield from (Finding(record.images.name, message) for message in _image_faults(record, ledger, images))
    yield from (Finding(record.ledger.name, message) for message in _quota_faults(plan, record, ledger, labels))


def _ledger_faults(record: ShardRecord, ledger: list[dict[str, Any]]) -> Iterator[str]:
    if [row["attempt"] for row in ledger] != list(range(len(ledger))):
        yield "attempts are not numbered 0, 1, 2, .."
    # With the attempt's number in it, the id of a row cannot occur twice in a shard, nor in a run.
    strange = [row["id"] for row in ledger if row["id"] != f"{record.shard:05d}-{row['attempt']:06d}"]
    if strange:
        yield f"{len(strange)} ids do not match their shard and attempt, {strange[0]} first"
    found = Counter(row["verdict"] for row in ledger)
    if found != Counter(record.counts):
        yield f"verdicts are {dict(found)}, and were committed as {dict(record.counts)}"
    if unknown := found.keys() - set(Verdict):
        yield f"unknown verdicts: {', '.join(sorted(unknown))}"


def _image_faults(record: ShardRecord, ledger: list[dict[str, Any]], ids: list[str]) -> Iterator[str]:
    accepted = [row["id"] for row in ledger if row["verdict"] == Verdict.ACCEPTED]
    if ids != accepted:
        yield f"{len(ids)} images are not the {len(accepted)} that the ledger accepted, in their order"
    if len(ids) != record.counts.get(Verdict.ACCEPTED, 0):
        yield f"{len(ids)} images, and {record.counts.get(Verdict.ACCEPTED, 0)} were committed"


def _quota_faults(plan: Plan, record: ShardRecord, ledger: list[dict[str, Any]], labels: list[int]) -> Iterator[str]:
    cells = plan.shard(record.shard).cells
    filled = Counter(row["cell_filled"] for row in ledger if row["cell_filled"] is not None)
    missing = {short.cell: short.missing for short in record.shortfalls}
    for cell in cells:
        if filled[cell.name] + missing.get(cell.name, 0) != cell.quota:
            short = missing.get(cell.name, 0)
            yield f"cell {cell.name} holds {filled[cell.name]} of {cell.quota}, {short} recorded as missing"
    wanted: Counter[int] = Counter()
    for cell in cells:
        wanted[cell.label] += filled[cell.name]
    if Counter(labels) != +wanted:
        yield f"labels are {dict(Counter(labels))}, and the ledger's cells say {dict(+wanted)}"


def _undecodable(row: dict[str, Any]) -> str | None:
    from synthgen.images import LeftOut, decode

    data = (row["image"] or {}).get("bytes")
    if data is None:
        return f"image {row['id']} is missing"
    found = decode(data, ("PNG",))
    return f"image {row['id']} cannot be decoded: {found.detail}" if isinstance(found, LeftOut) else None
