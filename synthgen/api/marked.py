"""How many images of a run's dataset say that a model made them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from synthgen.api.arguments import text_of_path
from synthgen.api.publishing import committed, published
from synthgen.errors import StorageError
from synthgen.events import OnProgress, StepProgress, ignore
from synthgen.store import Location, open_store
from synthgen.store.layout import in_dataset

if TYPE_CHECKING:
    from synthgen.dataset.marking.counting import MarkCount


def marked(location: Location, on_progress: OnProgress = ignore) -> MarkCount | None:
    """Count the images of a run's dataset that carry a mark; None without a dataset. A damaged file counts for none."""
    from synthgen.dataset.marking.counting import MarkCount, count_marked, unread_kinds

    store = open_store(text_of_path(location, "location"))
    try:
        summary = published(store)
    except StorageError:  # `verify` says so
        return None
    if summary is None:
        return None
    names = [name for split in summary.splits for name in split.files]
    found = 0
    for done, name in enumerate(names, start=1):
        with suppress(OSError, ValueError, LookupError, StorageError):
            found += count_marked(name, committed(store, in_dataset(name)))
        on_progress(StepProgress("counting marks", "files", done, len(names)))
    return MarkCount(summary.rows * (1 + len(summary.format.beside)), found, unread_kinds(names))
