"""What a format is: something that writes selected images as files, and says which."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from synthgen.dataset.images import SelectedImages
from synthgen.dataset.select import Selection
from synthgen.errors import UsageError


@dataclass(frozen=True, slots=True)
class WrittenSplit:
    """What a format wrote of one split.

    Attributes:
        rows: how many images.
        files: the names of its files relative to the dataset's folder, with `/`; any sub-folders. None without rows.
        size: of the rows when they are loaded, in bytes; 0 if the format does not know.
        pattern: the glob by which `datasets.load_dataset` finds the files, and reads from them the columns of
            `SelectedImages.schema`; None if it cannot.
    """

    rows: int
    files: tuple[str, ...]
    size: int = 0
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a format wrote.

    Attributes:
        splits: by name, every split of the selection.
        others: the names of files that belong to no split, such as an index.
    """

    splits: Mapping[str, WrittenSplit]
    others: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """The names of all files."""
        return (*(name for split in self.splits.values() for name in split.files), *self.others)


class FormatWriter(Protocol):
    """Writes a dataset in one format."""

    def write(self, selection: Selection, images: SelectedImages, folder: Path) -> Manifest:
        """Write every selected image below `folder`, which exists and is empty, and say what was written.

        The same images give the same bytes. `README.md` and `synthgen.json` in `folder` are written afterwards, and
        everything is then flushed to the disk and moved in its place: nothing here needs to be atomic.

        Raises:
            StorageError: it cannot be written.
        """


def check_manifest(manifest: Manifest, selection: Selection, images: SelectedImages, folder: Path) -> None:
    """Check what a format says that it wrote.

    Raises:
        UsageError: it left out images, or what it says is not what is in `folder`.
    """
    for split in selection.splits:
        wanted, written = selection.images_in(split), manifest.splits.get(split)
        if written is None or written.rows != wanted:
            rows = written.rows if written else 0
            _refuse(f"it wrote {rows} of the {wanted} images of {split}")
    if images.count != len(selection.split_of):
        _refuse(f"it read {images.count} of {len(selection.split_of)} images")

    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    for name in sorted({*manifest.files} ^ there):
        _refuse(f"it did not name {name}, which it wrote" if name in there else f"it did not write {name}")
    for name in sorted(there):
        if not is_file_name(name):
            _refuse(f"{name!r} is not a name that files of a run may have: letters, digits, '.', '-', '_'")


def is_file_name(name: str) -> bool:
    """Whether this names a file inside the dataset and nowhere else, by characters that every store takes."""
    parts = PurePosixPath(name).parts
    return "/".join(parts) == name and bool(parts) and all(map(_is_part, parts))


def _is_part(part: str) -> bool:
    return part.isascii() and part[:1] not in (".", "") and all(letter.isalnum() or letter in "._-" for letter in part)


def _refuse(what: str) -> None:
    raise UsageError(f"the format of the dataset is at fault: {what}", hint="Report it to those who wrote the format.")
