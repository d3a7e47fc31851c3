"""A dataset, or any labelled set, in another format: read, and written there."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from synthgen.dataset.build import Writing, build
from synthgen.dataset.checked_objects import check_objects
from synthgen.dataset.columns import COLUMNS_VERSION
from synthgen.dataset.encoding import Encoding
from synthgen.dataset.images import SelectedImages
from synthgen.dataset.order import LabelRuns
from synthgen.dataset.replace import check_place, check_space, recover
from synthgen.dataset.select import Selection
from synthgen.dataset.set_card import SetOrigin, write_set_card
from synthgen.dataset.summary import DatasetSummary, read_summary
from synthgen.events import OnProgress, ignore
from synthgen.version import __version__

if TYPE_CHECKING:
    from datasets import Features


class WholeSet(SelectedImages, Protocol):
    """All images of a set.

    Attributes:
        features: the types of the columns, as `datasets` knows them.
        selection: all images, each in its split.
        runs: how long images of one class follow each other in each split, where that is known.
        size: of all pictures, in bytes.
    """

    features: "Features"
    selection: Selection
    runs: Mapping[str, LabelRuns]
    size: int


def export_set(
    images: WholeSet, origin: SetOrigin, folder: Path, writing: Writing, on_progress: OnProgress = ignore
) -> tuple[DatasetSummary, bool]:
    """Write a set into a folder, which appears, or replaces an older dataset, in one step.

    Returns:
        What is in the folder, and whether it was written; it was not if it is there already, of the same set.

    Raises:
        UsageError: the format failed, or did not do what it says; or a box or a mask does not fit its image.
        StorageError: the set cannot be read, the folder cannot be written, or there is no room for it.
    """
    facts = [__version__, COLUMNS_VERSION, origin.name, origin.digest, writing.origin.facts, str(writing.encoding)]
    facts += ["upright"] * writing.upright
    inputs = sha256(json.dumps([*facts, dict(origin.left_out), origin.card, origin.provenance]).encode()).hexdigest()
    recover(folder)
    if (there := read_summary(folder)) is not None and there.inputs == inputs:
        return there, False

    check_place(folder)
    if writing.encoding == Encoding():
        check_space(folder, images.size)
    total = len(images.selection.split_of)
    check_objects(images, origin.source, total, writing.encoding, upright=writing.upright, on_progress=on_progress)
    made = build(
        folder,
        images,
        images.selection,
        writing,
        name=origin.name,
        inputs=inputs,
        write_card=lambda new, summary, loaded: write_set_card(new, summary, origin, images.features, loaded),
        runs=images.runs,
        on_progress=on_progress,
    )
    return made, True
