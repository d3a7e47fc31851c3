"""The table of a set, in the columns that an audit uses: id, label, prompt, and the known attributes."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import pandas as pd

from synthgen.errors import UsageError
from synthgen.sets.contradiction import check_agreement, sources
from synthgen.sets.features import LABELS
from synthgen.sets.files import PATHS
from synthgen.sets.image_set import ImageSet
from synthgen.spec import RESERVED, alike, difference

_IDS = ("id", "image_id", "key", *PATHS)
_SHARED = ("prompt", "seed", "source_id", "source_image")
_NAMES = ("class", "class_name", "category")
_OTHER = "Name another column, or make one that holds a text or a number in each row."


PREDICTED = "predicted class"
"""The column of a downstream model's predictions in the table of a set."""
SAME_FILE = "same file"
"""The column that names the file or the id of each row, in the table of a set in which several rows share one."""
CLUSTER = "cluster: "
"""What the names of columns begin with that `read_frame` was told of as `clusters`."""


def read_frame(
    found: ImageSet,
    label: str | None = None,
    known: Mapping[str, str] | None = None,
    predictions: str | None = None,
    clusters: Sequence[str] = (),
    *,
    classless: bool = False,
) -> pd.DataFrame:
    """Read the columns `id`, `label`, those of what images may share, one for each of `known`, and that of predictions.

    Images may share a `prompt`, the `seed` of their noise, and the image they were made from, as `source_id` or
    `source_image`; of these, the columns are read that the set has. Rows that name one file, or have one id, are
    one image that occurs several times: `SAME_FILE` names it.

    `known` maps an attribute to its column in the set. All cells are texts, or missing. Images without an id of their
    own are named by their row. The predictions are named `PREDICTED`.

    Args:
        clusters: columns in which images that depend on each other have one value; here `CLUSTER` begins their names.
        classless: leave all labels missing if no column looks like labels and none is named.

    Raises:
        UsageError: a column does not exist or contains lists, a known attribute has a reserved name, or the predictions
            are the classes themselves; another source of the class contradicts the one that is used, and none is named.
    """
    known = known or {}
    if kept := [name for name in known if name.casefold() in RESERVED]:
        meaning = RESERVED[kept[0].casefold()]
        what = f"{kept[0]!r} is reserved for {meaning}"
        raise UsageError(what, argument="known", hint="Choose another name for the attribute.")

    found_label = label is None
    if label is None and not (classless and not has_label(found)):
        label = find_label(found)
    named = [] if label is None else [label]
    predicted = [] if predictions is None else [predictions]
    if predicted and predictions == label:
        hint = "Name the column of what a model predicted."
        raise UsageError(f"{label!r} is the column of the classes themselves", argument="predictions", hint=hint)
    if predicted and PREDICTED in known:
        what = f"{PREDICTED!r} is reserved for the predictions"
        raise UsageError(what, argument="known", hint="Choose another name for the attribute.")
    check_clusters(found, clusters, label)
    for column in (*named, *known.values(), *predicted):
        if column not in found.columns:
            there = ", ".join(found.columns) or "none"
            why = [f"Note: {note}." for note in found.notes if repr(column) in note]
            raise UsageError(
                f"{found.source} has no column {column!r}", hint=" ".join([f"Its columns are {there}.", *why])
            )

    candidates = [name for name in _IDS if name in found.columns]
    shared = [name for name in _SHARED if name in found.columns and name not in known]
    given = [*known.values(), *predicted, *clusters]
    others = sources(found, label, given) if found_label and label is not None else []
    table = found.table(list(dict.fromkeys([*named, *shared, *given, *candidates, *others])))
    if found_label and label is not None and (names := _names(table, label, others)) is not None:
        label = names

    frame = pd.DataFrame({"id": _ids(table, candidates)})
    frame["label"] = words(table[label]) if label is not None else pd.Series([None] * len(frame), dtype="object")
    if label is not None:
        _check_spelling(found.source, label, frame)
        check_agreement(found.source, label, frame, _answers(table, others))
    for column in shared:
        if _is_single(table[column]):
            frame[column] = words(table[column])
    if (repeated := _repeated(table, candidates)) is not None:
        frame[SAME_FILE] = repeated
    for name, column in known.items():
        frame[name] = words(table[column])
    for column in predicted:
        frame[PREDICTED] = words(table[column])
    for column in clusters:
        frame[f"{CLUSTER}{column}"] = words(table[column])
        if len(frame) and frame[f"{CLUSTER}{column}"].isna().all():
            hint = "Name a column that tells which images depend on each other."
            raise UsageError(f"column {column!r} is empty", argument="cluster", hint=hint)
    return frame


def check_clusters(found: ImageSet, clusters: Sequence[str], label: str | None) -> None:
    """Check that the columns of dependent images exist, and that none of them is that of the classes.

    Raises:
        UsageError: one does not, or is.
    """
    for column in clusters:
        if column == label:
            what = f"{column!r} is the column of the classes: all images of a class would depend on each other"
            raise UsageError(what, argument="cluster", hint="Name a column such as 'patient_id' or 'video'.")
        if column not in found.columns:
            near = get_close_matches(column, found.columns, n=3)
            meant = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
            there = ", ".join(found.columns) or "none"
            what = f"{found.source} has no column {column!r}"
            raise UsageError(what, argument="cluster", hint=f"{meant}Its columns are {there}.")


