"""Removing a run from a bucket: only what synthgen made, the plan last."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from synthgen.api.publishing import known_files
from synthgen.api.run_audits import others_in_audit
from synthgen.dataset.strangers import is_of_tool
from synthgen.errors import StorageError, SynthgenError, UsageError
from synthgen.files import is_draft
from synthgen.running import open_run, read_state
from synthgen.running.under_way import read_under_way
from synthgen.store import RunStore, layout

_MARK = b'"fingerprint"'
_QUIET = 600.0
"""Seconds since the journal of a shard was written after which nobody is taken to work on it."""


class InBucket(NamedTuple):
    """A run in a bucket.

    Attributes:
        ours: its files, in the order in which they are removed.
        kept: what synthgen did not make.
        state: a few words about it.
    """

    ours: tuple[str, ...]
    kept: tuple[str, ...]
    state: str


def look_in_bucket(store: RunStore, order: Sequence[str]) -> InBucket:
    """List what would be removed.

    Args:
        order: what synthgen makes directly in a run, in the order in which it is removed.

    Raises:
        UsageError: there is no run.
        StorageError: somebody worked on it in the last ten minutes, as far as its journals tell; or it cannot be read.
    """
    there = store.names_below("")
    is_run = layout.PLAN in there and _MARK in store.read(layout.PLAN)
    if not is_run and not any(map(layout.shard_of_marker, there)):
        hint = "Only runs are removed. Delete other objects with the tools of the store."
        raise UsageError(f"{store.location} is not a run", argument="location", hint=hint)

    rank = {name: place for place, name in enumerate(order)}
    known = known_files(store)
    strange = {name for name in there if known and _is_strange(name, known)} | {*others_in_audit(store, there)}
    ours = [name for name in there if name not in strange and (name.partition("/")[0] in rank or _is_leftover(name))]
    names_others = layout.in_dataset(layout.SUMMARY)
    ours.sort(key=lambda name: (rank.get(name.partition("/")[0], -1), name == names_others, name))
    return InBucket(tuple(ours), tuple(name for name in there if name not in set(ours)), _state_of(store))


def _is_strange(name: str, known: Collection[str]) -> bool:
    """Whether a file lies in the dataset's folder and is not among those that synthgen wrote there."""
    own = layout.of_dataset(name)
    return own is not None and name not in known and own != layout.SUMMARY and not is_of_tool(own)


def _is_leftover(name: str) -> bool:
    last = PurePosixPath(name).name
    return last.startswith(".probe-") or is_draft(Path(last))


def _state_of(store: RunStore) -> str:
    try:
        planned = open_run(store)
        state = read_state(planned, store)
        under_way = read_under_way(planned, store, state.journalled)
    except SynthgenError:
        return "damaged"
    for shard in under_way.values():
        age = (datetime.now(UTC) - datetime.fromisoformat(shard.written)).total_seconds() if shard.written else _QUIET
        if age < _QUIET:
            what = f"{store.location}: shard {shard.shard} was worked on {max(age, 0):.0f} s ago"
            raise StorageError(what, hint="A bucket has no locks. Stop whoever works on it, and wait for ten minutes.")
    return f"{state.accepted:,} images"
