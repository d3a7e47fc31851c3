"""A folder of images, read by the conventions of `datasets` (its `imagefolder`).

The labels are in metadata files beside the images, or else the class of an image is the name of its own folder.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

import pandas as pd
from PIL import Image

from synthgen.errors import UsageError
from synthgen.sets.aside import Aside
from synthgen.sets.files import FileSet
from synthgen.sets.metadata import METADATA, Listed, read_metadata
from synthgen.sets.own_folder import OwnFolder, own_folder

_SPLIT = re.compile(r"(train|training|validation|valid|val|dev|test|testing|eval|evaluation)[-._ 0-9]*", re.IGNORECASE)
_HINT = "Expected a subfolder for each class, with images in it; or a metadata.csv with file_name and label."
_SHOWN = 3
_CONTACT, SUMMARY = "contact-sheet.jpg", "synthgen.json"
"""Files in the folder of a dataset that synthgen wrote: a picture of its card, and what tells how it was written."""


@dataclass(frozen=True, slots=True)
class FilesFound:
    """What is in a folder, sorted.

    Attributes:
        hidden: the number of images that were skipped for their name, or for that of a folder around them.
    """

    images: Sequence[Path]
    metadata: Sequence[Path]
    hidden: int


def read_folder(
    folder: Path, split: str | None = None, images_from: Path | None = None, *, classless: bool = False
) -> FileSet:
    """Open a folder of images. Names that begin with '.', and folders that begin with '__', are skipped and counted.

    Args:
        split: read only the subfolder of this name.
        images_from: another folder that links may point into.
        classless: if the class of an image is unclear, give none, and say why in a note.

    Raises:
        UsageError: there is no image or no such split, the class of an image is unclear, all are in one folder, a
            metadata file is invalid, or a subfolder is a link that points outside.
    """
    within = _of_split(folder, split)
    own = own_folder(folder, images_from)
    found = find_in(within, own)
    metadata = found.metadata or [file for file in map(folder.joinpath, METADATA) if file.is_file()]

    label_columns: tuple[str, ...] = ()
    aside: Aside | None = None
    if metadata:
        listed = within_split(read_metadata(metadata, folder, own), split if not found.metadata else None)
        aside = unlisted(found.images, listed, folder)
        frame, paths, notes = listed.frame, listed.paths, aside.notes
        label_columns = listed.label_columns
        if not len(frame):
            raise UsageError(f"{metadata[0]}: it lists no image", hint=_HINT)
    else:
        unclear, notes = _classes(folder, within, found.images, classless)
        names = [path.relative_to(folder).as_posix() for path in found.images]
        frame = pd.DataFrame({"path": names}, dtype="object")
        if not unclear:
            frame["label"] = pd.Series([path.parent.name for path in found.images], dtype="object")
        paths = [str(path.absolute()) for path in found.images]
    notes += skipped(found.hidden)
    opened = FileSet(folder.resolve().name, f"the image folder {folder}", frame, paths, own, notes)
    opened.label_columns, opened.aside = label_columns, aside
    return opened


def holds_images(folder: Path) -> bool:
    """Tell whether an image file that is not hidden is in a folder or below it."""
    return any(
        is_image(Path(name)) and not (is_hidden(Path(place, name).relative_to(folder)) or is_of_card(Path(place, name)))
        for place, _, files in os.walk(folder)
        for name in files
    )


def is_split(name: str) -> bool:
    """Tell whether a folder of this name is a split, as `datasets` knows them, such as 'train' or 'val2017'."""
    return _SPLIT.fullmatch(name) is not None


def _of_split(folder: Path, split: str | None) -> Path:
    if split is None or (folder / split).is_dir():
        return folder / split if split else folder
    there = [path.name for path in sorted(folder.iterdir()) if path.is_dir() and is_split(path.name)]
    hint = f"It has {', '.join(there)}." if there else "Splits are subfolders such as train and test."
    raise UsageError(f"{folder} has no split {split!r}", argument="split", hint=hint)


def check_classes(folder: Path, within: Path, images: Sequence[Path]) -> Iterator[str]:
    """Check that the folders of the images are classes, and yield notes on how they are read.

    Args:
        folder: that of the set.
        within: that of the split to read.

    Raises:
        UsageError: there is no image, or the class of one is unclear.
    """
    if not images:
        raise UsageError(f"{within}: no image file is in it", hint=_HINT)
    examples = {path.parent: path for path in reversed(images)}  # one of each folder: there may be millions of images
    for path in reversed(examples.values()):
        places = path.parent.relative_to(within).parts
        if not places:
            raise UsageError(f"{path} lies in no subfolder, so it has no class", hint=_HINT)
        if is_split(places[-1]) and not any(map(is_split, (folder.resolve().name, *places[:-1]))) and within == folder:
            what = f"{path} lies in no subfolder of {places[-1]!r}, which is the name of a split, so it has no class"
            hint = "Choose a split that has classes with `split`, or give the folder of a class another name."
            raise UsageError(what, hint=hint)

    depths = {len(path.parts): path for path in examples.values()}
    if len(depths) > 1:
        shallow, deep = depths[min(depths)], depths[max(depths)]
        hint = "Move all images to the same depth, choose one split with `split`, or list them in a CSV with labels."
        raise UsageError(f"{deep} lies deeper than {shallow}, so it is unclear which folder is its class", hint=hint)

    if len({path.name for path in examples}) == 1:
        only = images[0].parent
        tables = [file for file in sorted(folder.glob("*.[ct]sv")) if file.is_file()]
        table = f"If their labels are in {tables[0].name}, audit {tables[0]}. " if tables else ""
        named = "Give each class a folder of its own; or name all classes, or the only one, in a CSV of path and label."
        hint = f"{table}{named}"
        raise UsageError(f"{within}: all images lie in one folder, {only.name!r}, which need not be a class", hint=hint)

    above = {tuple(part for part in path.relative_to(within).parts[:-1] if not is_split(part)) for path in examples}
    if len(above) > 1:
        upper = sorted({part for parts in above for part in parts})
        shown = ", ".join(upper[:_SHOWN]) + (", .." if len(upper) > _SHOWN else "")
        yield f"the class of an image is its own folder; the folders above are not used: {shown}"


def _classes(folder: Path, within: Path, images: Sequence[Path], classless: bool) -> tuple[bool, list[str]]:
    """Tell whether the class of an image is unclear, which only a `classless` set may have, and write the notes."""
    try:
        return False, [*check_classes(folder, within, images)]
    except UsageError as error:
        if not (classless and images):
            raise
        return True, [f"no classes are used: {error.message}"]


def within_split(listed: Listed, split: str | None) -> Listed:
    """Return the rows of a split, from metadata that lies above it."""
    if split is None:
        return listed
    rows = [row for row, name in enumerate(listed.frame["file_name"]) if PurePath(name).parts[:1] == (split,)]
    return replace(listed, frame=listed.frame.iloc[rows].reset_index(drop=True), paths=[listed.paths[r] for r in rows])


def unlisted(images: Sequence[Path], listed: Listed, folder: Path) -> Aside:
    """Return the images that no metadata file lists, as an image or as the mask of one."""
    return others("that no metadata file lists", images, [*listed.paths, *listed.companions], folder)


def others(reason: str, images: Sequence[Path], listed: Sequence[str | Path], folder: Path) -> Aside:
    """Return the images below a folder that are not among those listed, for the reason why they are not used."""
    known = {os.path.normpath(path) for path in listed}
    unknown = [path for path in images if os.path.normpath(path.absolute()) not in known]
    return Aside(reason, [path.relative_to(folder).as_posix() for path in unknown])


def find_in(within: Path, own: OwnFolder) -> FilesFound:
    """Find files by their name. Whether they are regular files is checked when they are opened."""
    seen: list[Path] = []
    hidden = 0
    for place, folders, files in os.walk(within):
        inside = is_hidden(Path(place, "file").relative_to(within))
        for path in (Path(place, name) for name in files):
            if is_of_card(path):
                continue
            if not (inside or path.name.startswith(".")):
                seen.append(path)
            elif is_image(path):
                hidden += 1
        for link in (Path(place, name) for name in folders if not inside and Path(place, name).is_symlink()):
            seen += [path for path in _linked(link, own) if not is_hidden(path.relative_to(within))]
    metadata = sorted(path for path in seen if path.name in METADATA)
    return FilesFound(sorted(filter(is_image, seen)), metadata, hidden)


def skipped(hidden: int) -> list[str]:
    """Return a note on images that were skipped because they are hidden, if there are some."""
    return [f"image files with hidden names, or in hidden folders, were skipped: {hidden:,}"] if hidden else []


def is_hidden(path: PurePath) -> bool:
    """Tell whether a name begins with '.', or a folder's with '__'."""
    return any(part.startswith(".") for part in path.parts) or any(part.startswith("__") for part in path.parent.parts)


def is_of_card(path: Path) -> bool:
    """Tell whether a file is the contact sheet that synthgen puts beside a dataset, which is none of its images."""
    return path.name == _CONTACT and (path.parent / SUMMARY).is_file()


def is_image(path: PurePath) -> bool:
    """Tell whether a file's ending is one of an image."""
    Image.init()
    return path.suffix.lower() in Image.EXTENSION


def _linked(link: Path, own: OwnFolder) -> list[Path]:
    """Find the files behind a link to a folder; none for a folder of the set itself, whose files are found anyway."""
    target = link.resolve()
    if target.is_relative_to(own.bases[0]):
        return []
    if not any(map(target.is_relative_to, own.roots)):
        hint = "Nothing outside the set is read: copy it there, or name where it leads with `images_from`."
        raise UsageError(f"{link} is a link to a folder outside {own.roots[0]}", hint=hint)
    return [link / path.relative_to(target) for path in target.rglob("*") if not path.is_dir()]
