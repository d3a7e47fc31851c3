"""A confusion matrix in a CSV: a row for each truth, named in the first column, and a column for each answer."""

from pathlib import Path

import pandas as pd

from synthgen.auditing.confusion import Confusion
from synthgen.errors import UsageError

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
