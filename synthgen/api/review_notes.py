"""What is said about decisions of reviewers, and how they come along into other runs of the same images."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from synthgen import running as runs
from synthgen.api.results import missing_records
from synthgen.store import RunStore, layout

if TYPE_CHECKING:
    from synthgen.api.results import Results
    from synthgen.running import RunState

_LOG = logging.getLogger(__name__)


def carry_review(store: RunStore, into: RunStore) -> None:
    """Let what reviewers decided about the images of a run hold for a run of the same images, and say so.

    Raises:
        StorageError: a decision is damaged, or cannot be written.
    """
    if number := runs.carry_decisions(store, into):
        noun = "decision" if number == 1 else "decisions"
        _LOG.info("%s: %d %s about images hold here too, from %s", into.location, number, noun, store.location)


def warn_of_void(store: RunStore, state: RunState) -> None:
    """Warn of decisions that have no effect any more."""
    if void := state.review.void:
        _LOG.warning(
            "%s: what was decided about %d of its images has no effect, such as %s: they are not there any more, or "
            "have no kept pixels, since their shard was made again",
            store.location,
            len(void),
            void[0],
        )


def warn_of_lost(store: RunStore, recorded: Results | None) -> None:
    """Warn of decisions that the dataset was made with, and that the run has no more: the next one is made without."""
    lost = missing_records(store, recorded) if recorded else []
    for one in lost:
        if one.place.startswith(f"{layout.DECISIONS}/"):
            _LOG.warning(
                "%s/%s is missing: the dataset is made without what was decided there. Restore it from a backup, and "
                "finalize again, or decide again",
                store.location,
                one.place,
            )
