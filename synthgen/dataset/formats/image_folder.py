"""A folder of image files: `SPLIT/CLASS/ID.png`, and in each split's folder `metadata.jsonl` with all columns."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from synthgen.dataset.formats.format import Manifest, WrittenSplit
from synthgen.dataset.formats.metadata_file import FILE, FILES, METADATA, MetadataFiles
from synthgen.dataset.formats.names import class_folders, file_stem
from synthgen.dataset.formats.parts import EncodedPicture, PartedImages, Parts
from synthgen.dataset.images import SelectedImages
from synthgen.dataset.select import Selection


@dataclass(frozen=True, slots=True)
class ImageFolderFormat:
    """What torchvision's `ImageFolder` opens, and `datasets.load_dataset` with all columns.

    Pictures of other columns, such as masks, lie in the split's own folder: a folder there is a class to `ImageFolder`,
    and its files are nothing. Each split has the folders of all classes, so that a class has one number in all splits.
    """

    def write(self, selection: Selection, images: SelectedImages, folder: Path) -> Manifest:
        """Write the files of all splits: see `FormatWriter`."""
        parted, classes = PartedImages(images), class_folders(selection.classes)
        splits = [split for split in selection.splits if selection.images_in(split)]
        files: dict[str, list[str]] = {split: [] for split in selection.splits}
        rows, sizes = Counter[str](), Counter[str]()

        with MetadataFiles({split: folder / split for split in splits}) as metadata:
            for split in splits:
                for name in classes:
                    (folder / split / name).mkdir()
            for parts in parted:
                row, pictures = _arranged(parts, classes[parts.label])
                for name, picture in pictures.items():
                    (folder / parts.split / name).write_bytes(picture.data)
                metadata.add(parts.split, row)
                files[parts.split] += [f"{parts.split}/{name}" for name in pictures]
                rows[parts.split] += 1
                sizes[parts.split] += sum(len(picture.data) for picture in pictures.values())
        for split in splits:
            files[split].append(f"{split}/{METADATA}")
        return Manifest(
            {
                split: WrittenSplit(
                    rows[split],
                    tuple(files[split]),
                    sizes[split],
                    f"{split}/**" if metadata.are_alike else None,
                    parted.features,
                    needs_types=True,
                )
                for split in selection.splits
            }
        )


def _arranged(parts: Parts, folder: str) -> tuple[dict[str, object], dict[str, EncodedPicture]]:
    """Return the line for an image, and its pictures by the names of their files."""
    stem = file_stem(parts.id)
    name = f"{folder}/{stem}.{parts.image.ending}"
    row: dict[str, object] = {"file_name": name, **parts.values}
    pictures = {name: parts.image}
    for column, picture in parts.pictures.items():
        row[column + FILE] = None
        if picture is not None:
            row[column + FILE] = f"{stem}.{file_stem(column)}.{picture.ending}"
            pictures[f"{stem}.{file_stem(column)}.{picture.ending}"] = picture
    for column, several in parts.lists.items():
        names = [f"{stem}.{file_stem(column)}-{place:03d}.{one.ending}" for place, one in enumerate(several)]
        row[column + FILES] = names
        pictures |= dict(zip(names, several, strict=True))
    return row, pictures
