"""Sets for YOLO's detectors: a text of boxes for each image. The boxes of an image must be of one class."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePath
from typing import NamedTuple

import pandas as pd

from synthgen.errors import UsageError
from synthgen.images import LeftOut
from synthgen.regions.boxes import Size
from synthgen.regions.encoded import mask_of_outlines
from synthgen.regions.masks import Mask
from synthgen.sets.coco import without_class
from synthgen.sets.complaints import Complaints
from synthgen.sets.files import FileSet
from synthgen.sets.image_folder import find_in, others, skipped
from synthgen.sets.metadata import read_metadata
from synthgen.sets.own_boxes import OWN_BOXES, with_boxes
from synthgen.sets.own_folder import OwnFolder, own_folder
from synthgen.sets.own_masks import Drawing, with_masks

_IMAGES, _LABELS = "images", "labels"
_SETTINGS = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_KEYPOINTS = re.compile(r"^kpt_shape\s*:", re.MULTILINE)
_LISTS = ("classes.txt", "obj.names")
_CSV = "Each image needs one class: write a CSV with the columns path and label."
_FORM = "Expected a line for each box: the number of its class and four or more numbers for its place."


def find_boxes(folder: Path, split: str | None = None) -> bool:
    """Tell whether a folder has YOLO's `images` and, beside them, `labels`, or a subfolder for a split has them."""
    within = folder / split if split and (folder / split).is_dir() else folder
    places = (within, *(path for path in sorted(within.iterdir()) if path.is_dir()))
    return any((place / _IMAGES).is_dir() and any((place / _LABELS).rglob("*.txt")) for place in places)


def read_yolo(folder: Path, split: str | None = None, images_from: Path | None = None) -> FileSet:
    """Read the set in `folder`. The class of an image is that of its boxes. Without a box, it is the `class` that a
    metadata.jsonl beside the images tells, as in sets that synthgen wrote, or it has none.

    Labels are found as YOLO finds them: in the path of an image, the last folder `images` becomes `labels`. The paths
    in data.yaml are not followed: the set is what lies in its folder.

    Args:
        split: `split/images` or `images/split`.
        images_from: another folder that links may point into.

    Raises:
        UsageError: there is no such split or no image, an image has boxes of several classes, or a text is invalid.
    """
    own = own_folder(folder, images_from)
    found = find_in(folder, own)
    images = [path for path in found.images if _IMAGES in path.relative_to(folder).parts[:-1]]
    aside = others(f"outside a folder {_IMAGES!r}", found.images, [path.absolute() for path in images], folder)
    if split is not None:
        aside = replace(aside, names=[name for name in aside.names if split in _splits(PurePath(name))])
        images = [path for path in images if split in _splits(path.relative_to(folder))]
    if not images:
        what = f"{folder} has no split {split!r}" if split else f"{folder}: no image file is in {_IMAGES!r}"
        hint = "Splits are folders above or in 'images', such as train and val."
        raise UsageError(what, argument="split" if split else None, hint=hint)

    names = _names(folder, own)
    has_keypoints = _has_keypoints(folder, own)

    complaints = Complaints("faults in the texts of boxes")

    def read(path: Path) -> _Objects:
        return _class(_label_file(path, folder), path, names, own, complaints, has_keypoints=has_keypoints)

    objects = [read(path) for path in images]
    complaints.refuse()
    labels, boxes = [each.label for each in objects], [each.boxes for each in objects]
    shown = [path.relative_to(folder).as_posix() for path in images]
    told = _told(found.metadata, folder, own).reindex(shown).reset_index(drop=True)
    if "class" in told:
        known = {*(names or {}).values()}
        labels = [label or (kind if kind in known else None) for label, kind in zip(labels, told["class"], strict=True)]
    notes = (
        [] if names is not None else ["no data.yaml or classes.txt names the classes: they are called by their number"]
    )
    frame = pd.concat([pd.DataFrame({"file_name": shown, "label": labels}, dtype="object"), told], axis=1)
    frame = with_boxes(frame, boxes)
    paths = [str(path.absolute()) for path in images]
    name = folder.resolve().name
    notes += [*aside.notes, *skipped(found.hidden)]
    unusable = without_class(frame["label"], "a box")
    opened = FileSet(name, f"the YOLO set {folder}", frame, paths, own, notes, unusable)
    opened.aside, opened.box_form = aside, "relative-cxcywh"
    if has_keypoints and any(boxes):
        opened.unread = {"keypoints": "the keypoints of YOLO sets are not read"}
    if repeated := sum(each.repeated for each in objects):
        lines = "1 line is" if repeated == 1 else f"{repeated:,} lines are"
        why = f"{lines} like one before in the same text, and such a box is read once"
        opened.unread = {**opened.unread, "repeated boxes": why}
    if any(each.outlines for each in objects):
        partly = sum(0 < len(each.outlines) < len(each.boxes) for each in objects)
        with_masks(opened, lambda rows: [_drawings(read(images[row])) for row in rows], partly)
    opened.numbered = tuple(names[number] for number in sorted(names)) if names is not None else ()
    return opened


def _told(files: Sequence[Path], folder: Path, own: OwnFolder) -> pd.DataFrame:
    """Read the other columns of images by their names, as metadata.jsonl beside them tells them."""
    beside = [file for file in files if file.suffix == ".jsonl" and _IMAGES in file.relative_to(folder).parts[:-1]]
    if not beside:
        return pd.DataFrame()
    frame = read_metadata(beside, folder, own).frame.drop_duplicates("file_name").set_index("file_name")
    return frame.drop(columns=["label", OWN_BOXES], errors="ignore")


