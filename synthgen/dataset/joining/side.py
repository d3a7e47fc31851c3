"""One of two sets that are joined: what its rows are, before any of its images is read."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from synthgen.errors import UsageError
from synthgen.ledger.columns import SOURCE_ID
from synthgen.sets import ImageSet, read_frame
from synthgen.sets.arrow_rows import arrow_schema
from synthgen.sets.class_order import are_bare_numbers, numbered_classes
from synthgen.sets.files import PATHS, FileSet
from synthgen.sets.frame import named_label, words
from synthgen.sets.hub import HubSet
from synthgen.sets.own_boxes import OWN_BOXES, form_in
from synthgen.sets.picture_lists import PictureList, picture_lists
from synthgen.sets.splits import COLUMNS as SPLITS
from synthgen.sets.splits import splits_of
from synthgen.sets.web_dataset import TarSet
from synthgen.spec import BoxFormName

SYNTHETIC = "synthetic"
"""The column that says which images are."""
_ID = "id"
_OWN = (_ID, "image", "label", "class", *SPLITS)
"""Columns that the joined set makes itself."""
_TRAIN, _PATHS = "train", "_file_name"
PICTURE = pa.struct({"bytes": pa.binary(), "path": pa.string()})
"""The type of a picture."""
BOXES_TYPE = pa.list_(pa.list_(pa.float32()))
"""The type of a column of boxes."""
_NAMED = 3
_NEEDED = "Name a set with images and their classes."


@dataclass(frozen=True)
class JoinedSide:
    """One of the two sets.

    Attributes:
        title: what it is called in messages.
        name: that of the set, for people who do not have it.
        is_synthetic: whether its images are, where no column says it.
        ids, labels: of its rows; the labels are names.
        splits: of its rows; "train" for all if the set has no splits.
        classes: in the order of their numbers.
        columns: the types of the columns that it brings along.
        as_names: which of these are class labels, whose names it brings along.
        as_pictures: by name of such a column that is one of paths in the set: that one's name, and which rows have one.
        as_lists: the lists of pictures that it brings along, such as a mask for each object, by name.
        sources: the pictures that its images were made from, by row; empty if they were not.
        boxes: how its column of boxes is written, where its format, its maker or a look at all of them says it.
        box_sizes: by row, the width and height of the image that its boxes are in, where its format says it.
        unread: what it has and does not bring along, each with the reason.
        bare: whether its classes are numbers without names, and nobody said that these are the names.
    """

    title: str
    name: str
    found: ImageSet
    is_synthetic: bool
    ids: Sequence[str]
    labels: Sequence[str]
    splits: Sequence[str]
    classes: tuple[str, ...]
    columns: pa.Schema
    as_names: Mapping[str, Sequence[str | None]]
    as_pictures: Mapping[str, tuple[str, Sequence[bool]]]
    as_lists: Mapping[str, PictureList]
    sources: Sequence[str | None]
    boxes: BoxFormName | None
    box_sizes: Mapping[int, tuple[int, int]]
    bare: bool
    unread: Mapping[str, str]


def read_side(
    found: ImageSet,
    title: str,
    label: str | None,
    left_out: Collection[str],
    *,
    is_synthetic: bool,
    name: str | None = None,
) -> JoinedSide:
    """Read what a set's rows are.

    Args:
        title: what it is called in messages.
        name: that of the set, for people who do not have it.
        label: the column of its classes; by default the one that looks like it.
        left_out: columns that it does not bring along.

    Raises:
        UsageError: it has no images or no classes, or a row has no class or no split.
        StorageError: it cannot be read.
    """
    argument = "synthetic_label" if is_synthetic else "label"
    if not found.has_images:
        raise UsageError(f"{title} has no images{_which(title, found)}", hint=_NEEDED)
    try:
        chosen, numbers = named_label(found, label)
        frame = read_frame(found, chosen)
    except UsageError as error:
        what = error.message if error.message.startswith(title) else f"{title}: {error.message}"
        if label is not None:
            raise UsageError(what, hint=error.hint, argument=argument) from error
        hint = f"{error.hint or ''} `{argument}` names the column of its classes.".strip()
        raise UsageError(what, hint=hint) from error
    if not len(frame):
        raise UsageError(f"{title} has no rows{_which(title, found)}", hint=_NEEDED)
    ids = frame["id"].astype(str).tolist()
    _check_whole(title, "class", ids, frame["label"].tolist())

    lists = {name: one for name, one in picture_lists(found).items() if name not in left_out}
    taken = {name: one for name, one in lists.items() if name not in {*_OWN, *found.columns}}
    names = _brought(found, chosen, [*left_out, *([numbers] if numbers is not None else [])], ids)
    as_names = {one: words(found.table([one])[one]).tolist() for one in names if one in found.label_columns}
    as_pictures = _pictures(found, names)
    typed = arrow_schema(found, [one for one in names if one not in {*as_names, *as_pictures}])
    fields = {field.name: field for field in typed}
    fields |= {one: pa.field(one, pa.string()) for one in as_names}
    fields |= {column: pa.field(shown, PICTURE) for column, shown in as_pictures.items()}
    columns = [*(fields[column] for column in names), *(pa.field(name, pa.list_(PICTURE)) for name in taken)]
    unfit = dict(_unfit(columns))
    twice = {name: "another column has this name" for name in lists if name not in taken}
    told = found.unread if isinstance(found, FileSet) else {}
    unread = {**told, **twice, **unfit, **(dict(_unused_ids(found, ids)) if _ID not in left_out else {})}

    return JoinedSide(
        title=title,
        name=name or found.name,
        found=found,
        is_synthetic=is_synthetic,
        ids=ids,
        labels=frame["label"].tolist(),
        splits=_splits(found, title, ids),
        classes=numbered_classes(found, chosen, numbers) or tuple(sorted(set(frame["label"]))),
        columns=pa.schema([one for one in columns if one.name not in unfit]),
        as_names=as_names,
        as_pictures={shown: (column, _has(found, column)) for column, shown in as_pictures.items()},
        as_lists=taken,
        sources=frame[SOURCE_ID].tolist() if SOURCE_ID in frame else (),
        boxes=form_in(found, OWN_BOXES) if OWN_BOXES in names else None,
        box_sizes=found.box_sizes if isinstance(found, FileSet) and OWN_BOXES in names else {},
        unread=unread,
        bare=label is None and are_bare_numbers(found, chosen),
    )


def unread_of(*sides: JoinedSide) -> dict[str, str]:
    """Name what the sets have and do not bring along, each with the reason."""
    found: dict[str, str] = {}
    for side in sides:
        for name, why in side.unread.items():
            found[name] = f"{found[name]}; {side.title}: {why}" if name in found else f"{side.title}: {why}"
    return found


def _which(title: str, found: ImageSet) -> str:
    """Say which set it is, if its title does not."""
    return "" if title == found.source else f": it is {found.source}"


def _brought(found: ImageSet, label: str, left_out: Collection[str], ids: Sequence[str]) -> list[str]:
    """List the columns that a set brings along. What the joined set makes itself is not among them."""
    in_lists = [column for one in picture_lists(found).values() for column in one.columns]
    names = [name for name in found.columns if name not in {*_OWN, label, *left_out, *in_lists}]
    if isinstance(found, TarSet):
        names = [name for name in names if name != "key"]  # it comes from the id, or is the id
    return [name for name in names if name not in PATHS or found.table([name])[name].tolist() != [*ids]]


def _unused_ids(found: ImageSet, ids: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Name the column of the set's own ids if its images cannot be called by them, with the reason."""
    if _ID not in found.columns:
        return
    called = f"so its images are called {', '.join(ids[:_NAMED])}{', ..' if ids[_NAMED:] else ''}"
    try:
        own = words(found.table([_ID])[_ID])
    except UsageError as error:
        yield _ID, f"{error.message}, {called}"
        return
    if missing := int(own.isna().sum()):
        yield _ID, f"{missing:,} of {len(ids):,} images have none, {called}"
    elif twice := own[own.duplicated()].tolist():
        yield _ID, f"{(own == twice[0]).sum():,} images have the id {twice[0]!r}, {called}"


