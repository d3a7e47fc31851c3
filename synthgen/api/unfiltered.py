"""What a run made before its filters, for the arms of an evaluation that have as much of it as of its dataset."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.evaluating.attempts import KEEP_IMAGES, NO_RUN
from synthgen.evaluating.looked_set import UNFILTERED

if TYPE_CHECKING:
    from synthgen.api.set_looker import SetLooker
    from synthgen.auditing.input.audited_set import RecordedRun
    from synthgen.evaluating.attempts import AttemptSet
    from synthgen.evaluating.looked_set import LookedSet
    from synthgen.events import OnProgress
    from synthgen.sets import ImageSet, SetSource

_SPARE = 0.1
"""So many more attempts are looked at than images of the dataset: some may be copies of real ones."""


@dataclass(frozen=True, slots=True)
class UnfilteredImages:
    """The attempts that are compared with a run's dataset.

    Attributes:
        images: None if there are none.
        labels: what each was asked to show; `ids` its name.
        left_out: how many others there are, by reason.
        why: there are none, or too few, in words.
    """

    images: AttemptSet | None
    why: str
    ids: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    left_out: Mapping[str, int] | None = None

    @property
    def opened(self) -> dict[str, ImageSet]:
        """The images by their title; nothing if there are none."""
        return {UNFILTERED: self.images} if self.images is not None else {}

    def look(self, looker: SetLooker, on_progress: OnProgress) -> dict[str, LookedSet]:
        """Look at every one; return them by their title.

        Raises:
            UsageError: too many of them cannot be used.
            ModelError, DeviceError, StorageError: a model, a device or a disk fails.
        """
        from synthgen.api.evaluated_sets import look_at_set

        if self.images is None:
            return {}
        texts: dict[str, list[str | None]] = {"id": [*self.ids], "label": [*self.labels]}
        looked = look_at_set("synthetic", self.images, texts, (), looker, on_progress)
        return {UNFILTERED: replace(looked, title=UNFILTERED, left_out={**looked.left_out, **(self.left_out or {})})}


def find_unfiltered(
    synthetic: SetSource, labels: Mapping[str, list[str | None]], real: Mapping[str, list[str | None]]
) -> UnfilteredImages:
    """Find the attempts of the run that made the synthetic set.

    Args:
        labels, real: the columns of the synthetic and of the real set's table.

    Raises:
        UsageError, StorageError: the run cannot be read.
    """
    from synthgen.evaluating.attempts import AttemptSet, first_attempts, read_attempts

    run = _run_of(synthetic)
    if run is None:
        return UnfilteredImages(None, NO_RUN)
    spec = run.planned.spec
    if spec.output.rejects.keep != "images":
        return UnfilteredImages(None, f"the run kept no images that its filters rejected: set {KEEP_IMAGES}")
    if not {*labels["label"]} - {None} <= {*spec.classes}:
        return UnfilteredImages(None, "attempts are labelled with the classes of the run, and the set with others")

    found = read_attempts(run, frozenset(each for each in real["label"] if each is not None))
    if found.lacking:
        why = f"of {found.lacking:,} rejected images the run kept no picture: make it again with {KEEP_IMAGES}"
        return UnfilteredImages(None, why)
    chosen = first_attempts(found.usable, round((1 + _SPARE) * len(labels["id"])) + 1)
    if len(chosen) < len(labels["id"]):
        return UnfilteredImages(None, f"only {len(chosen):,} attempts can be used, fewer than the synthetic images")
    return UnfilteredImages(
        AttemptSet(run, chosen),
        "too many attempts are copies of real images",
        tuple(each.id for each in chosen),
        tuple(each.class_name for each in chosen),
        found.left_out,
    )


def _run_of(place: SetSource) -> RecordedRun | None:
    """Open the run that a set is, or in whose dataset it is; None if there is none.

    Raises:
        UsageError, StorageError: it is damaged.
    """
    from synthgen.api.auditing import open_recorded
    from synthgen.files import expanded
    from synthgen.store.layout import DATASET, PLAN, SUMMARY

    if not isinstance(place, str | os.PathLike):
        return None
    path = expanded(place)
    if not path.exists():
        return None
    whole = Path(os.path.abspath(path))
    datasets = (each for each in (whole, *whole.parents) if each.name == DATASET and (each / SUMMARY).is_file())
    runs = (each for each in (whole, *(dataset.parent for dataset in datasets)) if (each / PLAN).is_file())
    run = next(runs, None)
    return open_recorded(run) if run is not None else None
