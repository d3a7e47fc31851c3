"""Two sources of an image's class, such as a column and the name of a folder, that contradict each other."""

from collections.abc import Collection, Iterator
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from synthgen.errors import UsageError
from synthgen.sets.features import LABELS
from synthgen.sets.files import PATHS
from synthgen.sets.image_folder import is_split
from synthgen.sets.image_set import ImageSet
from synthgen.spec import folded

_OTHERS = (*LABELS, "cls", "json.cls")
_PLACES = (*PATHS, "key")
_FEWEST_FOLDERS = 2
"""Folders are taken for classes if so many of them have the name of one."""


def sources(found: ImageSet, label: str, used: Collection[str]) -> list[str]:
    """Return the columns besides `label` that may tell the class of an image. Those `used` mean something else."""
    return [name for name in (*_OTHERS, *_PLACES) if name in found.columns and name != label and name not in used]


def check_agreement(source: str, label: str, frame: pd.DataFrame, others: "dict[str, pd.Series[Any]]") -> None:
    """Check that no other source of the classes contradicts them.

    Columns with names of their own, such as numbers of classes or a coarser class, do not contradict. Those that use
    the names of the classes do in every row in which they say another one.

    Args:
        label: the column of the classes.
        frame: the columns `id` and `label`.
        others: texts of other columns, of which some are paths.

    Raises:
        UsageError: a source contradicts the classes.
    """
    labels = _folded(frame["label"])
    classes = set(labels.dropna())
    for name, what, told in _told(others):
        other = _folded(told)
        shared = classes & set(other.dropna())
        differs = labels.notna() & other.notna() & (labels != other)
        if name in _PLACES:
            differs &= other.isin(shared)
        if len(shared) < (_FEWEST_FOLDERS if name in _PLACES else 1) or not differs.any():
            continue
        row = int(differs.to_numpy().argmax())
        many = int(differs.sum())
        said = f"{frame['label'].iloc[row]!r} by {label!r} and {told.iloc[row]!r} by {what}"
        more = f"; so do {many - 1:,} more" if many > 1 else ""
        raise UsageError(
            f"{source}: image {frame['id'].iloc[row]} is {said}{more}",
            argument="label",
            hint=f"Mend the one that is wrong, or say which column is right, such as {label!r}.",
        )


def _told(others: "dict[str, pd.Series[Any]]") -> "Iterator[tuple[str, str, pd.Series[Any]]]":
    for name, column in others.items():
        if name in _PLACES:
            yield name, "the name of its folder", _folders(column)
        else:
            yield name, repr(name), column


def _folders(paths: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return the last folder above each file that is no split."""
    above = paths.map(lambda path: path.replace("\\", "/").rpartition("/")[0], na_action="ignore")
    return above.map({each: _class_in(each) for each in above.dropna().unique()}, na_action="ignore").astype("object")


def _class_in(folder: str) -> str | None:
    parts = [part for part in PurePosixPath(folder).parts if not is_split(part)]
    return parts[-1] if parts else None


def _folded(column: "pd.Series[Any]") -> "pd.Series[Any]":
    kinds = {name: folded(name) for name in column.dropna().unique()}
    return column.map(kinds, na_action="ignore").astype("object")
