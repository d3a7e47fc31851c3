"""Exporting: the images of a run, of a dataset or of any labelled set, in a folder of another format."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from synthgen import running as runs
from synthgen.api.against import read_sets
from synthgen.api.arguments import PathInput, text_of, text_of_path
from synthgen.api.building import build_dataset, ledgers_of, refuse_unfinished
from synthgen.api.distinct import facts_of_run
from synthgen.api.export_arguments import SetReading, encoding_of, folder_of_export, refuse_overlap, writing_of
from synthgen.api.publishing import committed
from synthgen.api.trust import pinned_of_dataset, require_trust
from synthgen.bounded import read_bounded
from synthgen.errors import StorageError, UsageError
from synthgen.events import OnProgress, ignore
from synthgen.files import expanded, named_by_itself
from synthgen.inert import inert
from synthgen.pages.facts import facts
from synthgen.spec import PARQUET, PictureEncoding
from synthgen.spec.format_notes import format_notes, is_located
from synthgen.store import open_store
from synthgen.store.layout import CARD, DATASET, ORIGIN, PLAN

if TYPE_CHECKING:
    from synthgen.dataset.build import Writing
    from synthgen.dataset.export import WholeSet
    from synthgen.dataset.set_card import SetOrigin
    from synthgen.dataset.summary import DatasetSummary
    from synthgen.sets import SetSource


@dataclass(frozen=True, slots=True)
class Exported:
    """An exported set.

    Attributes:
        rebuilt: whether this call wrote it; False if the same was there already.
        left_out: what the set has and is not carried over, such as columns, each with the reason.
        notes: what a reader must know of how the set was read.

    Example:
        >>> synthgen.export("outputs/quickstart", "webdataset", "outputs/quickstart-tars").rebuilt
        True
    """

    folder: str
    summary: DatasetSummary
    rebuilt: bool
    left_out: dict[str, str]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Exported {inert(self.folder)}: {self.summary.rows:,} images as {self.summary.format.name}>"


def export(
    place: SetSource,
    to: str,
    output: PathInput,
    *,
    image: Literal["png", "jpeg", "webp"] | None = None,
    quality: int | None = None,
    label: str | None = None,
    images_from: PathInput | None = None,
    allow_remote: bool = False,
    on_progress: OnProgress = ignore,
) -> Exported:
    """Write the images of a run, of a dataset or of any labelled set in a format, into a folder of its own. Idempotent.

    Of a run, what its dataset has is written, from its lossless pictures. Of a dataset and of other sets, everything:
    with the splits that it has, the labels by their names, and the columns that a dataset can hold.
    The folder appears, or replaces one that synthgen made, in one step.

    Args:
        place: a run, a dataset's folder, or any set that `audit` opens.
        to: a format: parquet, hf, webdataset, imagefolder, coco, yolo, or that of an installed plug-in.
        output: the folder to make.
        image: how pictures are encoded. By default those of a run as its spec says, and others stay as they are.
        quality: of JPEG, 95 by default; of WebP, which is lossless without it.
        label: the column of the classes, of sets that do not show it.
        images_from: a folder, besides the set's own, that may hold images named by path.
        allow_remote: fetch images that the set names by http or https address.

    Raises:
        UsageError: an argument is invalid, the run is not finished, or the set has no labels or an image that cannot be
            opened.
        StorageError: the set cannot be read, or the folder cannot be written.

    Example:
        >>> exported = synthgen.export("outputs/quickstart", "imagefolder", "outputs/folder", image="jpeg", quality=90)
        >>> exported
        <Exported outputs/folder: 8 images as imagefolder>
    """
    from synthgen.auditing.input.arguments import set_source
    from synthgen.dataset.summary import read_summary, refuse_damaged

    place = set_source("place", place)
    encoding = encoding_of(image, quality)
    folder = folder_of_export(output)
    writing = writing_of(text_of(to, "to", "the name of a format"))
    asked = SetReading.of(label, images_from, allow_remote)

    with named_by_itself(place if isinstance(place, str | os.PathLike) else "the set"):
        if isinstance(place, str | os.PathLike):
            text = text_of_path(place, "place")
            refuse_overlap(text, folder)
            if "://" in text or (expanded(text) / PLAN).is_file():
                asked.refuse("a run")
                return _of_run(text, folder, to, encoding, on_progress)
            if (summary := read_summary(expanded(text))) is not None:
                return _of_dataset(expanded(text), summary, folder, writing, encoding, asked, on_progress)
            refuse_damaged(expanded(text))
        return _of_set(place, None, folder, writing, encoding, asked, on_progress)


def _of_run(
    location: str, folder: Path, to: str, encoding: PictureEncoding | None, on_progress: OnProgress
) -> Exported:
    from synthgen.dataset.replace import recover
    from synthgen.dataset.summary import read_summary
    from synthgen.ledger.tally import read_tally

    store = open_store(location)
    planned = runs.open_run(store)
    state = runs.read_state(planned, store)
    refuse_unfinished(store, state)
    records = list(state.done.values())
    ledgers, sources = ledgers_of(store, records), [committed(store, one.images.name) for one in records]
    spec = planned.spec
    tally = read_tally(ledgers, {name: kind.count for name, kind in spec.classes.items()}, state.review)
    told = facts(planned) | facts_of_run(sources, ledgers)
    asked = spec.output.model_copy(update={"format": to, "format_options": {}, "image": encoding or spec.output.image})
    recover(folder)
    before = read_summary(folder)
    require_trust([one for one in pinned_of_dataset(planned) if one.role != "format"], store.location, trust=False)
    try:
        others = read_sets(planned, on_progress).others
    except (UsageError, StorageError) as error:  # a set may have gone since, and the dataset was compared with it
        if not (expanded(location) / DATASET).is_dir():
            raise
        hint = (
            "Two ways out: put the set back where the spec names it; or export the finished dataset, which was "
            f"compared with it then: name {location}/{DATASET} in place of the run."
        )
        raise type(error)(f"{store.location}: {error.message}", hint=hint, argument=error.argument) from error
    made = build_dataset(planned, store, folder, state, asked, tally, told, others, on_progress=on_progress)
    notes = format_notes([to], located=is_located(spec))
    return Exported(str(folder), made, made != before, {}, tuple(notes))


def _of_dataset(
    place: Path,
    summary: DatasetSummary,
    folder: Path,
    writing: Writing,
    encoding: PictureEncoding | None,
    asked: SetReading,
    on_progress: OnProgress,
) -> Exported:
    """Export a dataset that synthgen wrote. Of several formats, Parquet tells most."""
    from synthgen.dataset.dataset_images import DatasetImages, check_files
    from synthgen.sets.opening import folder_of_format

    asked.refuse("a dataset")
    check_files(place, summary)
    origin = _origin_of(place, summary)
    if PARQUET not in (summary.format.name, *(one.name for one in summary.format.beside)):
        inside = folder_of_format(place) or place
        return _of_set(inside, origin, folder, writing, encoding, asked, on_progress)
    images = DatasetImages(place, summary)
    return _exported(images, origin, folder, writing, encoding, (), on_progress)


def _origin_of(place: Path, summary: DatasetSummary) -> SetOrigin:
    from synthgen.dataset.set_card import SetOrigin

    return SetOrigin(
        name=summary.name,
        source=f"the dataset {summary.name}, which synthgen made",
        digest=f"{summary.inputs} {sorted(summary.digests.items())}",
        classes=tuple(summary.classes),
        card=_text(place / CARD),
        provenance=_text(place / ORIGIN),
    )


def _of_set(
    place: SetSource,
    known: SetOrigin | None,
    folder: Path,
    writing: Writing,
    encoding: PictureEncoding | None,
    asked: SetReading,
    on_progress: OnProgress,
) -> Exported:
    from synthgen.dataset.joining.boxes import OF_DATASETS
    from synthgen.dataset.joining.side import read_side
    from synthgen.dataset.set_card import SetOrigin
    from synthgen.dataset.set_images import SetImages
    from synthgen.sets import allowing_remote, open_set

    with allowing_remote(asked.allow_remote):
        found = open_set(place, None, asked.images_from)
        # A dataset's own column of names: beside it, some formats have the numbers.
        own = "class" if known is not None and "class" in found.columns else None
        side = read_side(found, found.source, asked.label or own, (), is_synthetic=False)
        if known is not None and {*side.classes} <= {*known.classes}:
            side = replace(side, classes=known.classes)
        if known is not None:
            side = replace(side, boxes=side.boxes or OF_DATASETS)
        images = SetImages(side, on_progress)
        origin = known or SetOrigin(found.name, found.source, "", side.classes)
        origin = replace(origin, digest=f"{origin.digest} {images.digest}", left_out=images.left_out)
        return _exported(images, origin, folder, writing, encoding, found.notes, on_progress)


def _exported(
    images: WholeSet,
    origin: SetOrigin,
    folder: Path,
    writing: Writing,
    encoding: PictureEncoding | None,
    notes: tuple[str, ...],
    on_progress: OnProgress,
) -> Exported:
    from synthgen.dataset.encoding import Encoding
    from synthgen.dataset.export import export_set
    from synthgen.dataset.formats.objects import has_objects, needs_upright

    formats = [one.name for one in (writing.origin, *writing.origin.beside)]
    notes = (*notes, *format_notes(formats, located=has_objects(images.features)))
    asked = Encoding(encoding.format, encoding.quality) if encoding is not None else Encoding()
    writing = replace(writing, encoding=asked, upright=needs_upright(formats, images.features))
    made, is_new = export_set(images, origin, folder, writing, on_progress)
    if encoding is None and made.encoded:
        pictures = "1 picture was" if made.encoded == 1 else f"{made.encoded:,} pictures were"
        notes = (*notes, f"{pictures} turned upright, as EXIF says, and encoded again: not all readers turn them")
    return Exported(str(folder), made, is_new, dict(origin.left_out), notes)


def _text(file: Path) -> str | None:
    """Read a file of a dataset; None if it has none, or something else there."""
    if file.is_symlink():
        return None
    try:
        return read_bounded(file).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
