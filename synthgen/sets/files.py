"""Images that are files: a folder with a subfolder for each class, or a CSV that lists paths and labels."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
from PIL import Image

from synthgen.errors import UsageError
from synthgen.images import LeftOut
from synthgen.sets.csv_file import read_csv
from synthgen.sets.image_set import BATCH
from synthgen.sets.own_folder import OwnFolder, own_folder

PATHS = ("path", "file", "file_name", "filename", "filepath", "image", "image_path")
"""The columns of a CSV that may contain the paths of images, the likeliest first."""
_HINT = "Expected a subfolder for each class, with images in it."


class FileSet:
    """An `ImageSet` of image files.

    Args:
        paths: of each row's image; None if the table has no images.
        own: where images may be.
    """

    def __init__(
        self, name: str, source: str, frame: pd.DataFrame, paths: Sequence[str | Path] | None, own: OwnFolder
    ) -> None:
        self.name, self.source, self.columns = name, source, tuple(frame.columns)
        self.label_columns: tuple[str, ...] = ()
        self.has_images = paths is not None
        self._frame, self._paths, self._own = frame, paths, own

    def table(self, columns: Sequence[str]) -> pd.DataFrame:
        return self._frame[list(columns)]

    def images(self) -> Iterator[list[bytes | LeftOut]]:
        paths = self._paths or ()
        for first in range(0, len(paths), BATCH):
            yield [self._own.read(path) for path in paths[first : first + BATCH]]

    def some(self, rows: Sequence[int]) -> list[bytes | LeftOut]:
        paths = self._paths or ()
        return [self._own.read(paths[row]) for row in rows]


def read_folder(folder: Path, split: str | None = None, images_from: Path | None = None) -> FileSet:
    """Find every image file below `folder`. Its class is the name of its own folder, and its id is its path.

    Args:
        images_from: another folder that links may point into.

    Raises:
        UsageError: there is no image, one is not in a subfolder, or a subfolder is a link that points outside.
    """
    within = folder / split if split else folder
    own = own_folder(folder, images_from)
    found = _image_files(within, own)
    if not found:
        raise UsageError(f"{within}: no image file is in it", hint=_HINT)
    if loose := [path for path in found if path.parent in (folder, within)]:
        raise UsageError(f"{loose[0]} lies in no subfolder, so it has no class", hint=_HINT)
    names = [path.relative_to(folder).as_posix() for path in found]
    frame = pd.DataFrame({"path": names, "label": [path.parent.name for path in found]}, dtype="object")
    return FileSet(folder.resolve().name, f"the image folder {folder}", frame, [path.absolute() for path in found], own)


def read_listing(file: Path, images_from: Path | None = None) -> FileSet:
    """Read a CSV or TSV, whose paths are relative to its own folder.

    Args:
        images_from: another folder that the paths may point into.

    Raises:
        UsageError: the file cannot be read as `read_csv` does, or a row has no path.
    """
    frame, lines = read_csv(file)
    column = next((name for name in PATHS if name in frame.columns), None)
    paths = None
    if column is not None:
        if frame[column].isna().any():
            line = lines[int(frame[column].isna().to_numpy().argmax())]
            raise UsageError(f"{file}:{line}: no {column}", hint="Every row needs an image.")
        paths = frame[column].tolist()
    return FileSet(file.stem, f"the list {file}", frame, paths, own_folder(file.parent, images_from))


def _image_files(within: Path, own: OwnFolder) -> list[Path]:
    """Find files by their image suffix, sorted. Whether they are regular files is checked when they are opened."""
    Image.init()
    found: list[Path] = []
    for place, folders, files in os.walk(within):
        found += [Path(place, name) for name in files if Path(name).suffix.lower() in Image.EXTENSION]
        for link in (Path(place, name) for name in folders if Path(place, name).is_symlink()):
            found += _linked(link, own)
    return sorted(found)


def _linked(link: Path, own: OwnFolder) -> list[Path]:
    """Find the images behind a link to a folder; none for a folder of the set itself, whose images are found anyway."""
    target = link.resolve()
    if target.is_relative_to(own.bases[0]):
        return []
    if not any(map(target.is_relative_to, own.roots)):
        hint = "Nothing outside the set is read: copy it there, or name where it leads with `images_from`."
        raise UsageError(f"{link} is a link to a folder outside {own.roots[0]}", hint=hint)
    inside = (path.relative_to(target) for path in target.rglob("*") if path.suffix.lower() in Image.EXTENSION)
    return [link / path for path in inside if not (target / path).is_dir()]
