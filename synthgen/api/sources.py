"""The pictures that a plan's images begin from: found when it is planned, opened when its images are made."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.errors import StorageError, UsageError
from synthgen.events import OnProgress, ignore
from synthgen.files import expanded
from synthgen.ledger.columns import own_names
from synthgen.models import is_folder
from synthgen.planning import Plan, Sources, lacking_sources
from synthgen.spec import TO_CLASS, SourceSpec, Spec
from synthgen.spec.source_texts import SourceTexts
from synthgen.store import RunStore

if TYPE_CHECKING:
    from synthgen.records import Pictures
    from synthgen.sets import ImageSet
    from synthgen.sets.leading import LeadingColumn

_LOG = logging.getLogger(__name__)


def sources_of(spec: Spec, on_progress: OnProgress = ignore) -> Sources | None:
    """Find the pictures of a spec, and read each once; None if its images begin from noise.

    What is left out of the set is logged.

    Raises:
        UsageError: there is no such set, a class has no picture in it, or too many cannot be used.
        StorageError: the set cannot be read.
    """
    if spec.source is None:
        return None
    from synthgen.sets.source_pictures import find_sources

    classes, to_class = list(spec.classes), spec.to.get(TO_CLASS)
    check_kept_names(spec)
    opened, fault_of = _opened(spec.source), SourceTexts(spec).fault
    found = find_sources(opened, spec.source, classes, spec.shaped_by, _leading(spec), to_class, fault_of, on_progress)
    for note in found.notes:
        _LOG.warning("source: %s", note)
    return Sources.of(found.rows, found.kept)


def check_kept_names(spec: Spec) -> None:
    """Check that no column that images take over has the name of one that the dataset has itself.

    Raises:
        UsageError: one has.
    """
    if clashing := own_names(spec.source.keep if spec.source else ()):
        named = ", ".join(map(repr, clashing))
        own = "a column of this name" if len(clashing) == 1 else "columns of these names"
        what = f"source.keep: {named}: the dataset has {own} itself"
        hint = "Give the set a copy of the column under another name, such as 'original_prompt'."
        raise UsageError(what, hint=hint)


def check_sources(planned: Plan) -> None:
    """Check that there are pictures for all images.

    Raises:
        UsageError: `source.per_source` allows fewer.
    """
    if lacking := lacking_sources(planned):
        hint = "Ask for fewer images, raise source.per_source, or add pictures."
        raise UsageError("\n".join(lacking), hint=hint)


def check_apart(spec: Spec, store: RunStore) -> None:
    """Check that a run neither makes its images from its own, nor compares them with these.

    Raises:
        UsageError: the set lies in the run, or the run in the set.
    """
    if store.folder is None:
        return
    named = [("source.dataset", spec.source.dataset)] if spec.source is not None else []
    named += [("output.against", place) for place in (spec.output.against.sets if spec.output.against else ())]
    for key, name in named:
        if not is_folder(name):
            continue
        place, run = (Path(os.path.realpath(each)) for each in (expanded(name), store.folder))
        if place == run or run in place.parents or place in run.parents:
            hint = "Make the run in another `location`, or copy the pictures elsewhere."
            raise UsageError(f"{key}: {name} and the run {store.location} lie in one another", hint=hint)


def pictures_of(planned: Plan) -> Pictures | None:
    """Open the set of a plan; None if its images begin from noise.

    Raises:
        UsageError: there is no such set, or a picture of the plan is no longer in it.
        StorageError: the set cannot be read.
    """
    if planned.sources is None or planned.spec.source is None:
        return None
    from synthgen.sets.planned_pictures import SourcePictures

    spec, rows = planned.spec, planned.sources.rows.by_id
    return SourcePictures(_opened(planned.spec.source), planned.spec.source, rows, _leading(spec))


def _leading(spec: Spec) -> list[LeadingColumn]:
    """Return the columns of the set that lead the layout, or that images are to be like, each once."""
    from synthgen.sets.leading import LeadingColumn

    leads = {one.column: f"control.{index}.column" for index, one in enumerate(spec.control)}
    shown = {one.column: f"reference.{index}.column" for index, one in enumerate(spec.reference)}
    return [
        LeadingColumn(name, key, name in leads, name in shown)
        for name, key in {**shown, **leads}.items()
        if name is not None
    ]


def _opened(source: SourceSpec) -> ImageSet:
    try:
        return open_named(source.dataset, "source.dataset", source.split)
    except UsageError as error:
        if error.argument != "split":
            raise
        raise UsageError(error.message.replace("source.dataset", "source.split", 1), hint=error.hint) from error


def open_named(place: str, key: str, split: str | None = None, *, classless: bool = False) -> ImageSet:
    """Open a set that a spec names: what begins like a path is a folder or a file, and anything else an id of the hub.

    Args:
        key: of the spec, which errors name.
        classless: as for `open_set`.

    Raises:
        UsageError: there is no such set, or it has no such split.
        StorageError: the set cannot be read.
    """
    from synthgen.sets import open_set

    is_here = expanded(place).exists()
    if is_here and not is_folder(place):
        hint = f"Write './{place}' for the folder here."
        raise UsageError(f"{key}: {place} is a hub id, and there is a folder of this name", hint=hint)
    if is_folder(place) and not is_here:
        raise UsageError(
            f"{key}: {place}: there is no such file or folder", hint="A path in a spec is relative to its file."
        )
    try:
        return open_set(place, split, classless=classless)
    except UsageError as error:
        raise UsageError(f"{key}: {error.message}", argument=error.argument, hint=error.hint) from error
    except StorageError as error:
        raise StorageError(f"{key}: {error.message}", hint=error.hint) from error