def _check_spelling(source: str, label: str, frame: pd.DataFrame) -> None:
    """Check that no two classes look alike.

    Raises:
        UsageError: two do.
    """
    classes = frame["label"].dropna().drop_duplicates()
    if (pair := alike(classes)) is None:
        return
    differ = difference(*pair)
    written = repr if "case" in differ else ascii
    first, second = (f"{written(name)} (image {frame['id'][classes.index[classes == name][0]]})" for name in pair)
    what = f"{source}: the classes {first} and {second} in {label!r} differ {differ}"
    raise UsageError(what, hint="If they are one class, write it in one way. If not, give one of them another name.")


def has_label(found: ImageSet) -> bool:
    """Tell whether some column looks like labels."""
    return bool(found.label_columns) or any(name in found.columns for name in LABELS)


def find_label(found: ImageSet) -> str:
    """Find the column of classes.

    Raises:
        UsageError: no column looks like labels, or several do.
    """
    if named := [name for name in LABELS if name in (found.label_columns or found.columns)]:
        return named[0]
    if len(found.label_columns) == 1:
        return found.label_columns[0]
    if named := [name for name in LABELS if name in found.columns]:
        return named[0]
    several = ", ".join(found.label_columns or found.columns) or "none"
    what = "several columns of labels" if found.label_columns else "no column that looks like labels"
    raise UsageError(f"{found.source} has {what}", argument="label", hint=f"Name one; there are {several}.")


def named_label(found: ImageSet, label: str | None = None) -> tuple[str, str | None]:
    """Find the column that names the classes, and the one that has their numbers, if there are both.

    Args:
        label: the column of classes; by default the one that looks like it or, if it has numbers, their names.

    Raises:
        UsageError: none is given, and no column looks like labels, or several do.
    """
    if label is not None and not has_label(found):
        return label, None
    try:
        numbers = find_label(found)
    except UsageError:
        if label is None:
            raise
        return label, None
    others = sources(found, numbers, ())
    named = _names(found.table([numbers, *others]), numbers, others)
    if label is None:
        return (numbers, None) if named is None else (named, numbers)
    return label, numbers if label == named else None


def _names(table: pd.DataFrame, label: str, others: Sequence[str]) -> str | None:
    """Find the column that names classes which are numbers in another one: each number has one name, and no other."""
    numbers = words(table[label])
    if not numbers.drop_duplicates().str.fullmatch(r"[0-9]+").all():
        return None
    for name, texts in _answers(table, [name for name in _NAMES if name in others]).items():
        pairs = pd.DataFrame({"number": numbers, "name": texts}).drop_duplicates()
        if pairs.notna().all(axis=None) and pairs["number"].is_unique and pairs["name"].is_unique:
            return name
    return None


def words(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Convert a column to stripped texts. Whole numbers are written without a point; blank cells are missing.

    Raises:
        UsageError: the column contains lists or other values that are not a single answer, or bytes that are not text.
    """
    if not _is_single(column):
        what = f"column {column.name!r}: expected one answer for each image, found lists or mappings"
        raise UsageError(what, hint=_OTHER)
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    try:
        texts = column.astype("string").str.strip()
    except UnicodeDecodeError as error:
        raise UsageError(f"column {column.name!r}: expected texts, found bytes that are none", hint=_OTHER) from error
    except UnicodeEncodeError as error:  # of a name of a file or folder, or an escape in JSON
        what = f"column {column.name!r}: {_not_text(column)} is not a text in UTF-8"
        hint = "Rename it. If it is a name in UTF-8 and the locale is not, set PYTHONUTF8=1."
        raise UsageError(what, hint=hint) from error
    return texts.mask(texts == "").astype("object").where(texts.notna() & (texts != ""), None)


def _answers(table: pd.DataFrame, names: Sequence[str]) -> "dict[str, pd.Series[Any]]":
    """Return columns as texts, without those that are none."""
    found = {}
    for name in names:
        try:
            found[name] = words(table[name])
        except UsageError:
            continue  # lists, or bytes: no class
    return found


def _not_text(column: "pd.Series[Any]") -> str:
    """Show the first cell that has half of a character, which stands for a byte that is none."""
    return next((repr(cell) for cell in column if isinstance(cell, str) and _halves(cell)), "a cell")


def _halves(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _is_single(column: "pd.Series[Any]") -> bool:
    """Tell whether every cell is a single value. All are checked, since the rows of a stream may differ in type."""
    return column.dtype != "object" or all(map(pd.api.types.is_scalar, column.dropna()))


def _repeated(table: pd.DataFrame, candidates: Sequence[str]) -> "pd.Series[Any] | None":
    """Return the first column of ids or paths that several rows share; None if each row has its own."""
    for name in candidates:
        try:
            column = words(table[name])
        except UsageError:
            continue  # lists, or bytes: no name of an image
        if column.dropna().duplicated().any():
            return column
    return None


def _ids(table: pd.DataFrame, candidates: Sequence[str]) -> "pd.Series[Any] | list[str]":
    for name in candidates:
        if not _is_single(table[name]):
            continue
        column = words(table[name])
        if column.notna().all() and column.is_unique:
            return column
    return [f"{row:06d}" for row in range(len(table))]
