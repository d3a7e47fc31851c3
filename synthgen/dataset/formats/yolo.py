"""YOLO: `images/SPLIT`, `labels/SPLIT` and `data.yaml` for detectors; for sets without boxes, folders of classes."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import yaml

from synthgen.dataset.formats.format import Manifest, WrittenSplit
from synthgen.dataset.formats.image_folder import ImageFolderFormat
from synthgen.dataset.formats.metadata_file import METADATA, MetadataFiles
from synthgen.dataset.formats.names import file_stem
from synthgen.dataset.formats.objects import has_objects, objects_of, outline
from synthgen.dataset.formats.parts import PartedImages, Parts
from synthgen.dataset.images import SelectedImages
from synthgen.dataset.select import Selection
from synthgen.ledger.columns import MASK, MASKS

SETTINGS = "data.yaml"
_VALIDATION = ("val", "validation", "valid", "dev", "test")
"""What a split for validation may be called, the likeliest first."""


@dataclass(frozen=True, slots=True)
class YoloFormat:
    """What Ultralytics' `yolo detect`, `segment` and `classify` train on.

    Where there are masks, a line is the outline of one, and else its box. A set that says nothing of where the object
    is has a folder for each class in each split, as `yolo classify` wants it.
    """

    def write(self, selection: Selection, images: SelectedImages, folder: Path) -> Manifest:
        """Write the files of all splits: see `FormatWriter`."""
        parted = PartedImages(images)
        if not has_objects(parted.features):
            return ImageFolderFormat().write(selection, images, folder)

        masked = not {MASK, MASKS}.isdisjoint(parted.features)
        splits = [split for split in selection.splits if selection.images_in(split)]
        files: dict[str, list[str]] = {split: [] for split in selection.splits}
        rows, sizes = Counter[str](), Counter[str]()
        with MetadataFiles({split: folder / "images" / split for split in splits}) as metadata:
            for split in splits:
                (folder / "labels" / split).mkdir(parents=True)
                files[split].append(f"images/{split}/{METADATA}")
            for parts in parted:
                stem = f"{parts.split}/{file_stem(parts.id)}"
                image, label = f"images/{stem}.{parts.image.ending}", f"labels/{stem}.txt"
                (folder / image).write_bytes(parts.image.data)
                (folder / label).write_text("".join(_lines(parts, masked)), "ascii")
                metadata.add(parts.split, {"file_name": Path(image).name, **parts.values})
                files[parts.split] += [image, label]
                rows[parts.split] += 1
                sizes[parts.split] += len(parts.image.data)
        (folder / SETTINGS).write_text(_settings(splits, selection.classes), "ascii")
        columns = parted.without_pictures(but="image")
        return Manifest(
            {
                split: WrittenSplit(
                    rows[split],
                    tuple(files[split]),
                    sizes[split],
                    f"images/{split}/**" if metadata.are_alike else None,
                    columns,
                    needs_types=True,
                )
                for split in selection.splits
            },
            (SETTINGS,),
        )


def _lines(parts: Parts, masked: bool) -> list[str]:
    """Return a line for each object: its class, and centre, width and height or the corners, as shares of the image."""
    width, height = parts.image.size
    lines = []
    for found in objects_of(parts):
        box = found.box
        middle = ((box.left + box.right) / 2, (box.top + box.bottom) / 2)
        points = outline(found) if masked else [middle, (box.width, box.height)]
        shares = [share for x, y in points for share in (x / width, y / height)]
        lines.append(" ".join([str(parts.label), *(f"{min(max(share, 0), 1):.6f}" for share in shares)]) + "\n")
    return lines


def _settings(splits: list[str], classes: tuple[str, ...]) -> str:
    """Return what Ultralytics reads: the folders of its three splits, and the names of the classes by their number."""
    validation = next((name for name in _VALIDATION if name in splits), None)
    named = {split: f"images/{split}" for split in splits if split not in _VALIDATION[:-1]}
    if validation is not None:
        named["val"] = f"images/{validation}"
    text = yaml.safe_dump({**named, "names": dict(enumerate(classes))}, sort_keys=False, allow_unicode=False)
    note = "# There is no split for validation: `val` is the test split.\n" if validation == "test" else ""
    return note + text
