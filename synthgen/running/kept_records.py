"""Files of a run that its dataset is not made from: records of failures, earlier changes, journals."""

from collections.abc import Iterator
from dataclasses import fields

from synthgen.errors import StorageError
from synthgen.files import as_damage
from synthgen.planning import Addition
from synthgen.running.shard.journal import FACTS
from synthgen.seal import unseal
from synthgen.store import layout
from synthgen.store.store import RunStore


def record_faults(store: RunStore) -> Iterator[tuple[str, str]]:
    """Yield the damaged ones, each with what is wrong with it."""
    for name in (*_records(store), *store.names(layout.JOURNAL)):
        if layout.is_temporary(name):
            continue
        try:
            if layout.shard_of_journal(name) is not None:
                _check_part(store, name)
            else:
                _check(store, name)
        except StorageError as error:
            yield name, error.message


def unsealed_records(store: RunStore) -> Iterator[str]:
    """Yield the names of those that an earlier version wrote without their own sha256."""
    for name in store.names(layout.FAILED):
        try:
            if not layout.is_temporary(name) and not unseal(store.read(name).decode())[1]:
                yield name
        except (StorageError, ValueError):
            continue  # this is damage, and is reported as such


_ENTRIES = {
    layout.ADDITIONS: {field.name for field in fields(Addition)},
    layout.FAILED: {"shard", "time", "cause", "error", "traceback", "environment"},
}
"""What earlier versions wrote without a sha256: with any other entry, it had one, and its name was damaged."""


def _records(store: RunStore) -> Iterator[str]:
    yield from store.names(layout.ADDITIONS)
    changes = [name for name in store.names(layout.CHANGES) if layout.number_of_change(name)]
    yield from sorted(changes, key=layout.number_of_change)[:-1]  # without the last no command opens the run
    for name in store.names(layout.FAILED):
        if layout.is_worker_failure(name) or layout.shard_of_failure(name) is not None:
            yield name


def _check_part(store: RunStore, name: str) -> None:
    import pyarrow.parquet as pq

    with store.open(name) as file, as_damage("it"):
        part = pq.ParquetFile(file, page_checksum_verification=True)
        part.read()
        unseal((part.schema_arrow.metadata or {})[FACTS].decode())


def _check(store: RunStore, name: str) -> None:
    try:
        content, is_sealed = unseal(store.read(name).decode())
        known = _ENTRIES.get(name.partition("/")[0])
        if known is None and not is_sealed:
            raise ValueError("it has no sha256")
        if known is not None and (strange := content.keys() - known):
            raise ValueError(f"it has an entry {min(strange)!r}")
    except ValueError as error:
        raise StorageError(f"is damaged: {error}") from error
