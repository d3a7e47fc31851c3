"""The arguments of `export`, checked before anything is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.api.arguments import choice_of, flag_of, number_of, path_of, text_of, text_of_path
from synthgen.api.listing import is_run
from synthgen.errors import UsageError
from synthgen.files import check_folder, expanded
from synthgen.spec import PictureEncoding

if TYPE_CHECKING:
    from synthgen.dataset.build import Writing

_IMAGES = ("png", "jpeg", "webp")
_MOST = 100


def encoding_of(image: object, quality: object) -> PictureEncoding | None:
    """Return how pictures are to be encoded; None if nobody says.

    Raises:
        UsageError: there is no such format, or it has no such quality.
    """
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


def folder_of_export(output: object) -> Path:
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
    refuse_inside_run(folder, "output")
    check_folder(folder.absolute().parent)
    check_place(folder)
    return folder


def refuse_inside_run(folder: Path, argument: str) -> None:
    """Check that a folder to make lies in no run.

    Raises:
        UsageError: it does.
    """
    if run := next(filter(is_run, folder.absolute().parents), None):
        what = f"{folder} is in the folder of a run, {run.name}, which has files of its own"
        raise UsageError(what, argument=argument, hint="Choose a folder outside.")


def writing_of(to: str) -> Writing:
    """Open the format of this name.

    Raises:
        UsageError: there is none.
    """
    from synthgen.dataset.build import Writing
    from synthgen.dataset.encoding import Encoding
    from synthgen.dataset.formats.opening import open_formats

    try:
        writer, origin = open_formats((to,), {})
    except UsageError as error:
        raise UsageError(error.message, hint=error.hint, argument="to") from error
    return Writing(writer, origin, Encoding())


def refuse_overlap(place: str, folder: Path) -> None:
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
class SetReading:
    """How a set is read that synthgen did not make: see `export`."""

    label: str | None
    images_from: Path | None
    allow_remote: bool

    @classmethod
    def of(cls, label: object, images_from: object, allow_remote: object) -> SetReading:
        """Check the arguments.

        Raises:
            UsageError: one is invalid.
        """
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
