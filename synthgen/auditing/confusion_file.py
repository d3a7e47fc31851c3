"""A confusion matrix in a CSV: a row for each truth, named in the first column, and a column for each answer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pandas as pd

from synthgen.auditing.confusion import Confusion
from synthgen.bounded import read_bounded
from synthgen.errors import UsageError
from synthgen.files import expanded
from synthgen.spec import ASIDE

CLASS = "class"
"""The column that names the class of a row."""

_ANSWERS = {"answer", "answers", "predicted", "prediction", "predictions", "judge", "judged", "measured"}
_HINT = "Expected a CSV of counts: truths in the first column, answers in the header, and maybe a column `class`."


def read_confusion(path: Path, values: Sequence[str] = ()) -> Confusion:
    """Read a confusion matrix, or those of single classes if there is a column `class`.

    A first column `class` that is followed by an answer, one of `values` for example, holds the truths.

    Raises:
        UsageError: it cannot be read, or an entry is missing or is not a whole number.
    """
    try:
        text = BytesIO(read_bounded(path))
        whole = pd.read_csv(text, dtype="string", keep_default_na=False, na_values=[""], encoding="utf-8-sig")
        whole = whole.rename(columns=str.strip)
        by_class = _has_classes(list(whole.columns), values)
        truth = next(name for name in whole.columns if not by_class or name != CLASS)
        names = [CLASS, truth] if by_class else [truth]
        _check_corner(truth)
        frame = _counts(whole.set_index(names))
    except (OSError, ValueError, TypeError, StopIteration) as error:  # pandas' own errors are ValueErrors
        said = error.strerror if isinstance(error, OSError) else error
        reason = (str(said) or type(error).__name__).splitlines()[0]
        raise UsageError(f"{path} cannot be read: {reason}", hint=_HINT) from error
    if frame.isna().any(axis=None) or frame.empty:
        raise UsageError(f"{path}: an entry is missing", hint=_HINT)
    if not by_class:
        return Confusion.from_frame(frame.rename(index=str.strip))
    if whole[names].isna().any(axis=None):
        hint = "Expected a class and a truth in every row. A class without rows gets the sum of all others."
        raise UsageError(f"{path}: a row has no class or no truth", hint=hint)
    return matrices_of(frame)


def _check_corner(name: str) -> None:
    """Check that the header of the first column does not say that the rows are answers, as in a transposed matrix."""
    if name.strip().casefold() in _ANSWERS:
        raise ValueError(f"its rows are named {name!r}, and rows must be the truths; transpose it")


def _counts(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the entries as whole numbers.

    Raises:
        ValueError: an entry is none; says where.
    """
    found = frame.apply(pd.to_numeric, errors="coerce").astype("Float64")
    wrong = frame.notna() & (found.isna() | (found != found.round()).fillna(False)).astype(bool)
    for column in frame.columns[wrong.any()]:
        row = wrong[column].to_numpy().argmax()
        key = frame.index[row]
        place = " of class ".join(str(each) for each in reversed(key)) if isinstance(key, tuple) else str(key)
        raise ValueError(f"{frame[column].iloc[row]!r}, in the row {place} and the column {column}, is no whole number")
    whole: pd.DataFrame = found.astype("Int64")
    return whole


def matrices_of(frame: pd.DataFrame) -> Confusion:
    """Read the matrices of single classes from counts with the class and the truth as their index, and add them up.

    Raises:
        UsageError: a class has a truth twice.
    """
    index = frame.index.map(lambda pair: (str(pair[0]).strip(), str(pair[1]).strip()))
    frame = frame.set_axis(index)
    if index.has_duplicates:
        name, truth = index[index.duplicated()][0]
        hint = "Add the counts of both rows, or correct the class of one."
        raise UsageError(f"the confusion matrix has the row {truth!r} of class {name!r} twice", hint=hint)
    own = {name: part.droplevel(0) for name, part in frame.groupby(level=0, sort=False)}
    total = Confusion.from_frame(frame.groupby(level=1, sort=False).sum())
    return replace(total, classes=tuple((str(name), Confusion.from_frame(part)) for name, part in own.items()))


def _has_classes(columns: Sequence[str], values: Sequence[str]) -> bool:
    """Tell whether a column `class` names classes: it is no answer, and it is not the only column of names."""
    answers = (*values, *ASIDE)
    if CLASS not in columns or CLASS in values:
        return False
    return columns[0] != CLASS or (len(columns) > 1 and columns[1] not in answers)


def name_confusions(given: Mapping[str, Path] | Sequence[str], attributes: Sequence[str]) -> dict[str, Path]:
    """Find out which attribute each file of a confusion matrix belongs to.

    Args:
        given: files by attribute, or texts such as 'skin_tone=matrix.csv'. A file alone (in a mapping: under the empty
            name) belongs to the only attribute. In a text, what is before the first '=' is a name if it is that of an
            attribute, so that files such as 'run=3/matrix.csv' can be given too.

    Raises:
        UsageError: there is no such attribute, an attribute has two files, or it is unclear whose a file is.
    """
    pairs = list(given.items()) if isinstance(given, Mapping) else [_named(text, attributes) for text in given]
    listed = f"The attributes are: {', '.join(attributes)}."

    found: dict[str, Path] = {}
    for name, file in pairs:
        if not name and len(attributes) != 1:
            example = f"{attributes[0] if attributes else 'NAME'}={file}"
            hint = f'{listed} Write `confusions="{example}"`.'
            raise UsageError(f"{file}: which attribute is it for?", argument="confusions", hint=hint)
        attribute = name or attributes[0]
        if attribute not in attributes:
            raise UsageError(f"there is no attribute {attribute!r}", argument="confusions", hint=listed)
        if attribute in found:
            what = f"{attribute!r} has two files: {found[attribute]} and {file}"
            raise UsageError(what, argument="confusions", hint="Give each attribute one confusion matrix.")
        found[attribute] = file
    return found


def _named(text: str, attributes: Sequence[str]) -> tuple[str, Path]:
    """Split NAME=FILE, or return a file alone with an empty name."""
    name, equals, file = (part.strip() for part in text.partition("="))
    if equals and file and name in attributes:
        return name, expanded(file)
    whole = expanded(text.strip())
    if equals and file and name.isidentifier() and not whole.exists():
        return name, expanded(file)  # of an attribute that does not exist
    return "", whole
