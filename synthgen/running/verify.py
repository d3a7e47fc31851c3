"""`verify`: is what was committed still complete, intact and consistent?"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from synthgen.errors import StorageError, UsageError
from synthgen.events import OnProgress, StepProgress, ignore
from synthgen.files import MissingFileError, as_damage
from synthgen.ledger.columns import CELL_FILLED, LedgerRow, StoredImage
from synthgen.ledger.table import read_images, read_ledger
from synthgen.planning import Plan
from synthgen.records import File, ShardRecord, Verdict
from synthgen.running.decisions import damaged_decisions
from synthgen.running.kept_records import record_faults, unsealed_records
from synthgen.running.opening import check_resolved, kept_spec
from synthgen.running.shard.encode import decoded
from synthgen.running.shard.marker import read_claims
from synthgen.running.sources import source_faults
from synthgen.running.state import read_state
from synthgen.seal import unseal
from synthgen.store import layout
from synthgen.store.store import RunStore


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is wrong. `place` is a file of the run."""

    place: str
    message: str

    @classmethod
    def of(cls, place: str, error: StorageError) -> "Damage":
        """Say why the file `place` could not be read, without the place: it is said already."""
        if isinstance(error, MissingFileError):
            return cls(place, "is missing")
        _, found, reason = error.message.partition(f"/{place}")
        return cls(place, reason.lstrip(": ") if found and reason else error.message)

    @property
    def is_for_good(self) -> bool:
        """Whether `repair` cannot mend it: nothing else says what a reviewer decided, or what the pictures were."""
        return self.place.startswith((f"{layout.DECISIONS}/", f"{layout.SOURCES}/"))


def verify(plan: Plan, store: RunStore, on_progress: OnProgress = ignore) -> list[Damage]:
    """Read every committed file again: hashes, rows, ids, each image to its last pixel. [] if all is well."""
    state = read_state(plan, store, reviewed=False)
    findings = [*_spec_faults(store), *(Damage(*each) for each in damaged_decisions(store))]
    findings += [Damage(name, why) for name, why in record_faults(store)]
    findings += [Damage.of(*each) for each in source_faults(store, plan)]
    findings += [Damage(layout.marker(shard), message) for shard, message in state.damaged.items()]
    records = {**state.done, **_doubtful(plan, store, state.damaged)}
    on_progress(StepProgress("checking", "shards", 0, len(records)))
    for done, (_, record) in enumerate(sorted(records.items()), start=1):
        findings += verify_shard(plan, store, record)
        on_progress(StepProgress("checking", "shards", done, len(records)))
    return findings


def _doubtful(plan: Plan, store: RunStore, shards: Iterable[int]) -> dict[int, ShardRecord]:
    """Read what damaged markers say about files that exist: these are checked too."""
    there = {*store.names(layout.IMAGES), *store.names(layout.LEDGER)}
    claims = ((shard, read_claims(store, shard, plan.fingerprint)) for shard in shards)
    return {shard: one for shard, one in claims if one and {one.images.name, one.ledger.name} <= there}


def unsealed(store: RunStore) -> list[str]:
    """List the files that an earlier version wrote without their own sha256: `verify` finds no flipped byte in them."""
    found = [] if kept_spec(store) is not None else [layout.SPEC]
    for name in (layout.PLAN, *store.names(layout.ADDITIONS), *store.names(layout.CHANGES), *store.names(layout.DONE)):
        try:
            if not layout.is_temporary(name) and not unseal(store.read(name).decode())[1]:
                found.append(name)
        except (StorageError, ValueError):
            continue  # this is damage, and is reported as such
    return [*found, *unsealed_records(store)]


def _spec_faults(store: RunStore) -> list[Damage]:
    return [*_written_faults(store), *_resolved_faults(store)]


def _resolved_faults(store: RunStore) -> list[Damage]:
    if layout.RESOLVED not in store.names("") and kept_spec(store) is not None:  # earlier versions wrote neither
        return [Damage(layout.RESOLVED, "is missing")]
    try:
        check_resolved(store)
    except UsageError:
        return [Damage(layout.RESOLVED, "was edited, or is damaged")]
    except StorageError as error:
        return [Damage.of(layout.RESOLVED, error)]
    return []


def _written_faults(store: RunStore) -> list[Damage]:
    text = kept_spec(store)
    if text is None:
        return []
    try:
        if store.read(layout.SPEC) == text.encode():
            return []
        return [Damage(layout.SPEC, "is not the spec that the run was started from")]
    except StorageError as error:
        return [Damage.of(layout.SPEC, error)]


