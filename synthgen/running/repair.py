"""`repair`: what is damaged is made anew by the next worker, and what nothing names is removed."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from synthgen.planning import Plan
from synthgen.running.opening import restore_spec
from synthgen.running.state import read_state
from synthgen.running.verify import Finding, verify
from synthgen.store import layout
from synthgen.store.store import RunStore


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair did.

    Attributes:
        findings: what was wrong.
        reopened: shards that are to be made anew.
        removed: files that no marker names.
    """

    findings: tuple[Finding, ...]
    reopened: tuple[int, ...]
    removed: tuple[str, ...]


def repair(plan: Plan, store: RunStore, on_shard: Callable[[int], None] = lambda shard: None) -> Repaired:
    """Take back the markers of damaged shards, and delete every file that no marker names.

    For a run that nobody works on: what a worker is writing would be taken from it.

    Raises:
        StorageError: the run cannot be read or written.
    """
    findings = verify(plan, store, on_shard)
    reopened = sorted({shard for finding in findings if (shard := _shard_of(finding.place)) is not None})
    # The marker first: without it the files are garbage, whatever happens next.
    for shard in reopened:
        store.delete(layout.marker(shard))
    if any(finding.place == layout.SPEC for finding in findings):
        restore_spec(store)
    removed = read_state(plan, store).orphans
    for name in removed:
        store.delete(name)
    return Repaired(tuple(findings), tuple(reopened), removed)


def _shard_of(place: str) -> int | None:
    match = re.match(rf"(?:{layout.DONE}|{layout.IMAGES}|{layout.LEDGER})/(\d+)", place)
    return int(match[1]) if match else None
