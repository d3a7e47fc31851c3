"""Sets in the format of COCO: annotations.json beside the images. An image must have objects of one category only."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from synthgen.errors import StorageError, UsageError
from synthgen.images import LeftOut
from synthgen.sets.aside import Aside
from synthgen.sets.coco_masks import coco_masks, is_boxed, partly_masked
from synthgen.sets.coco_unread import unread_keys, unread_of_coco
from synthgen.sets.complaints import Complaints
from synthgen.sets.files import FileSet
from synthgen.sets.image_folder import is_hidden, is_image, others
from synthgen.sets.json_rows import as_table, parse_object
from synthgen.sets.own_boxes import OWN_BOXES, with_boxes
from synthgen.sets.own_folder import OwnFolder, own_folder
from synthgen.sets.own_masks import with_masks

ANNOTATIONS = ("annotations.json", "_annotations.coco.json")
_KEYS = ("images", "annotations", "categories")
_OWN = ("file_name", "label", OWN_BOXES)
_FORM = "Expected COCO's lists of images, annotations and categories, with ids."


def find_annotations(folder: Path, split: str | None = None) -> Sequence[Path]:
    """Find the annotations of a folder, or of its split; without a split named, of all its splits."""
    own = _in(folder / split if split else folder)
    if own or split:
        return own
    splits = (path for path in sorted(folder.iterdir()) if path.is_dir() and not is_hidden(Path(path.name, "file")))
    return [file for path in splits for file in _in(path)]


def _in(folder: Path) -> Sequence[Path]:
    return [folder / name for name in ANNOTATIONS if (folder / name).is_file()][:1]


def read_coco(folder: Path, files: Sequence[Path], images_from: Path | None = None) -> FileSet:
    """Read the annotations of the set in `folder`. The class of an image is the category of its objects; of
    their boxes, those of crowds are left out. An image without objects has the class that its `row` tells, if it has
    one: the other columns of a set that synthgen wrote are there, too.

    Args:
        files: one for each split.
        images_from: another folder that links may point into.

    Raises:
        UsageError: they are invalid, or an image has objects of several categories.
        StorageError: a file cannot be read.
    """
    own = own_folder(folder, images_from)
    parts = [_read(folder, file, own) for file in files]
    frame = pd.concat([part.frame for part in parts], ignore_index=True)
    frame = with_boxes(frame, [box for part in parts for box in part.boxes])
    paths = [path for part in parts for path in part.paths]
    aside = replace(parts[0].aside, names=[name for part in parts for name in part.aside.names])
    name, source = folder.resolve().name, f"the COCO set {folder}"
    opened = FileSet(name, source, frame, paths, own, aside.notes, without_class(frame["label"], "an annotation"))
    opened.aside, opened.box_form = aside, "xywh"
    sizes = enumerate(size for part in parts for size in part.sizes)
    opened.box_sizes = {row: size for row, size in sizes if size is not None}
    opened.unread = unread_of_coco(sum((part.unread for part in parts), Counter[tuple[str, str]]()))
    if any(part.has_masks for part in parts):
        with_masks(opened, coco_masks(partial(_annotations, files, own)), sum(part.partly_masked for part in parts))
    if len({part.categories for part in parts}) == 1:
        opened.numbered = parts[0].categories
    return opened


class _Part(NamedTuple):
    """What one file says.

    Attributes:
        boxes, paths, sizes: one entry for each image; the sizes as the file tells them, if it does.
        aside: the images that it does not list.
        categories: in the order of their numbers.
        has_masks: whether an object has one.
        unread: what is not read: see `unread_keys`.
        partly_masked: how many images have masks, but not one for each box.
    """

    frame: pd.DataFrame
    boxes: list[list[object]]
    paths: list[str | Path]
    sizes: list[tuple[int, int] | None]
    aside: Aside
    categories: tuple[str, ...]
    has_masks: bool
    unread: Counter[tuple[str, str]]
    partly_masked: int


def _read(folder: Path, file: Path, own: OwnFolder) -> _Part:
    found = _lists(file, own)
    names = {_key(file, each, "id"): str(each.get("name")) for each in found["categories"]}
    images = {_key(file, each, "id"): each for each in found["images"]}
    _check_once(file, found)
    labels, boxes = _objects(file, found["annotations"], images, names)

    paths = [str(_key(file, each, "file_name")) for each in images.values()]
    base = _base(file.parent, paths)
    rows = [_row(each) for each in images.values()]
    for image, row in zip(images, rows, strict=True):
        if (told := row.get("class")) in names.values():
            labels.setdefault(image, str(told))
    frame = as_table([{name: cell for name, cell in row.items() if name not in _OWN} for row in rows])
    within = "" if file.parent == folder else f"{file.parent.relative_to(folder).as_posix()}/"
    shown = [path if "://" in path else within + path for path in paths]
    own_columns = pd.DataFrame({"file_name": shown, "label": [labels.get(image) for image in images]}, dtype="object")
    absolute: list[str | Path] = [path if "://" in path else base.absolute() / path for path in paths]
    aside = _beside(file, [path for path in absolute if isinstance(path, Path)], folder)
    table, ordered = pd.concat([own_columns, frame], axis=1), sorted(names, key=lambda one: (isinstance(one, str), one))
    return _Part(
        table,
        [boxes.get(image, []) for image in images],
        absolute,
        [_size(each) for each in images.values()],
        aside,
        tuple(names[number] for number in ordered),
        any(each.get("segmentation") and not each.get("iscrowd") for each in found["annotations"]),
        unread_keys(found),
        partly_masked(found["annotations"]),
    )


def _check_once(file: Path, found: Mapping[str, Sequence[Mapping[str, object]]]) -> None:
    """Check that all ids differ, and all names of categories.

    Raises:
        UsageError: some do not.
    """
    complaints = Complaints("ids and names are given more than once", str(file))
    for name in _KEYS:
        ids = [one for each in found[name] if isinstance(one := each.get("id"), str | int | float)]
        _complain_of_twice(complaints, f"{name} have the same id", ids)
    names = [str(each.get("name")) for each in found["categories"]]
    _complain_of_twice(complaints, "categories have the same name", names)
    complaints.refuse()


def _complain_of_twice(complaints: Complaints, what: str, told: Sequence[str | float]) -> None:
    for one, count in Counter(told).items():
        if count > 1:
            complaints.add(f"{count:,} {what}: {one!r}", "Give each one of its own.")


def _objects(
    file: Path,
    annotations: Sequence[Mapping[str, object]],
    images: Mapping[str | int, Mapping[str, object]],
    names: Mapping[str | int, str],
) -> tuple[dict[object, str], dict[object, list[object]]]:
    """Return the class of each image that has objects, and their boxes.

    Raises:
        UsageError: annotations name what is not in the lists, or images have objects of several categories.
    """
    astray = Complaints("annotations name what is not in the lists", str(file))
    mixed = Complaints("images have objects of several categories", str(file))
    kinds, boxes = dict[str | int, dict[str, None]](), dict[object, list[object]]()
    for place, each in enumerate(annotations):
        image, category = _key(file, each, "image_id"), _key(file, each, "category_id")
        if image not in images or category not in names:
            what, number = ("an image", image) if image not in images else ("a category", category)
            which = f"annotation {each['id']!r}" if "id" in each else f"annotation number {place + 1:,}"
            astray.add(f"{which} names {what} that is not in the list: {number!r}", _FORM)
            continue
        kinds.setdefault(image, {})[names[category]] = None
        if is_boxed(each):
            boxes.setdefault(image, []).append(_numbers(each["bbox"]))
    astray.refuse()
    for key, there in kinds.items():
        if len(there) > 1:
            first, second = [*there][:2]
            what = f"{images[key].get('file_name')} has objects of {first!r} and {second!r}"
            mixed.add(what, "Each image needs one class: write a CSV with the columns path and label.")
    mixed.refuse()
    return {key: next(iter(there)) for key, there in kinds.items()}, boxes


def _size(image: Mapping[str, object]) -> tuple[int, int] | None:
    width, height = image.get("width"), image.get("height")
    return (width, height) if isinstance(width, int) and isinstance(height, int) else None


def _numbers(box: object) -> list[float]:
    """Return the numbers of a box, which need not be four; none if it holds something else."""
    try:
        return [float(number) for number in box] if isinstance(box, list) else []
    except (TypeError, ValueError, OverflowError):
        return []


def _annotations(files: Sequence[Path], own: OwnFolder) -> Iterator[list[Mapping[str, object]]]:
    """Read the files again: yield, for each image, what is said of its objects, in the order of the set's rows."""
    for file in files:
        found = _lists(file, own)
        of: dict[object, list[Mapping[str, object]]] = {}
        for each in found["annotations"]:
            of.setdefault(each.get("image_id"), []).append(each)
        yield from (of.get(each.get("id"), []) for each in found["images"])


def _row(image: Mapping[str, object]) -> Mapping[str, object]:
    found = image.get("row")
    return found if isinstance(found, dict) else {}


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
