"""COCO: in each split's folder the images, and `_annotations.coco.json` with the categories, boxes and masks."""

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from synthgen.dataset.formats.format import Manifest, WrittenSplit
from synthgen.dataset.formats.names import file_stem
from synthgen.dataset.formats.objects import FoundObject, has_objects, objects_of
from synthgen.dataset.formats.parts import PartedImages, Parts, json_text
from synthgen.dataset.images import SelectedImages
from synthgen.dataset.select import Selection

ANNOTATIONS = "_annotations.coco.json"
_ASIDE = "annotations"


@dataclass(frozen=True, slots=True)
class CocoFormat:
    """What pycocotools, torchvision's `CocoDetection` and the trainers of detectors open.

    The category of label 0 has the id 1: 0 is the background to many trainers. Masks are run lengths. The other columns
    of an image are its `row`. In a set without boxes and masks an annotation has the category alone, without a box, as
    in the sets of iNaturalist and of camera traps.
    """

    def write(self, selection: Selection, images: SelectedImages, folder: Path) -> Manifest:
        """Write the files of all splits: see `FormatWriter`."""
        parted = PartedImages(images)
        boxed = has_objects(parted.features)
        files: dict[str, list[str]] = {split: [] for split in selection.splits}
        sizes = dict.fromkeys(selection.splits, 0)
        with ExitStack() as stack:
            lists = {
                split: stack.enter_context(_Instances(folder / split, selection.classes, boxed))
                for split in selection.splits
                if selection.images_in(split)
            }
            for parts in parted:
                name = f"{file_stem(parts.id)}.{parts.image.ending}"
                (folder / parts.split / name).write_bytes(parts.image.data)
                lists[parts.split].add(parts, name)
                files[parts.split].append(f"{parts.split}/{name}")
                sizes[parts.split] += len(parts.image.data)
            for split, one in lists.items():
                one.finish()
                files[split].append(f"{split}/{ANNOTATIONS}")
        endings = {Path(name).suffix for named in files.values() for name in named} - {Path(ANNOTATIONS).suffix}
        # No picture's ending has this last letter, and that of the annotations does.
        pictures = f"*{endings.pop()}" if len(endings) == 1 else "*[0-9a-mo-z]"
        return Manifest(
            {
                split: WrittenSplit(
                    selection.images_in(split),
                    tuple(files[split]),
                    sizes[split],
                    f"{split}/{pictures}",
                    parted.image_alone,
                    pictures_alone=True,
                )
                for split in selection.splits
            }
        )


class _Instances:
    """The lists of one split: those of images and annotations grow with the set, and are never in memory."""

    def __init__(self, folder: Path, classes: tuple[str, ...], boxed: bool) -> None:
        folder.mkdir()
        self._boxed = boxed
        self._images = self._annotations = 0
        self._stack = ExitStack()
        self._file = self._stack.enter_context((folder / ANNOTATIONS).open("wb"))
        self._folder, self._aside = folder, self._stack.enter_context((folder / _ASIDE).open("w+b"))
        categories = [{"id": place, "name": name, "supercategory": "none"} for place, name in enumerate(classes, 1)]
        self._file.write(f'{{"info": {{}}, "licenses": [],\n"categories": {json_text(categories)},\n'.encode())
        self._file.write(b'"images": [')

    def __enter__(self) -> "_Instances":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def add(self, parts: Parts, name: str) -> None:
        """List an image and its objects."""
        self._images += 1
        width, height = parts.image.size
        image = {"id": self._images, "file_name": name, "width": width, "height": height, "row": parts.values}
        self._file.write(_entry(self._images, image))
        of = {"image_id": self._images, "category_id": parts.label + 1}
        for place in [_instance(found) for found in objects_of(parts)] if self._boxed else [{}]:
            self._annotations += 1
            self._aside.write(_entry(self._annotations, {"id": self._annotations, **of, **place}))

    def finish(self) -> None:
        """Write the list of annotations behind that of images."""
        self._file.write(b'\n],\n"annotations": [')
        self._aside.seek(0)
        shutil.copyfileobj(self._aside, self._file, 1 << 20)
        self._file.write(b"\n]}\n")
        (self._folder / _ASIDE).unlink()


def _entry(number: int, value: Mapping[str, object]) -> bytes:
    return f"{',' if number > 1 else ''}\n{json_text(value)}".encode()


def _instance(found: FoundObject) -> dict[str, object]:
    box = found.box
    place: dict[str, object] = {
        "bbox": [box.left, box.top, box.width, box.height],
        "area": box.width * box.height,
        "iscrowd": 0,
    }
    if found.mask is None:
        return place | {"segmentation": []}
    from pycocotools import mask as run_lengths

    encoded = run_lengths.encode(np.asfortranarray(found.mask, dtype=np.uint8))
    segmentation = {"size": encoded["size"], "counts": encoded["counts"].decode()}
    return place | {"area": float(run_lengths.area(encoded)), "segmentation": segmentation}
