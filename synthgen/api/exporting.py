"""Exporting: the images of a run, of a dataset or of any labelled set, in a folder of another format."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from synthgen import running as runs
from synthgen.api.arguments import PathInput, choice_of, flag_of, number_of, path_of, text_of, text_of_path
from synthgen.api.building import build_dataset, ledgers_of, refuse_unfinished
from synthgen.api.distinct import facts_of_run
from synthgen.api.publishing import committed
from synthgen.bounded import read_bounded
from synthgen.errors import UsageError
from synthgen.events import OnProgress, ignore
from synthgen.files import check_folder, expanded, named_by_itself
from synthgen.inert import inert
from synthgen.pages.facts import facts
from synthgen.spec import PARQUET, PictureEncoding
from synthgen.store import open_store
from synthgen.store.layout import CARD, ORIGIN, PLAN

if TYPE_CHECKING:
    from synthgen.dataset.build import Writing
    from synthgen.dataset.export import WholeSet
    from synthgen.dataset.set_card import SetOrigin
    from synthgen.dataset.summary import DatasetSummary
    from synthgen.sets import SetSource

_IMAGES = ("png", "jpeg", "webp")
_MOST = 100


@dataclass(frozen=True, slots=True)
class Exported:
    """An exported set.

    Attributes:
        rebuilt: whether this call wrote it; False if the same was there already.
        left_out: columns of the set that are not carried over, each with the reason.
        notes: what a reader must know of how the set was read.
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
    encoding = _encoding_of(image, quality)
    folder = _folder_of(output)
    writing = _writing_of(text_of(to, "to", "the name of a format"))
    asked = _Reading.of(label, images_from, allow_remote)

    with named_by_itself(place if isinstance(place, str | os.PathLike) else "the set"):
        if isinstance(place, str | os.PathLike):
            text = text_of_path(place, "place")
            _refuse_overlap(text, folder)
            if "://" in text or (expanded(text) / PLAN).is_file():
                asked.refuse("a run")
                return _of_run(text, folder, to, encoding, on_progress)
            if (found := _of_dataset(expanded(text), folder, writing, encoding, asked, on_progress)) is not None:
                return found
        return _of_set(place, folder, writing, encoding, asked, on_progress)


def _encoding_of(image: object, quality: object) -> PictureEncoding | None:
    if image is not None:
        choice_of(image, "image", _IMAGES)
    if quality is None:
        return PictureEncoding.model_validate({"format": image}) if image is not None else None
    number = number_of(quality, "quality")
    if number > _MOST:
        raise UsageError(f"expected at most {_MOST}, found {number}", argument="quality")
    if image is None or image == "png":
        what = "PNG keeps every pixel, and has no quality" if image else "without a format, pictures stay as they are"
        raise UsageError(what, argument="quality", hint='Give `image="jpeg"` or `image="webp"` with it.')
    return PictureEncoding.model_validate({"format": image, "quality": number})


def _folder_of(output: object) -> Path:
    """Check the folder to make before anything is read.

    Raises:
        UsageError: it is an address.
        StorageError: something else is there, or it cannot be written.
    """
    from synthgen.dataset.replace import check_place

    text = text_of_path(output, "output")
    if "://" in text:
        hint = "Name a folder on this machine, and copy it from there."
        raise UsageError("datasets are exported to folders, not to addresses", argument="output", hint=hint)
    folder = expanded(path_of(output, "output"))
    if (folder.absolute().parent / PLAN).is_file():
        what = f"{folder} is in the folder of a run, which has files of its own"
        raise UsageError(what, argument="output", hint="Choose a folder outside.")
    check_folder(folder.absolute().parent)
    check_place(folder)
    return folder


def _writing_of(to: str) -> Writing:
    from synthgen.dataset.build import Writing
    from synthgen.dataset.encoding import Encoding
    from synthgen.dataset.formats.opening import open_formats

    try:
        writer, origin = open_formats((to,), {})
    except UsageError as error:
        raise UsageError(error.message, hint=error.hint, argument="to") from error
    return Writing(writer, origin, Encoding())


