"""Joining a set of real images with one of synthetic images."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from synthgen.api.arguments import PathInput, flag_of, path_of, text_of, texts_of
from synthgen.api.export_arguments import refuse_inside_run
from synthgen.api.published_folder import folder_of_run
from synthgen.errors import UsageError
from synthgen.events import OnProgress, ignore
from synthgen.files import check_folder, expanded
from synthgen.inert import inert
from synthgen.store.layout import ORIGIN

if TYPE_CHECKING:
    from synthgen.dataset.joining.join import JoinedSet
    from synthgen.dataset.joining.same_pictures import ClassConflict, SetRepeats, SplitLeak
    from synthgen.dataset.summary import DatasetSummary
    from synthgen.sets import ImageSet, SetSource

_SYNTHETIC = "the synthetic set"


@dataclass(frozen=True, slots=True)
class Joined:
    """A set of real and synthetic images.

    Attributes:
        rebuilt: whether this call wrote it; False if it was there already.
        real: how many real images each split has of each class.
        synthetic: the same of synthetic images.
        leaks: synthetic images in another split than a real one that they show: copies, and images that were made from
            it.
        left_out: what the sets have and the dataset does not, such as keypoints, each with the reason.
        copies: how many synthetic images are, byte for byte, in the real set in the same split.
        conflicts: pictures that are there under several classes, byte for byte: of each, two images that contradict.
        repeats: of each set, "real" and "synthetic", how many images are, byte for byte, an earlier image of the same
            set, and how many of these are in another split.

    Example:
        >>> made = synthgen.render("outputs/photos", 12, even=True)
        >>> joined = synthgen.join("outputs/photos", "outputs/quickstart", "outputs/both", unshared_classes=True)
        >>> joined.summary.rows
        20
    """

    folder: Path
    summary: DatasetSummary
    rebuilt: bool
    real: Mapping[str, Mapping[str, int]]
    synthetic: Mapping[str, Mapping[str, int]]
    leaks: tuple[SplitLeak, ...]
    left_out: Mapping[str, str]
    copies: int = 0
    conflicts: tuple[ClassConflict, ...] = ()
    repeats: Mapping[str, SetRepeats] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Joined {inert(str(self.folder))}: {self.summary.rows:,} images>"


def join(
    real: SetSource,
    synthetic: SetSource,
    folder: PathInput,
    *,
    label: str | None = None,
    synthetic_label: str | None = None,
    unshared_classes: bool = False,
    keep_splits: bool = False,
    leave_out: Sequence[str] = (),
    images_from: PathInput | None = None,
    on_progress: OnProgress = ignore,
    stop: Callable[[], bool] = lambda: False,
) -> Joined:
    """Join a set of real images with one of synthetic images, as one dataset in Parquet.

    A column `synthetic` says which images are. Classes are matched by their names, and the numbers of the real set's
    stay. The real set's splits stay as they are, and the synthetic images go to the one for training. A column of only
    one of the sets is empty for the images of the other. Pictures are kept byte for byte.

    Args:
        real: a run, or whatever else `audit` opens.
        synthetic: the same, of synthetic images.
        folder: where the dataset goes: a new folder, or a dataset, which is replaced.
        label: the column of the classes of the real set; by default the one that looks like it.
        synthetic_label: the same of the synthetic set.
        unshared_classes: keep classes that only one of the sets has.
        keep_splits: leave synthetic images in the split that they are in.
        leave_out: columns that are left out.
        images_from: a folder, besides a set's own, that may hold images which the set names by path.
        stop: is asked now and then whether to stop.

    Raises:
        UsageError: the sets do not go together, the real one is of synthgen's own images, an image has no class or
            cannot be opened, or a box does not fit into its image.
        StorageError: a set cannot be read, or the folder cannot be written.
        Interrupted: `stop` said so.

    Example:
        >>> made = synthgen.render("outputs/real", 12, even=True)
        >>> joined = synthgen.join("outputs/real", "outputs/quickstart", "outputs/joined", unshared_classes=True)
        >>> datasets.load_dataset("outputs/joined", split="train").features["synthetic"].dtype
        'bool'
    """
    place = expanded(path_of(folder, "folder"))
    for argument, column in (("label", label), ("synthetic_label", synthetic_label)):
        if column is not None:
            text_of(column, argument, "the name of a column")
    unshared_classes, keep_splits = flag_of(unshared_classes, "unshared_classes"), flag_of(keep_splits, "keep_splits")
    left_out = texts_of(leave_out, "leave_out")
    elsewhere = None if images_from is None else expanded(path_of(images_from, "images_from"))

    from synthgen.auditing.input.arguments import set_source
    from synthgen.dataset.dataset_images import check_dataset
    from synthgen.dataset.joining.boxes import OF_DATASETS
    from synthgen.dataset.joining.join import join_sides
    from synthgen.dataset.joining.side import read_side
    from synthgen.dataset.replace import check_place
    from synthgen.sets import open_set
    from synthgen.sets.picture_lists import picture_lists

    real, synthetic = set_source("real", real), set_source("synthetic", synthetic)
    _check_apart(place, (real, synthetic))
    for source in (real, synthetic):
        if isinstance(within := _of_run(source), str | os.PathLike):
            check_dataset(expanded(within))
    refuse_inside_run(place, "folder")
    check_folder(place.parent)
    check_place(place)
    sides = []
    for source, title, column in ((real, "the real set", label), (synthetic, _SYNTHETIC, synthetic_label)):
        found, is_synthetic = open_set(_of_run(source), None, elsewhere), title == _SYNTHETIC
        own = _own_dataset(source)
        if not is_synthetic and own is not None:
            _check_real(own, found)
        side = read_side(found, title, column, left_out, is_synthetic=is_synthetic, name=_name_of(source, found))
        sides.append(replace(side, boxes=side.boxes or OF_DATASETS) if own is not None else side)
    _check_left_out(left_out, [name for side in sides for name in (*side.found.columns, *picture_lists(side.found))])
    made = join_sides(
        sides[0],
        sides[1],
        place,
        unshared=unshared_classes,
        keep_splits=keep_splits,
        left_out=left_out,
        on_progress=on_progress,
        stop=stop,
    )
    return _joined(place, made)


def _joined(place: Path, made: JoinedSet) -> Joined:
    def counts(origin: bool) -> dict[str, dict[str, int]]:
        return {
            split.name: {name: made.origins.get((split.name, name, origin), 0) for name in split.classes}
            for split in made.summary.splits
        }

    return Joined(
        place,
        made.summary,
        made.rebuilt,
        counts(False),
        counts(True),
        made.leaks,
        made.unread,
        made.copies,
        made.conflicts,
        made.repeats,
    )


def _of_run(source: SetSource) -> SetSource:
    """Give a run's dataset; everything else as it is."""
    if not isinstance(source, str | os.PathLike):
        return source
    return folder_of_run(expanded(cast("PathInput", source))) or source


