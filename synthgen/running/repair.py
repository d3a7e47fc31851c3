"""`repair`: damaged shards are made again by the next worker, and files that no marker names are removed."""

import re
from dataclasses import dataclass

from synthgen.events import OnProgress, ignore
from synthgen.planning import Plan
from synthgen.running.failures import forget_failures
from synthgen.running.opening import keep_resolved, restore_spec
from synthgen.running.state import read_state
from synthgen.running.verify import Damage, verify
from synthgen.store import layout
from synthgen.store.store import RunStore


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair did.

    Attributes:
        findings: what was wrong.
        reopened: shards that will be made again.
        removed: files that no marker names.
        forgotten: what `failed/` said of shards that are not done, which tasks therefore try again.
        restored: shards whose lost marker was written again, from their tables.
    """

    findings: tuple[Damage, ...]
    reopened: tuple[int, ...]
    removed: tuple[str, ...]
    forgotten: tuple[str, ...] = ()
    restored: tuple[int, ...] = ()


def repair(plan: Plan, store: RunStore, on_progress: OnProgress = ignore) -> Repaired:
    """Delete the markers of damaged shards, every file that no marker names, and the failures of unfinished shards.

    Only for a run that nobody is working on: it would delete what a worker is writing.

    Raises:
        StorageError: the run cannot be read or written.
    """
    findings = verify(plan, store, on_progress)
    reopened = sorted({shard for finding in findings if (shard := _shard_of(finding.place)) is not None})
    # The marker first: without it the files are garbage, whatever happens next.
    for shard in reopened:
        store.delete(layout.marker(shard))
    if any(finding.place == layout.SPEC for finding in findings):
        restore_spec(store)
    if any(finding.place == layout.RESOLVED for finding in findings):
        keep_resolved(store)
    for finding in findings:
        if finding.place.partition("/")[0] in (layout.FAILED, layout.CHANGES, layout.JOURNAL):
            store.delete(finding.place)
    state = read_state(plan, store, reviewed=False)
    for name in state.orphans:
        store.delete(name)
    return Repaired(tuple(findings), tuple(reopened), state.orphans, forget_failures(store, state.failed))


def _shard_of(place: str) -> int | None:
    match = re.match(rf"(?:{layout.DONE}|{layout.IMAGES}|{layout.LEDGER})/(\d+)", place)
    return int(match[1]) if match else None
