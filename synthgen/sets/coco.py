"""Sets in the format of COCO: annotations.json beside the images. An image must have objects of one category only."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from synthgen.errors import StorageError, UsageError
from synthgen.images import LeftOut
from synthgen.sets.aside import Aside
from synthgen.sets.files import FileSet
from synthgen.sets.image_folder import is_hidden, is_image, others
from synthgen.sets.json_rows import parse_object
from synthgen.sets.own_boxes import with_boxes
from synthgen.sets.own_folder import OwnFolder, own_folder

ANNOTATIONS = ("annotations.json", "_annotations.coco.json")
_KEYS = ("images", "annotations", "categories")
_FORM = "Expected COCO's lists of images, annotations and categories, with ids."


def find_annotations(folder: Path, split: str | None = None) -> Path | None:
    """Find the annotations of a folder, or of its split; None if there are none."""
    within = folder / split if split else folder
    return next((within / name for name in ANNOTATIONS if (within / name).is_file()), None)


def read_coco(folder: Path, file: Path, images_from: Path | None = None) -> FileSet:
    """Read the annotations of the set in `folder`. The class of an image is the category of its objects; of
    their boxes, those of crowds are left out.

    Args:
        images_from: another folder that links may point into.

    Raises:
        UsageError: they are invalid, or an image has objects of several categories.
        StorageError: the file cannot be read.
    """
    own = own_folder(folder, images_from)
    found = _lists(file, own)
    names = {_key(file, each, "id"): str(each.get("name")) for each in found["categories"]}
    if len(set(names.values())) < max(len(names), len(found["categories"])):
        raise UsageError(f"{file}: two categories have the same id or name", hint="Give each one of its own.")

    labels: dict[object, str] = {}
    boxes: dict[object, list[object]] = {}
    images = {_key(file, each, "id"): each for each in found["images"]}
    if len(images) < len(found["images"]):
        raise UsageError(f"{file}: two images have the same id", hint=_FORM)
    for each in found["annotations"]:
        image, category = _key(file, each, "image_id"), _key(file, each, "category_id")
        if image not in images or category not in names:
            what = "an image" if image not in images else "a category"
            raise UsageError(f"{file}: an annotation names {what} that is not in the list", hint=_FORM)
        if (first := labels.setdefault(image, names[category])) != names[category]:
            what = f"{file}: {images[image].get('file_name')} has objects of {first!r} and {names[category]!r}"
            hint = "An audit needs one class for each image: write a CSV with the columns path and label."
            raise UsageError(what, hint=hint)
        if "bbox" in each and not each.get("iscrowd"):
            boxes.setdefault(image, []).append(each["bbox"])

    paths = [str(_key(file, each, "file_name")) for each in images.values()]
    base = _base(file.parent, paths)
    frame = pd.DataFrame({"file_name": paths, "label": [labels.get(image) for image in images]}, dtype="object")
    frame = with_boxes(frame, [boxes.get(image, []) for image in images])
    absolute = [path if "://" in path else base.absolute() / path for path in paths]
    aside = _beside(file, [path for path in absolute if isinstance(path, Path)], folder)
    name, source = folder.resolve().name, f"the COCO set {folder}"
    opened = FileSet(name, source, frame, absolute, own, aside.notes, without_class(frame["label"], "an annotation"))
    opened.aside, opened.box_form = aside, "xywh"
    opened.numbered = tuple(names[number] for number in sorted(names, key=lambda one: (isinstance(one, str), one)))
    return opened


def without_class(labels: "pd.Series[Any]", of: str) -> dict[int, LeftOut]:
    """Return, by row, why images without a class are left out. If no image has one, the set is one without classes."""
    missing = labels.isna()
    if missing.all():
        return {}
    reason = LeftOut(f"without {of}, and so without a class")
    return dict.fromkeys(missing.to_numpy().nonzero()[0].tolist(), reason)


def _beside(file: Path, listed: Sequence[Path], folder: Path) -> Aside:
    """Find the images that the annotations do not list, in the folders of those that they do."""
    base = folder.resolve()
    real = {parent: parent.resolve() for parent in {path.parent for path in listed}}
    places = sorted({place for place in real.values() if place.is_dir() and place.is_relative_to(base)})
    there = (path for place in places for path in sorted(place.iterdir()))
    images = [path for path in there if is_image(path) and not is_hidden(path.relative_to(base)) and path.is_file()]
    return others(f"that {file.name} does not list", images, [real[path.parent] / path.name for path in listed], base)


def _base(folder: Path, paths: Iterable[str]) -> Path:
    """Return the folder that the paths are relative to: that of the annotations, or `images` in it."""
    first = next(iter(paths), "")
    return folder / "images" if not (folder / first).is_file() and (folder / "images").is_dir() else folder


def _lists(file: Path, own: OwnFolder) -> dict[str, list[Mapping[str, object]]]:
    own.check(file)
    content = own.read(file.absolute())
    if isinstance(content, LeftOut):
        raise StorageError(f"{file} cannot be read: it is one of those {content.reason}", hint=content.hint)
    whole = parse_object(str(file), content)
    found: dict[str, list[Mapping[str, object]]] = {}
    for key in _KEYS:
        entries = whole.get(key)
        if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
            raise UsageError(f"{file}: {key!r} is not a list of objects", hint=_FORM)
        found[key] = entries
    return found


def _key(file: Path, entry: Mapping[str, object], name: str) -> str | int:
    found = entry.get(name)
    if not isinstance(found, str | int):
        raise UsageError(f"{file}: an entry has no {name!r}", hint=_FORM)
    return found
