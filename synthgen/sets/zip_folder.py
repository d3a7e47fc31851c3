"""A zipped folder of images, read by the same rules as a folder, without unpacking it to the disk."""

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from synthgen.errors import StorageError, UsageError
from synthgen.images import LeftOut
from synthgen.sets.image_folder import check_classes, is_hidden, is_image, skipped
from synthgen.sets.image_set import in_batches
from synthgen.sets.metadata import METADATA
from synthgen.sets.own_folder import MOST_BYTES, TOO_LARGE
from synthgen.sets.reading import reading

_UNPACK = "Unpack it, and audit the folder."


class ZipSet:
    """An `ImageSet` of a zipped folder with a subfolder of images for each class. Images are unpacked one at a time.

    Args:
        split: read only the subfolder of this name.

    Raises:
        UsageError: it has labels in metadata, names outside itself or given twice, or the class of an image is unclear.
        StorageError: it is damaged.
    """

    def __init__(self, name: str, file: Path, split: str | None = None) -> None:
        self.name, self.source = name, f"the zipped folder {file}"
        self._file, names = file, _names(file)
        within = PurePosixPath(split or "")
        below = [path for path in names if path.is_relative_to(within)]
        if split is not None and not below:
            hint = "Splits are folders in it, such as train and test."
            raise UsageError(f"{file} has no split {split!r}", argument="split", hint=hint)
        if metadata := [path for path in names if path.name in METADATA]:
            raise UsageError(f"{file} has its labels in {metadata[0]}, which is not read from a zip", hint=_UNPACK)

        images = sorted(path for path in below if is_image(path))
        seen = [path for path in images if not is_hidden(path)]
        notes = [*check_classes(Path(file), Path(file, within), [file / path for path in seen])]
        self.notes = (*notes, *skipped(len(images) - len(seen)))
        self._paths = [str(path) for path in seen]
        self._frame = pd.DataFrame({"path": self._paths, "label": [path.parent.name for path in seen]}, dtype="object")
        self.columns, self.has_images = tuple(self._frame.columns), True
        self.label_columns: tuple[str, ...] = ()

    def table(self, columns: Sequence[str]) -> pd.DataFrame:
        """Read these columns of every row."""
        return self._frame[list(columns)]

    def images(self) -> Iterator[list[bytes | LeftOut]]:
        """Read the encoded image of every row, at most `BATCH` at a time."""
        return in_batches(len(self._paths), self.some)

    def some(self, rows: Sequence[int]) -> list[bytes | LeftOut]:
        """Read the encoded images of these rows."""
        with reading(self._file), zipfile.ZipFile(self._file) as archive:
            return [_content(archive, self._paths[row]) for row in rows]


def _names(file: Path) -> list[PurePosixPath]:
    try:
        with reading(file), zipfile.ZipFile(file) as archive:
            names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise StorageError(f"{file} cannot be read: {error}", hint="Check that it is complete, and a .zip.") from error
    seen: set[PurePosixPath] = set()
    for path in map(PurePosixPath, names):
        if path.is_absolute() or ".." in path.parts:
            raise UsageError(f"{file} names {path}, which leads outside it", hint="Make it again from a folder.")
        if path in seen:
            raise UsageError(f"{file}: {path} is in it twice", hint="Make it again from a folder.")
        seen.add(path)
    return [*seen]


def _content(archive: zipfile.ZipFile, name: str) -> bytes | LeftOut:
    """Unpack an image, up to the limit whatever its header says."""
    try:
        if archive.getinfo(name).file_size > MOST_BYTES:
            return TOO_LARGE
        with archive.open(name) as file:
            content = file.read(MOST_BYTES + 1)
    # A damaged, encrypted or oddly packed member concerns this image alone, and zlib and lzma have errors of their own.
    except Exception as error:
        return LeftOut("that cannot be unpacked", str(error) or type(error).__name__)
    return content if len(content) <= MOST_BYTES else TOO_LARGE
