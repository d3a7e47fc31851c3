"""How many images of a run's dataset say that a model made them, and how many are signed."""

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
    """Count the images of a run's dataset that carry a mark or a signature; None without a dataset.

    A damaged file counts for none. Signatures are verified if c2pa is installed.
    """
    from synthgen.dataset.marking.counting import MarkCount, count_marked, unread_kinds
    from synthgen.dataset.marking.signing import invalid_signatures

    store = open_store(text_of_path(location, "location"))
    try:
        summary = published(store)
    except StorageError:  # `verify` says so
        return None
    if summary is None:
        return None
    names = [name for split in summary.splits for name in split.files]
    is_invalid = invalid_signatures()
    found = [0, 0, 0]
    for done, name in enumerate(names, start=1):
        with suppress(OSError, ValueError, LookupError, StorageError):
            here = count_marked(name, committed(store, in_dataset(name)), is_invalid or (lambda picture: False))
            found = [sum(pair) for pair in zip(found, here, strict=True)]
        on_progress(StepProgress("counting marks", "files", done, len(names)))
    images, (made, signed, invalid) = summary.rows * (1 + len(summary.format.beside)), found
    return MarkCount(images, made, signed, None if is_invalid is None else invalid, unread_kinds(names))