def _splits(path: PurePath) -> Sequence[str]:
    """Return the folders of an image that may be its split."""
    return [part for part in path.parts[:-1] if part not in (_IMAGES, _LABELS)]


def _label_file(path: Path, folder: Path) -> Path:
    parts = list(path.relative_to(folder).parts)
    last = len(parts) - 2 - parts[-2::-1].index(_IMAGES)
    parts[last] = _LABELS
    return folder.joinpath(*parts).with_suffix(".txt")


class _Objects(NamedTuple):
    """What is said of the objects of an image.

    Attributes:
        label: the class of all of them; None if there is none.
        boxes: one for each.
        outlines: those that are more than a box, in shares of the image.
        repeated: how many lines are like one before, and were left out.
    """

    label: str | None
    boxes: list[Sequence[float]]
    outlines: list[Sequence[float]]
    repeated: int


def _class(
    file: Path,
    image: Path,
    names: Mapping[int, str] | None,
    own: OwnFolder,
    complaints: Complaints,
    *,
    has_keypoints: bool,
) -> _Objects:
    """Read the text of an image. What is wrong with it is added to `complaints`, and left out."""
    text = _text(file, own)
    seen, places, repeated = dict[int, None](), dict[tuple[float, ...], Sequence[float]](), 0
    for number, line in enumerate((text or "").splitlines(), 1):
        if not line.strip():
            continue
        try:
            kind, *place = map(float, line.split())
        except ValueError:
            kind, place = -1.0, []
        if len(place) < 4 or not kind.is_integer() or kind < 0:
            complaints.add(f"{file}:{number}: {line[:80]!r} is not a box", _FORM)
        elif names is not None and int(kind) not in names:
            what = f"{file}:{number}: class {int(kind)} has no name in data.yaml or classes.txt"
            complaints.add(what, "Give every class a name there.")
        elif (kind, *place) in places:
            repeated += 1
        else:
            seen[int(kind)] = None
            places[kind, *place] = place[:4] if has_keypoints else place
    classes = [names[kind] if names is not None else str(kind) for kind in seen]
    if len(classes) > 1:
        complaints.add(f"{image} has boxes of {classes[0]!r} and {classes[1]!r}", _CSV)
    outlines = [place for place in places.values() if _is_outline(place)]
    return _Objects(classes[0] if classes else None, [*map(_box, places.values())], outlines, repeated)


def _is_outline(place: Sequence[float]) -> bool:
    return len(place) >= 6 and len(place) % 2 == 0


def _box(place: Sequence[float]) -> Sequence[float]:
    """Return centre, width and height: of a box, or around the corners of a polygon, as segmentation has them."""
    if not _is_outline(place):
        return place[:4]
    left, right, top, bottom = min(place[::2]), max(place[::2]), min(place[1::2]), max(place[1::2])
    return (left + right) / 2, (top + bottom) / 2, right - left, bottom - top


def _drawings(objects: _Objects) -> list[Drawing]:
    return [partial(_mask, one) for one in objects.outlines] if len(objects.outlines) == len(objects.boxes) else []


def _mask(outline: Sequence[float], size: Size) -> Mask:
    corners = [share * side for share, side in zip(outline, size * (len(outline) // 2), strict=True)]
    return mask_of_outlines([corners], size)


def _has_keypoints(folder: Path, own: OwnFolder) -> bool:
    """Whether keypoints come after the four numbers of a box: `kpt_shape` says how many."""
    files = [folder / name for name in _SETTINGS]
    return any(_KEYPOINTS.search(_text(file, own) or "") for file in files if file.is_file())


def _names(folder: Path, own: OwnFolder) -> Mapping[int, str] | None:
    """Read the names of the classes by number; None if no file has them."""
    places = (folder, *(path for path in sorted(folder.iterdir()) if path.is_dir()))
    for place in places:
        for name in (*_SETTINGS, *_LISTS):
            file = place / name
            text = _text(file, own) if file.is_file() else None
            if text is not None:
                return _checked(file, _listed(file, text))
    return None


def _listed(file: Path, text: str) -> object:
    """Return what a file gives as names: lines, or the value of `names`."""
    if file.name in _LISTS:
        return [line.strip() for line in text.splitlines() if line.strip()]
    import yaml

    try:
        found = yaml.load(text, Loader=yaml.BaseLoader)  # safe, and a class called `no` stays that
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        raise UsageError(f"{file} cannot be read: {str(error).splitlines()[0]}", hint="Expected YAML.") from error
    return found.get("names") if isinstance(found, dict) else None


def _checked(file: Path, found: object) -> Mapping[int, str]:
    pairs = {str(number): name for number, name in enumerate(found)} if isinstance(found, list) else found
    texts = isinstance(pairs, dict) and all(
        number.isdecimal() and isinstance(name, str) for number, name in pairs.items()
    )
    if not isinstance(pairs, dict) or not pairs or not texts:
        what = f"{file} has no list 'names' of the classes"
        raise UsageError(what, hint="Expected names: [chef, nurse], or a mapping of numbers to names.")
    names = {int(number): name for number, name in pairs.items()}
    if len(set(names.values())) < len(pairs):
        raise UsageError(f"{file}: two classes have the same name", hint="Give each one of its own.")
    return names


def _text(file: Path, own: OwnFolder) -> str | None:
    """Read a text of the set; None if there is no such file."""
    own.check(file)
    content = own.read(file.absolute())
    if isinstance(content, LeftOut):
        if file.exists():
            raise UsageError(
                f"{file} cannot be read: {content.detail or content.reason}", hint="Check its permissions."
            )
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not a text in UTF-8: {error}", hint=_FORM) from error
