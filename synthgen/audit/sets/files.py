"""Images that are files: a folder with a subfolder for each class, or a CSV that lists paths and labels."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
from PIL import Image

from synthgen.audit.sets.image_set import BATCH
from synthgen.errors import UsageError

PATHS = ("path", "file", "file_name", "filename", "filepath", "image", "image_path")
"""The columns of a CSV that may hold the paths of images, the likeliest first."""
_HINT = "Expected a subfolder for each class, with images in it."


class FileSet:
    """An `ImageSet` of image files.

    Args:
        paths: of each row's image; None where the table has no images.
    """

    def __init__(self, name: str, source: str, frame: pd.DataFrame, paths: Sequence[Path] | None) -> None:
        self.name, self.source, self.columns = name, source, tuple(frame.columns)
        self.label_columns: tuple[str, ...] = ()
        self.has_images = paths is not None
        self._frame, self._paths = frame, paths

    def table(self, columns: Sequence[str]) -> pd.DataFrame:
        return self._frame[list(columns)]

    def images(self) -> Iterator[list[bytes | None]]:
        paths = self._paths or ()
        for first in range(0, len(paths), BATCH):
            yield [_bytes_of(path) for path in paths[first : first + BATCH]]

    def some(self, rows: Sequence[int]) -> list[bytes | None]:
        return [_bytes_of(self._paths[row]) if self._paths is not None else None for row in rows]


def read_folder(folder: Path, split: str | None = None) -> FileSet:
    """Every image file below `folder`; its class is the name of the folder that it lies in, and its id its path.

    Raises:
        UsageError: there is none, or one lies in no subfolder.
    """
    within = folder / split if split else folder
    Image.init()
    found = sorted(path for path in within.rglob("*") if path.suffix.lower() in Image.EXTENSION and path.is_file())
    if not found:
        raise UsageError(f"{within}: no image file is in it", hint=_HINT)
    if loose := [path for path in found if path.parent in (folder, within)]:
        raise UsageError(f"{loose[0]} lies in no subfolder, so it has no class", hint=_HINT)
    names = [path.relative_to(folder).as_posix() for path in found]
    frame = pd.DataFrame({"path": names, "label": [path.parent.name for path in found]}, dtype="object")
    return FileSet(folder.resolve().name, f"the image folder {folder}", frame, found)


def read_listing(file: Path) -> FileSet:
    """A CSV, or a TSV; its paths count from its own folder.

    Raises:
        UsageError: it cannot be read, or has other separators.
    """
    separator = "\t" if file.suffix.lower() == ".tsv" else ","
    try:
        # None and NA are words.
        frame = pd.read_csv(file, sep=separator, dtype="object", keep_default_na=False, na_values=[""])
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UsageError(
            f"{file} cannot be read: {reason}", hint="Expected a CSV in UTF-8 with a row for each image."
        ) from error
    if len(frame.columns) == 1 and (other := next((each for each in ";\t|" if each in frame.columns[0]), None)):
        what = f"{file}:1: its one column is {frame.columns[0]!r}"
        expected = "tabs, as in a .tsv" if separator == "\t" else "commas"
        raise UsageError(what, hint=f"Its columns seem to be separated by {other!r}: expected {expected}.")
    column = next((name for name in PATHS if name in frame.columns), None)
    paths = None
    if column is not None:
        if frame[column].isna().any():
            line = int(frame[column].isna().to_numpy().argmax()) + 2
            raise UsageError(f"{file}:{line}: no {column}", hint="Every row needs an image.")
        paths = [file.parent / name for name in frame[column]]
    return FileSet(file.stem, f"the list {file}", frame, paths)


def _bytes_of(path: Path) -> bytes | None:
    """None where it cannot be read: counted with the images that cannot be opened."""
    try:
        return path.read_bytes()
    except OSError:
        return None
