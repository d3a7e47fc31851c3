"""The folder of a dataset that somebody names: the dataset itself, a run's, or a copy of a run's in a bucket."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

from synthgen.errors import UsageError
from synthgen.events import OnProgress, StepProgress
from synthgen.files import as_storage_error, expanded
from synthgen.leftovers import scratch_folder
from synthgen.store import RunStore, layout, open_store
from synthgen.store.layout import DATASET, SUMMARY

_DOWNLOADS = "synthgen-push"


@contextmanager
def folder_of(text: str, on_progress: OnProgress) -> Iterator[Path]:
    """Give the folder of a dataset; of a run in a bucket, a temporary copy.

    Raises:
        UsageError: there is no dataset.
    """
    if "://" in text:
        with _copied(open_store(text), on_progress) as folder:
            yield folder
        return
    path = expanded(text)
    for folder in (path, path / DATASET):
        if (folder / SUMMARY).is_file():
            yield folder
            return
    if not path.exists():
        raise UsageError(f"there is no folder {path}", argument="dataset", hint="`synthgen runs` lists the runs.")
    if (path / layout.PLAN).is_file():
        raise UsageError(f"the run {path} has no dataset yet", argument="dataset", hint=_unfinished(str(path)))
    hint = "Give a run or a dataset. `synthgen export` makes a dataset of any labelled set."
    raise UsageError(f"{path} is not a dataset of synthgen: it has no {SUMMARY}", argument="dataset", hint=hint)


def folder_of_run(path: Path) -> Path | None:
    """Give the folder of a run's dataset; None if `path` is not a run.

    Raises:
        UsageError: the run has no dataset yet.
    """
    if not (path / layout.PLAN).is_file():
        return None
    if not (path / DATASET / SUMMARY).is_file():
        raise UsageError(f"the run {path} has no dataset yet", hint=_unfinished(str(path)))
    return path / DATASET


def _unfinished(location: str) -> str:
    return f"`synthgen run {location}` finishes it, and `synthgen finalize {location}` builds its dataset."


@contextmanager
def _copied(store: RunStore, on_progress: OnProgress) -> Iterator[Path]:
    names = store.names_below(DATASET)
    if layout.in_dataset(SUMMARY) not in names:
        what = f"the run {store.location} has no dataset yet"
        raise UsageError(what, argument="dataset", hint=_unfinished(store.location))
    names = [name for name in names if layout.is_file_name(name)]
    with scratch_folder(Path(gettempdir()), _DOWNLOADS, mode=0o700) as folder:
        for done, name in enumerate(names):
            on_progress(StepProgress("copying", "files", done, len(names)))
            place = folder / name
            with as_storage_error(place, "cannot write "):
                place.parent.mkdir(parents=True, exist_ok=True)
                with store.open(name) as source, place.open("xb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
        yield folder / DATASET
