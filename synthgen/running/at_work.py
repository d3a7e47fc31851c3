"""Who may change a run in a folder at one time. The system releases these locks when a process ends, however it ends.

- Whoever makes shards, or changes anything else, holds `at_work`: a shared lock on plan.json, so any number may.
- Whoever writes what follows from the shards (the dataset, decisions, a pilot's files) holds `changing` as well: a lock
  on the run's folder. One process does so at a time, and a second one waits.
- `repair` and `remove` have plan.json's lock for themselves, `repair` by `left_alone`. They are refused while anybody
  is at work, and everybody else is refused as long as they are.

A store of objects has no locks.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from synthgen.errors import StorageError
from synthgen.holders import named
from synthgen.leftovers import alone, shared
from synthgen.running.patience import wait
from synthgen.store import layout
from synthgen.store.store import RunStore

_LOG = logging.getLogger(__name__)
_HELD: ContextVar[frozenset[Path]] = ContextVar("_HELD", default=frozenset())
"""Folders that this thread's calls hold, so that one call may make another."""
_STEP = 0.2
"""Seconds between two looks at a lock."""


@contextmanager
def at_work(store: RunStore) -> Iterator[None]:
    """Mark the run as being worked on until the block ends.

    Raises:
        StorageError: another process is removing or repairing it.
    """
    if store.folder is None:
        yield
        return
    plan = store.folder / layout.PLAN
    with shared(plan) as free:
        if not free:
            hint = "Wait until that has ended, and try again."
            raise StorageError(f"{store.location} is being removed or repaired by {named(plan)}", hint=hint)
        yield


@contextmanager
def changing(store: RunStore) -> Iterator[None]:
    """Be the only process that writes what follows from a run's shards, until the block ends. Waits for another one.

    Raises:
        StorageError: another process is removing or repairing it, or has been changing it for too long.
    """
    if store.folder is None or (folder := store.folder.resolve()) in _HELD.get():
        yield
        return
    with at_work(store):
        began, longest, is_told = time.monotonic(), wait(), False
        while True:
            with alone(folder) as free:
                if free is not False:  # None: no locks here, or no folder yet
                    token = _HELD.set(_HELD.get() | {folder})
                    try:
                        yield
                    finally:
                        _HELD.reset(token)
                    return

            if time.monotonic() - began > longest:
                what = f"{store.location}: {named(folder)} has been changing this run for {longest:.0f} s"
                hint = "Stop it if it does not get on, and try again. SYNTHGEN_WAIT_SECONDS sets the limit."
                raise StorageError(what, hint=hint)
            if not is_told:
                _LOG.warning("%s is being changed by %s; waiting for it", store.location, named(folder))
            is_told = True
            time.sleep(_STEP)


@contextmanager
def left_alone(store: RunStore) -> Iterator[None]:
    """Keep everybody else from working on a run until the block ends.

    Raises:
        StorageError: somebody does already.
    """
    if store.folder is None:
        yield
        return
    plan = store.folder / layout.PLAN
    with alone(plan) as free:
        if free is False:
            hint = "Wait until that has ended, or stop it with Ctrl-C or SIGTERM; then try again."
            raise StorageError(f"{store.location}: a process works on this run: {named(plan)}", hint=hint)
        yield
