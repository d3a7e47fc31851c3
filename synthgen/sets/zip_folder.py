"""A zipped folder of images, read by the same rules as a folder, without unpacking it to the disk."""

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import pandas as pd

from synthgen.errors import StorageError, SynthgenError, UsageError
from synthgen.images import LeftOut
from synthgen.sets.aside import Aside
from synthgen.sets.image_folder import check_classes, is_hidden, is_image, skipped, unlisted, within_split
from synthgen.sets.image_set import in_batches, lacking
from synthgen.sets.metadata import METADATA, Listed, read_metadata
from synthgen.sets.own_folder import ADDRESS, MISSING, MOST_BYTES, TOO_LARGE, own_folder
from synthgen.sets.reading import reading

_UNPACK = "Unpack it, and audit the folder."
_TOP = 2
"""A folder's own files lie at most so deep in its zip: `metadata.csv`, or `set/metadata.csv`."""


class ZipSet:
    """An `ImageSet` of a zipped folder: a subfolder of images for each class, or labels in metadata.

    Images are unpacked one at a time.

    Args:
        split: read only the subfolder of this name.

    Raises:
        UsageError: it has names outside itself or given twice, its metadata is invalid, or the class of an image is
            unclear.
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

        images = sorted(path for path in below if is_image(path))
        seen = [path for path in images if not is_hidden(path)]
        self.label_columns: tuple[str, ...] = ()
        self.aside: Aside | None = None
        if metadata := _metadata(names, below):
            listed, self.aside = _listed(file, metadata, seen, split if not set(metadata) <= set(below) else None)
            notes = self.aside.notes
            self._frame, self.label_columns = listed.frame, listed.label_columns
            self._paths = self._frame["file_name"].tolist()
        else:
            notes = [*check_classes(Path(file), Path(file, within), [file / path for path in seen])]
            self._paths = [str(path) for path in seen]
            labels = [path.parent.name for path in seen]
            self._frame = pd.DataFrame({"path": self._paths, "label": labels}, dtype="object")
        self.notes = (*notes, *skipped(len(images) - len(seen)))
        self.columns, self.has_images = tuple(self._frame.columns), True

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

    def pictures(self, column: str, rows: Sequence[int]) -> list[bytes | LeftOut]:
        """Read the encoded pictures that another column names in these rows."""
        if column not in self.columns:
            raise lacking(self.source, column, self.columns)
        with reading(self._file), zipfile.ZipFile(self._file) as archive:
            names = self._frame[column].iloc[list(rows)]
            return [_content(archive, name) if isinstance(name, str) and name else MISSING for name in names]


def _metadata(names: Sequence[PurePosixPath], below: Sequence[PurePosixPath]) -> list[PurePosixPath]:
    """Return the metadata files of what is read, or else those at the top of the folder, which list all splits."""
    there = [path for path in names if path.name in METADATA and not is_hidden(path)]
    own = sorted(path for path in there if path in set(below))
    least = min((len(path.parts) for path in there), default=0)
    return own or sorted(path for path in there if len(path.parts) == least and least <= _TOP)


def _listed(
    file: Path, metadata: Sequence[PurePosixPath], images: Sequence[PurePosixPath], split: str | None
) -> tuple[Listed, Aside]:
    """Read metadata files as those of a folder: unpack them alone, for the moment, where images would lie beside them.

    Args:
        split: keep the rows of this split.
    """
    with TemporaryDirectory(prefix="synthgen-") as made:
        folder = Path(made).resolve()
        try:
            with reading(file), zipfile.ZipFile(file) as archive:
                for path in metadata:
                    content = _content(archive, str(path))
                    if isinstance(content, LeftOut):
                        raise StorageError(f"{file}/{path} is {content.reason}: {content.detail}", hint=_UNPACK)
                    (folder / path).parent.mkdir(parents=True, exist_ok=True)
                    (folder / path).write_bytes(content)
            listed = within_split(
                read_metadata([folder / path for path in metadata], folder, own_folder(folder)), split
            )
        except SynthgenError as error:
            raise type(error)(str(error).replace(str(folder), str(file)), hint=error.hint) from error
        if not len(listed.frame):
            raise UsageError(f"{file}/{metadata[0]}: it lists no image", hint=_UNPACK)
        return listed, unlisted([folder / path for path in images], listed, folder)


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
    if "://" in name:
        return ADDRESS
    try:
        if archive.getinfo(name).file_size > MOST_BYTES:
            return TOO_LARGE
        with archive.open(name) as file:
            content = file.read(MOST_BYTES + 1)
    except KeyError:
        return MISSING
    # A damaged, encrypted or oddly packed member concerns this image alone, and zlib and lzma have errors of their own.
    except Exception as error:
        return LeftOut("that cannot be unpacked", str(error) or type(error).__name__)
    return content if len(content) <= MOST_BYTES else TOO_LARGE
