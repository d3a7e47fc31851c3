"""Runs that were started and hold nothing yet, such as one whose judge could not be loaded."""

from synthgen.store import layout
from synthgen.store.store import RunStore


def is_unused(store: RunStore) -> bool:
    """Whether there is no attempt: no shard, finished or under way, and no addition."""
    folders = (layout.DONE, layout.IMAGES, layout.LEDGER, layout.JOURNAL, layout.ADDITIONS)
    return not any(store.names(folder) for folder in folders)


def discard_plan(store: RunStore) -> None:
    """Delete what an unused run was started from, and why it failed, and the plan last: until then it is a run."""
    folders = (layout.FAILED, layout.CHANGES, layout.SOURCES)
    for name in (*(name for one in folders for name in store.names(one)), layout.SPEC, layout.RESOLVED, layout.PLAN):
        store.delete(name)