def _own_dataset(source: SetSource) -> Path | None:
    """Return the folder of a dataset that synthgen wrote; None if the set is no such dataset."""
    from synthgen.dataset.summary import read_summary

    place = _of_run(source)
    if not isinstance(place, str | os.PathLike) or not (folder := expanded(place)).is_dir():
        return None
    return folder if read_summary(folder) is not None else None


def _check_real(folder: Path, found: ImageSet) -> None:
    """Check that a dataset of synthgen does not consist of synthetic images that nothing calls so.

    Raises:
        UsageError: it does.
    """
    from synthgen.dataset.joining.side import SYNTHETIC

    if (folder / ORIGIN).is_file() and SYNTHETIC not in found.columns:
        hint = (
            "The real set comes first, and the synthetic one second: swap them. To join two synthetic sets, give this "
            f"one a column {SYNTHETIC!r} that is true."
        )
        raise UsageError(f"the real set, {folder}, is made of images that synthgen generated", hint=hint)


def _name_of(source: SetSource, found: ImageSet) -> str:
    """Name a set; a run by its own folder, and a dataset of synthgen by what it was made of, too."""
    from synthgen.dataset.summary import read_summary

    place = _of_run(source)
    if not isinstance(source, str | os.PathLike) or not isinstance(place, str | os.PathLike):
        return found.name
    if not (folder := expanded(place)).is_dir():
        return found.name
    name, summary = expanded(source).resolve().name, read_summary(folder)
    return name if summary is None else f"{name}, made of {summary.inputs}"


def _check_apart(place: Path, sources: Sequence[SetSource]) -> None:
    """Check that the new dataset is neither in one of the sets nor around it.

    Raises:
        UsageError: it is.
    """
    here = place.resolve()
    for source in sources:
        if not isinstance(source, str | os.PathLike):
            continue
        there = expanded(source).resolve()
        if there.exists() and (there == here or there in here.parents or here in there.parents):
            what = f"{place} is where one of the sets is: {source}"
            raise UsageError(what, argument="folder", hint="Choose a folder outside both.")


def _check_left_out(names: Sequence[str], columns: Sequence[str]) -> None:
    if unknown := [name for name in names if name not in columns]:
        hint = f"They have {', '.join(dict.fromkeys(columns))}."
        which = f"a column {unknown[0]!r}" if len(unknown) == 1 else f"the columns {', '.join(map(repr, unknown))}"
        raise UsageError(f"neither set has {which}", argument="leave_out", hint=hint)