def verify_shard(plan: Plan, store: RunStore, record: ShardRecord) -> list[Damage]:
    """Read the two tables of a shard again, and list how they differ from what a marker says of them."""
    damaged = [found for file in (record.images, record.ledger) if (found := _verify_bytes(store, file))]
    # What a damaged file seems to hold would only repeat that it is damaged.
    return damaged or _verify_rows(plan, store, record)


def _verify_bytes(store: RunStore, file: File) -> Damage | None:
    try:
        found = store.describe(file.name)
    except StorageError as error:
        return Damage.of(file.name, error)
    if found.size != file.size:
        return Damage(file.name, f"has {found.size} bytes, and was committed with {file.size}")
    if found.sha256 != file.sha256:
        return Damage(file.name, "its sha256 is not the one that it was committed with")
    return None


def _verify_rows(plan: Plan, store: RunStore, record: ShardRecord) -> list[Damage]:
    """Check that the two tables agree.

    Under the right sha256 another version, a fault or an attacker may have written anything: whatever goes wrong while
    a file is read is a finding about it.
    """
    findings: list[Damage] = []
    ledger: list[LedgerRow] = []
    ids: list[str] = []
    labels: list[object] = []
    with _noted(findings, record.ledger.name) as messages:
        ledger.extend(read_ledger(store, record.ledger.name, ["id", "attempt", "verdict", CELL_FILLED]))
        messages.extend(_ledger_faults(record, ledger))
    is_read = not findings or bool(ledger)

    with _noted(findings, record.images.name) as messages:
        for row in read_images(store, record.images.name, ["id", "image", "label"]):
            ids.append(row["id"])
            labels.append(row["label"])
            messages.extend(_row_faults(row))
        messages.extend(_image_faults(record, ledger, ids) if is_read else ())
    with _noted(findings, record.ledger.name) as messages:
        messages.extend(_quota_faults(plan, record, ledger, labels) if is_read else ())
    return findings


@contextmanager
def _noted(findings: list[Damage], place: str) -> Iterator[list[str]]:
    """Collect what is wrong with a file, and in the end what went wrong while it was read."""
    messages: list[str] = []
    try:
        with as_damage("it"):
            yield messages
    except StorageError as error:
        messages.append(error.message)
    findings += [Damage(place, message) for message in messages]


def _ledger_faults(record: ShardRecord, ledger: list[LedgerRow]) -> Iterator[str]:
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


def _image_faults(record: ShardRecord, ledger: list[LedgerRow], ids: list[str]) -> Iterator[str]:
    accepted = [row["id"] for row in ledger if row["verdict"] == Verdict.ACCEPTED]
    if ids != accepted:
        yield f"{len(ids)} images are not the {len(accepted)} that the ledger accepted, in their order"
    if len(ids) != record.counts.get(Verdict.ACCEPTED, 0):
        yield f"{len(ids)} images, and {record.counts.get(Verdict.ACCEPTED, 0)} were committed"


def _quota_faults(plan: Plan, record: ShardRecord, ledger: list[LedgerRow], labels: list[object]) -> Iterator[str]:
    cells = plan.shard(record.shard).cells
    filled = Counter(row[CELL_FILLED] for row in ledger if row[CELL_FILLED] is not None)
    missing = {short.cell: short.missing for short in record.shortfalls}
    for cell in cells:
        if filled[cell.name] + missing.get(cell.name, 0) != cell.quota:
            short = missing.get(cell.name, 0)
            yield f"cell {cell.name} holds {filled[cell.name]} of {cell.quota}, {short} recorded as missing"
    wanted: Counter[int] = Counter()
    for cell in cells:
        wanted[cell.label] += filled[cell.name]
    if (found := Counter(label for label in labels if isinstance(label, int))) != +wanted:
        yield f"labels are {dict(found)}, and the ledger's cells say {dict(+wanted)}"


def _row_faults(row: Mapping[str, object]) -> Iterator[str]:
    if not isinstance(row["label"], int):
        yield f"image {row['id']} has no class: its label is {row['label']!r:.40}"
    try:
        data = None if row["image"] is None else cast("StoredImage", row["image"])["bytes"]
        if data is None:
            yield f"image {row['id']} is missing"
        else:
            decoded(data)
    except (TypeError, LookupError, ValueError) as error:
        yield f"image {row['id']} cannot be decoded: {error}"
