"""A mark on runs in folders for as long as a process works on them: a shared lock on plan.json.

The system releases it when the process ends, however it ends. Nothing waits for it: it only keeps `remove` away.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from synthgen.errors import StorageError
from synthgen.leftovers import shared
from synthgen.store import layout
from synthgen.store.store import RunStore


@contextmanager
def at_work(store: RunStore) -> Iterator[None]:
    """Mark the run as being worked on until the block ends.

    Raises:
        StorageError: another process is removing it.
    """
    if store.folder is None:
        yield
        return
    with shared(store.folder / layout.PLAN) as free:
        if not free:
            raise StorageError(f"{store.location} is being removed", hint="Start the run again if it should stay.")
        yield
