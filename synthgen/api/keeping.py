"""Runs that exist: show, verify, repair and replay them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from synthgen import running as runs
from synthgen.api import wiring
from synthgen.api.arguments import device_of, flag_of, one_spelling, text_of, text_of_path
from synthgen.api.publishing import (
    clear_leftovers,
    committed,
    damaged_results,
    drop_damaged,
    leftovers,
    unverified_results,
)
from synthgen.api.results import read_results
from synthgen.api.sheet_record import damaged_pages, drop_pages
from synthgen.api.trust import pinned_models, require_trust
from synthgen.events import OnProgress, ignore
from synthgen.planning import Plan, prompts_by_class
from synthgen.running import Damage, Repaired, RunState
from synthgen.running.under_way import read_under_way
from synthgen.store import Location, layout, open_store

if TYPE_CHECKING:
    from synthgen.running.replay import Replay

_MOST_READ = 200_000
"""Attempts whose prompts `status` reads."""


@one_spelling
def replay(location: Location, image_id: str, device: str = "auto", *, trust: bool = False) -> Replay:
    """Render and judge a recorded attempt again.

    Args:
        trust: open models that the run names and this machine does not know.

    Raises:
        UsageError: the run has no such attempt, or it names an unknown model and `trust` is false.
        ModelError, DeviceError, StorageError: as `run`.

    Example:
        >>> again = synthgen.replay("outputs/quickstart", "00000-000000")
        >>> again.noise
        True
    """
    from synthgen.running.replay import replay as again

    device, trust = device_of(device), flag_of(trust, "trust")
    image_id = text_of(image_id, "image_id", "the id of an attempt", 'Give it as the ledger does: "00000-000012".')
    store = open_store(text_of_path(location, "location"))
    planned = runs.open_run(store)
    require_trust(pinned_models(planned), store.location, trust=trust)
    shard = image_id.partition("-")[0]
    part = planned.part_of(int(shard)) if shard.isdecimal() else planned
    generator = wiring.generator(part, device)
    return again(planned, store, generator, wiring.judge(part, device, generator), image_id)


def status(location: Location) -> tuple[Plan, RunState]:
    """Read the progress of a run from its files alone.

    Raises:
        UsageError: `location` has no run.

    Example:
        >>> planned, state = synthgen.status("outputs/quickstart")
        >>> len(state.done), planned.shard_count
        (1, 1)
    """
    store = open_store(text_of_path(location, "location"))
    planned = runs.open_run(store)
    state = runs.read_state(planned, store)
    under_way = read_under_way(planned, store, state.journalled)
    return planned, replace(state, orphans=(*state.orphans, *leftovers(store)), under_way=under_way)


def used_prompts(location: Location, planned: Plan, state: RunState) -> dict[str, tuple[int, int]] | None:
    """Count, for each class, the different prompts of committed attempts, and how many there are.

    None for a run of very many attempts, whose ledgers would take long to read.

    Raises:
        StorageError: a ledger cannot be read.
    """
    if sum(state.counts.values()) > _MOST_READ:
        return None
    from synthgen.ledger.tally import read_prompts

    store = open_store(text_of_path(location, "location"))
    used = read_prompts(committed(store, record.ledger.name) for record in state.done.values())
    return {name: (len(used.get(name, ())), each.there) for name, each in prompts_by_class(planned).items()}


def verify(location: Location, on_progress: OnProgress = ignore) -> list[Damage]:
    """Read all committed files and the dataset again, and return what is wrong, or [].

    Raises:
        UsageError: `location` has no run.

    Example:
        >>> synthgen.verify("outputs/quickstart")
        []
    """
    store = open_store(text_of_path(location, "location"))
    findings = runs.verify(runs.open_run(store), store, on_progress)
    return [*findings, *damaged_results(store), *damaged_pages(store)]


def unverified(location: Location) -> list[str]:
    """List the files of a run that `verify` cannot check, since an earlier version wrote them without a sha256.

    Raises:
        UsageError: `location` has no run.
    """
    store = open_store(text_of_path(location, "location"))
    runs.open_run(store)
    return [*runs.unsealed(store), *unverified_results(store)]


def repair(location: Location, on_progress: OnProgress = ignore) -> Repaired:
    """Re-open the damaged shards of a run and remove files that no shard names.

    A run in a folder is refused while a process works on it. In a bucket, see to it that nobody does.

    A damaged dataset counts as missing: the next `run` or `finalize` rebuilds it. A marker that a finished run has lost
    is written again, if the tables of its shard are there, whole and full.

    Raises:
        UsageError: `location` has no run.
        StorageError: it cannot be written, or a process works on it.

    Example:
        >>> done = synthgen.repair("outputs/quickstart")
        >>> done.reopened, done.removed
        ((), ())
    """
    store = open_store(text_of_path(location, "location"))
    planned = runs.open_run(store)
    with runs.left_alone(store):
        damaged, pages = damaged_results(store), damaged_pages(store)
        recorded = read_results(store)
        restored = runs.restore_markers(planned, store, range(recorded.shards) if recorded else ())
        done = runs.repair(planned, store, on_progress)
        markers = set(map(layout.marker, restored))
        drop_damaged(store, [each for each in damaged if each.place not in markers], planned.fingerprint)
        drop_pages(store, pages)
        removed = (*done.removed, *clear_leftovers(store, (), unsure=True))
    return replace(done, findings=(*done.findings, *damaged, *pages), removed=removed, restored=restored)
