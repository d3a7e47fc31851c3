"""Joining: two sets are read, one dataset appears, with its card."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from synthgen.dataset.build import Writing, build
from synthgen.dataset.columns import COLUMNS_VERSION
from synthgen.dataset.croissant import DerivedFrom, Description
from synthgen.dataset.encoding import Encoding
from synthgen.dataset.formats.parquet import ParquetFormat
from synthgen.dataset.joining.boxes import with_form
from synthgen.dataset.joining.card import write_joined_card
from synthgen.dataset.joining.images import JoinedImages
from synthgen.dataset.joining.mapping import joined_classes, joined_columns, joined_splits
from synthgen.dataset.joining.same_pictures import ClassConflict, SetRepeats, SplitLeak
from synthgen.dataset.joining.side import JoinedSide, unread_of
from synthgen.dataset.provenance import FormatOrigin
from synthgen.dataset.replace import check_place, recover, scratch_beside
from synthgen.dataset.summary import DatasetSummary, read_summary
from synthgen.errors import Interrupted
from synthgen.events import Event, OnProgress
from synthgen.sets.complaints import Complaints
from synthgen.version import __version__

_NAMED = 20


@dataclass(frozen=True, slots=True)
class JoinedSet:
    """What was joined.

    Attributes:
        summary: of the dataset.
        rebuilt: whether it was written; False if it was there already.
        origins: how many images each split has of each class, by whether they are synthetic.
        leaks: synthetic images in another split than a real one that they show.
        copies: how many synthetic images are, byte for byte, in the real set in the same split.
        conflicts: pictures that are there under several classes.
        repeats: what each of the two sets has more than once.
        unread: what the sets have and the dataset does not, each with the reason.
    """

    summary: DatasetSummary
    rebuilt: bool
    origins: Mapping[tuple[str, str, bool], int]
    leaks: tuple[SplitLeak, ...]
    copies: int
    conflicts: tuple[ClassConflict, ...]
    repeats: Mapping[str, SetRepeats]
    unread: Mapping[str, str]


def join_sides(
    real: JoinedSide,
    synthetic: JoinedSide,
    folder: Path,
    *,
    unshared: bool,
    keep_splits: bool,
    left_out: Collection[str],
    on_progress: OnProgress,
    stop: Callable[[], bool],
) -> JoinedSet:
    """Make one dataset of two sets. The folder appears, or replaces an older dataset, in one step.

    Args:
        unshared: keep classes that only one of the two has.
        keep_splits: leave synthetic images in the split that they are in.
        left_out: columns that were left out.

    Raises:
        UsageError: the sets do not go together, an image cannot be opened, or a box does not fit into its image.
        StorageError: a set cannot be read, or the folder cannot be written.
        Interrupted: `stop` said so.
    """
    complaints = Complaints("reasons why the two sets do not go together", most=_NAMED)
    classes = joined_classes(real, synthetic, complaints, unshared=unshared)
    splits, split_of = joined_splits(real, synthetic, keep=keep_splits)
    joined_columns(real, synthetic, complaints)
    complaints.refuse()  # before an image is read

    def hear(event: Event) -> None:
        if stop():
            raise Interrupted("interrupted", hint="Run the same command again. What was there before is as it was.")
        on_progress(event)

    check_place(folder)
    recover(folder)
    there = read_summary(folder)
    sides = (with_form(real, hear), with_form(synthetic, hear))
    columns = joined_columns(*sides, complaints)
    with scratch_beside(folder) as scratch:
        images = JoinedImages(sides, classes, splits, split_of, columns, scratch=scratch, on_progress=hear)
        facts = [__version__, COLUMNS_VERSION, folder.name, images.digest, real.name, synthetic.name]
        unread = unread_of(*sides)
        inputs = sha256(json.dumps([*facts, sorted(left_out), unread]).encode()).hexdigest()
        if there is not None and there.inputs == inputs:
            return _joined(there, images, unread, rebuilt=False)
        summary = build(
            folder,
            images,
            images.selection,
            Writing(ParquetFormat(), FormatOrigin(), Encoding()),
            name=folder.resolve().name,
            inputs=inputs,
            write_card=lambda new, summary, loaded: write_joined_card(new, summary, sides, images, left_out, loaded),
            runs=images.runs,
            description=_description(sides),
            on_progress=hear,
        )
    return _joined(summary, images, unread, rebuilt=True)


def _joined(summary: DatasetSummary, images: JoinedImages, unread: Mapping[str, str], *, rebuilt: bool) -> JoinedSet:
    return JoinedSet(
        summary,
        rebuilt,
        images.origins,
        images.leaks,
        images.copies,
        images.conflicts,
        images.repeats,
        unread,
    )


def _description(sides: tuple[JoinedSide, JoinedSide]) -> Description:
    """Say what `croissant.json` has of the whole: that it is of two sets, and of which."""
    text = (
        "Real images and synthetic ones; the column `synthetic` says which. Joined with synthgen; README.md says how."
    )
    names = [f"{side.title}, {side.name}" for side in sides]
    addresses = [f"urn:synthgen:set:{quote(side.name, safe='')}" for side in sides]
    derived = list(map(DerivedFrom, addresses, names))
    return Description(text, made_by=f"synthgen {__version__}, join", derived_from=derived)
