"""A confusion matrix in a CSV: a row for each truth, named in the first column, and a column for each answer."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from synthgen.auditing.confusion import Confusion
from synthgen.errors import UsageError
from synthgen.files import expanded

_HINT = "Expected a CSV of counts: its first column names what is true, its header what was answered."


def read_confusion(path: Path) -> Confusion:
    """Read a confusion matrix.

    Raises:
        UsageError: it cannot be read, or an entry is not a whole number.
    """
    try:
        whole = pd.read_csv(path, dtype={0: "string"}, keep_default_na=False, na_values=[""], encoding="utf-8-sig")
        frame = whole.set_index(whole.columns[0])
        frame = frame.apply(pd.to_numeric).astype("Int64")
    except (OSError, ValueError, TypeError) as error:  # pandas' own errors are ValueErrors
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UsageError(f"{path} cannot be read: {reason}", hint=_HINT) from error
    if frame.isna().any(axis=None) or frame.empty:
        raise UsageError(f"{path}: an entry is missing", hint=_HINT)
    return Confusion.from_frame(frame.rename(index=str.strip, columns=str.strip))


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
