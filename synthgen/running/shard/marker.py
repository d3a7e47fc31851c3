"""Markers: `done/NNNNN.json`, whose creation is the commit of a shard."""

from collections.abc import Iterator, Sequence
from dataclasses import fields

from pydantic import TypeAdapter, ValidationError

from synthgen.errors import StorageError
from synthgen.files import MissingFileError
from synthgen.records import ShardRecord
from synthgen.seal import seal, unseal
from synthgen.store import layout
from synthgen.store.store import RunStore

_RECORD = TypeAdapter(ShardRecord)
_ENTRIES = {field.name for field in fields(ShardRecord)}


def create_marker(store: RunStore, record: ShardRecord) -> bool:
    """Commit a shard; False if another worker was first."""
    return store.create(layout.marker(record.shard), seal(_RECORD.dump_json(record, indent=2).decode()).encode())


def read_marker(store: RunStore, shard: int, fingerprint: str) -> ShardRecord | None:
    """Read the marker of a shard; None if the shard is not committed.

    Raises:
        StorageError: the marker is damaged, of another plan, or names files that are not this shard's.
    """
    try:
        data = store.read(layout.marker(shard))
    except MissingFileError:
        return None
    return _parsed(store, shard, fingerprint, data)


def read_markers(
    store: RunStore, shards: Sequence[int], fingerprint: str
) -> Iterator[tuple[int, ShardRecord | StorageError]]:
    """Read the markers of those that are committed: the record, or the error that `read_marker` would raise."""
    contents = store.read_many([layout.marker(shard) for shard in shards])
    for shard, content in zip(shards, contents, strict=True):
        if isinstance(content, MissingFileError):
            continue
        try:
            found = content if isinstance(content, StorageError) else _parsed(store, shard, fingerprint, content)
        except StorageError as error:
            found = error
        yield shard, found


def read_claims(store: RunStore, shard: int, fingerprint: str) -> ShardRecord | None:
    """Read what a damaged marker says, if it is still about this plan and this shard's files."""
    try:
        return _claimed(store, shard, fingerprint, store.read(layout.marker(shard)))
    except StorageError:
        return None


def _parsed(store: RunStore, shard: int, fingerprint: str, data: bytes) -> ShardRecord:
    record, name = _claimed(store, shard, fingerprint, data), layout.marker(shard)
    try:
        content, _ = unseal(data.decode())
    except ValueError as error:
        raise _damaged(store, name, f"is damaged: {error}") from error
    if strange := content.keys() - _ENTRIES:
        raise _damaged(store, name, f"is damaged: it has an entry {min(strange)!r}")
    return record


def _claimed(store: RunStore, shard: int, fingerprint: str, data: bytes) -> ShardRecord:
    name = layout.marker(shard)
    try:
        record = _RECORD.validate_json(data)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]["msg"]
        raise _damaged(store, name, f"is damaged ({problem})") from error
    if record.shard != shard or record.fingerprint != fingerprint:
        raise _damaged(store, name, "is of another plan or shard")
    files = (record.images.name, layout.IMAGES), (record.ledger.name, layout.LEDGER)
    if not all(layout.is_table(file, folder, shard) for file, folder in files):
        raise _damaged(store, name, "names files that are not this shard's")
    return record


def _damaged(store: RunStore, name: str, what: str) -> StorageError:
    hint = "Delete this marker and run again: the shard will be made again."
    return StorageError(f"{store.location}/{name} {what}", hint=hint)