def _refuse_overlap(place: str, folder: Path) -> None:
    """Check that the export does not replace what it is made from.

    Raises:
        UsageError: one of the two folders is in the other.
    """
    if "://" in place:
        return
    source, target = expanded(place).resolve(), folder.resolve()
    if source == target or source.is_relative_to(target) or (target.is_relative_to(source) and source.is_dir()):
        what = f"{folder} and {place} are one in the other, or the same"
        raise UsageError(what, argument="output", hint="Choose a folder beside the set.")


@dataclass(frozen=True, slots=True)
class _Reading:
    """How a set is read that synthgen did not make: see `export`."""

    label: str | None
    images_from: Path | None
    allow_remote: bool

    @classmethod
    def of(cls, label: object, images_from: object, allow_remote: object) -> _Reading:
        return cls(
            text_of(label, "label", "the name of a column") if label is not None else None,
            path_of(images_from, "images_from") if images_from is not None else None,
            flag_of(allow_remote, "allow_remote"),
        )

    def refuse(self, kind: str) -> None:
        """Refuse what has no effect on what synthgen made itself.

        Raises:
            UsageError: something was asked for.
        """
        given = {"label": self.label, "images_from": self.images_from, "allow_remote": self.allow_remote or None}
        if name := next((name for name, value in given.items() if value is not None), None):
            what = f"is for sets that synthgen did not make, and this is {kind}"
            raise UsageError(what, argument=name, hint=f"Leave it out: {kind} has its labels and pictures itself.")


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
    made = build_dataset(planned, store, folder, state, asked, tally, told, on_progress=on_progress)
    return Exported(str(folder), made, made != before, {})


def _of_dataset(
    place: Path,
    folder: Path,
    writing: Writing,
    encoding: PictureEncoding | None,
    asked: _Reading,
    on_progress: OnProgress,
) -> Exported | None:
    """Export a dataset that synthgen wrote, with Parquet; None if it is something else."""
    from synthgen.dataset.dataset_images import DatasetImages
    from synthgen.dataset.set_card import SetOrigin
    from synthgen.dataset.summary import read_summary

    summary = read_summary(place) if place.is_dir() else None
    if summary is None or PARQUET not in (summary.format.name, *(one.name for one in summary.format.beside)):
        return None
    asked.refuse("a dataset")
    images = DatasetImages(place, summary)
    origin = SetOrigin(
        name=summary.name,
        source=f"the dataset {summary.name}, which synthgen made",
        digest=f"{summary.inputs} {sorted(summary.digests.items())}",
        card=_text(place / CARD),
        provenance=_text(place / ORIGIN),
        runs={split.name: split.runs for split in summary.splits if split.runs is not None},
    )
    return _exported(images, origin, folder, writing, encoding, (), on_progress)


def _of_set(
    place: SetSource,
    folder: Path,
    writing: Writing,
    encoding: PictureEncoding | None,
    asked: _Reading,
    on_progress: OnProgress,
) -> Exported:
    from synthgen.dataset.joining.side import read_side
    from synthgen.dataset.set_card import SetOrigin
    from synthgen.dataset.set_images import SetImages
    from synthgen.sets import allowing_remote, open_set

    with allowing_remote(asked.allow_remote):
        found = open_set(place, None, asked.images_from)
        side = read_side(found, found.source, asked.label, (), is_synthetic=False)
        images = SetImages(side, on_progress)
        origin = SetOrigin(found.name, found.source, images.digest, images.left_out)
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

    asked = Encoding(encoding.format, encoding.quality) if encoding is not None else Encoding()
    made, is_new = export_set(images, origin, folder, replace(writing, encoding=asked), on_progress)
    return Exported(str(folder), made, is_new, dict(origin.left_out), notes)


def _text(file: Path) -> str | None:
    """Read a file of a dataset; None if it has none, or something else there."""
    if file.is_symlink():
        return None
    try:
        return read_bounded(file).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
