"""Runs made again from their own record."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from synthgen import running as runs
from synthgen.api.trust import pinned_models, pinned_of_dataset, require_trust
from synthgen.store import RunStore, layout, open_store

if TYPE_CHECKING:
    from synthgen.api.specs import SpecInput
    from synthgen.planning import Plan


class RunRecord(NamedTuple):
    """What a run was started from, with what was added to it.

    Attributes:
        text: the spec as its author wrote it.
    """

    store: RunStore
    plan: Plan
    text: str


def recorded(source: SpecInput, *, trust: bool) -> RunRecord | None:
    """Read the record of a run; None if `source` is a spec.

    Raises:
        UsageError: the run's resolved spec was edited, or the run names an unknown model and `trust` is false.
        StorageError: the run is damaged.
    """
    if not isinstance(source, str | os.PathLike) or not is_run(place := os.fspath(source)):
        return None
    store = open_store(place)
    plan = runs.open_run(store)
    runs.check_resolved(store)
    require_trust((*pinned_models(plan), *pinned_of_dataset(plan)), store.location, trust=trust)
    return RunRecord(store, plan, runs.kept_spec(store) or store.read(layout.SPEC).decode())


def is_run(place: str) -> bool:
    """Whether this names a run and not a spec: an address, or a folder with a plan."""
    return "\n" not in place and ("://" in place or (Path(place) / layout.PLAN).is_file())