def _pictures(found: ImageSet, names: Sequence[str]) -> dict[str, str]:
    """Say which columns are paths of other pictures, such as `mask_file_name`, and what these are called: `mask`.

    So `datasets` reads the metadata of an image folder. The paths mean nothing outside the set's own folder.
    """
    if isinstance(found, TarSet):
        return {one: one for one in names if one in found.picture_columns}
    if not isinstance(found, FileSet):
        return {}
    shown = {one: one.removesuffix(_PATHS) for one in names if one.endswith(_PATHS)}
    return {one: new for one, new in shown.items() if new and new not in {*_OWN, *names}}


def _has(found: ImageSet, column: str) -> list[bool]:
    if isinstance(found, TarSet):
        return found.picture_columns[column]
    return [*map(bool, found.table([column])[column].notna())]


def _unfit(columns: Sequence[pa.Field]) -> Iterator[tuple[str, str]]:
    """Name the columns that no dataset can have, each with the reason."""
    from datasets import Features

    for field in columns:
        try:
            Features.from_arrow_schema(pa.schema([field]))
        except (ValueError, TypeError, NotImplementedError):
            yield field.name, f"its type is {field.type}"


def _splits(found: ImageSet, title: str, ids: Sequence[str]) -> list[str]:
    if isinstance(found, HubSet) and found.lengths is None:
        hint = "Download it, and name its folder."
        what = f"{title} does not say which image is in which split{_which(title, found)}"
        raise UsageError(what, hint=hint)
    named = splits_of(found)
    if named is None:
        return [_TRAIN] * len(ids)
    _check_whole(title, "split", ids, named)
    plain = {name: re.sub(r"[-. ]+", "_", name).strip("_") for name in named if name is not None}
    for name, written in plain.items():
        if not re.fullmatch(r"[A-Za-z0-9_]+", written):
            hint = "Call it by letters and digits, such as train or test."
            raise UsageError(f"{title}: {name!r} cannot be the name of a split", hint=hint)
    twice = {written.casefold(): written for written in plain.values()}
    if other := next((each for each in plain.values() if twice[each.casefold()] != each), None):
        what = f"{title}: the splits {other!r} and {twice[other.casefold()]!r} differ only in case"
        raise UsageError(what, hint="Write them in one way.")
    return [plain[name] for name in named if name is not None]


def _check_whole(title: str, what: str, ids: Sequence[str], cells: Sequence[object]) -> None:
    """Check that every row has a class, or a split.

    Raises:
        UsageError: some have none.
    """
    lacking = [one for one, cell in zip(ids, cells, strict=True) if cell is None]
    if lacking:
        shown = ", ".join(lacking[:_NAMED]) + (", .." if lacking[_NAMED:] else "")
        raise UsageError(
            f"{title}: {len(lacking):,} of {len(ids):,} images have no {what}: {shown}",
            hint=f"Give each a {what}, or take them out of the set.",
        )
