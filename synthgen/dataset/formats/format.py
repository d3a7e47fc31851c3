"""What a format is: something that writes selected images as files, and says which."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from synthgen.dataset.images import SelectedImages
from synthgen.dataset.select import Selection

if TYPE_CHECKING:
    from datasets import Features


@dataclass(frozen=True, slots=True)
class WrittenSplit:
    """What a format wrote of one split.

    Attributes:
        rows: how many images.
        files: the names of its files relative to the dataset's folder, with `/`; any sub-folders. None without rows.
        size: of the rows when they are loaded, in bytes; 0 if the format does not know.
        pattern: the glob by which `datasets.load_dataset` finds the files, and reads from them the columns of
            `SelectedImages.schema`, or `columns`; None if it cannot.
        columns: the types of the columns that it reads, if the files themselves do not tell them.
        needs_types: whether its reader of these files guesses types, unless it gets them as a setting.
        pictures_alone: whether it reads pictures alone. The card says so, or it would take their folders for classes.
    """

    rows: int
    files: tuple[str, ...]
    size: int = 0
    pattern: str | None = None
    columns: "Features | None" = None
    needs_types: bool = False
    pictures_alone: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a format wrote.

    Attributes:
        splits: by name, every split of the selection.
        others: the names of files that belong to no split, such as an index.
        digests: the sha256 in hex of files, by name, where synthgen's own format knows it. All others are hashed.
        folders: of several formats, what each wrote into the folder of its name.
    """

    splits: Mapping[str, WrittenSplit]
    others: tuple[str, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    folders: "Mapping[str, Manifest]" = field(default_factory=dict)

    @property
    def files(self) -> tuple[str, ...]:
        """The names of all files."""
        return (*(name for split in self.splits.values() for name in split.files), *self.others)

    @property
    def loads(self) -> bool:
        """Whether `datasets.load_dataset` finds the images of every split."""
        return all(split.pattern for split in self.splits.values() if split.rows)

    @property
    def loaded(self) -> WrittenSplit | None:
        """A split that `datasets` reads, if there is one."""
        return next((split for split in self.splits.values() if split.rows and split.pattern), None)


class FormatWriter(Protocol):
    """Writes a dataset in one format."""

    def write(self, selection: Selection, images: SelectedImages, folder: Path) -> Manifest:
        """Write every selected image below `folder`, which exists and is empty, and say what was written.

        The same images give the same bytes. `README.md`, `synthgen.json` and `provenance.json` in `folder` are
        written afterwards, and everything is then flushed to the disk and moved in its place: nothing here needs to be
        atomic. Only plain files and folders are written, no links. See `check_manifest` for what their names may be.

        Raises:
            StorageError: it cannot be written.
        """
