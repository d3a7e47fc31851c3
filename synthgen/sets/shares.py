"""The shares of a column's values in a real dataset, as a target for a generated one."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from synthgen.errors import UsageError
from synthgen.sets.csv_file import read_csv
from synthgen.spec import NOT_APPLICABLE, UNKNOWN
from synthgen.spec.errors_file import is_errors, read_errors, shares_of_values

_MOST_BYTES = 1 << 30


def read_shares(path: Path, column: str, values: Collection[str], measured: str) -> dict[str, float]:
    """Count the shares of `values` in a column of a CSV or Parquet file, or read them of one of errors. They sum to 1.

    A row is an image. Rows without a value, or with 'unknown' or 'not applicable', are skipped.

    Args:
        measured: of errors, the other name that the column has in datasets of synthgen.

    Raises:
        UsageError: there is no such file or column, or it contains something else.
    """
    hint = f"Expected a CSV or Parquet file with a row for each image and a column {column!r}: {', '.join(values)}."
    if is_errors(path):
        return shares_of_values(read_errors(path)[0], path, column, measured, values)
    if not path.is_file():
        raise UsageError(f"there is no file {path} in {Path.cwd()}", hint=hint)
    if path.suffix not in (".parquet", ".pq") and path.stat().st_size > _MOST_BYTES:  # of Parquet, one column is read
        raise UsageError(f"{path} has more than {_MOST_BYTES >> 30} GiB", hint=f"Write it as Parquet. {hint}")
    found = _column(path, column, hint)
    counts = found.dropna().astype("string").value_counts().drop([UNKNOWN, NOT_APPLICABLE], errors="ignore")
    strange = [str(value) for value in counts.index if value not in values]
    if strange:
        raise UsageError(f"{path}: {column} has the value {strange[0]!r}, which the attribute lacks", hint=hint)
    if counts.empty:
        raise UsageError(f"{path}: {column} holds no value", hint=hint)
    if len(counts) > 1 and counts.max() == 1:
        table = f"{path}: no value of {column} is duplicated: a table of shares, and no dataset"
        raise UsageError(table, hint="Write shares that are known into the spec: target: {VALUE: SHARE, ..}.")
    return {value: float(counts.get(value, 0) / counts.sum()) for value in values}


def _column(path: Path, column: str, hint: str) -> "pd.Series[Any]":
    try:
        is_parquet = path.suffix in (".parquet", ".pq")
        frame = None if is_parquet else read_csv(path)[0]
        names = pq.read_schema(path).names if frame is None else list(frame.columns)
        if column not in names:
            raise UsageError(f"{path} has no column {column!r}; it has {', '.join(names)}", hint=hint)
        return pd.read_parquet(path, columns=[column])[column] if frame is None else frame[column].astype("string")
    except (OSError, ValueError) as error:  # pandas' and pyarrow's own errors are ValueErrors
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UsageError(f"{path} cannot be read: {reason}", hint=hint) from error
