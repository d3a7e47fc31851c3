"""The shares of a column's values in a real dataset: what a generated one is balanced to."""

from collections.abc import Collection
from pathlib import Path

from synthgen.errors import UsageError


def read_shares(path: Path, column: str, values: Collection[str]) -> dict[str, float]:
    """How the rows of `column` in a CSV or Parquet file are shared out among `values`; they make 1 together.

    Rows without a value are passed over.

    Raises:
        UsageError: there is no such file or column, or it holds something else.
    """
    import pandas as pd

    hint = f"Expected a CSV or Parquet file with a column {column!r} whose values are {', '.join(values)}."
    try:
        if path.suffix in (".parquet", ".pq"):
            found = pd.read_parquet(path, columns=[column])[column]
        else:
            found = pd.read_csv(path, usecols=[column], dtype="string")[column]
    except (OSError, ValueError, KeyError) as error:  # pandas' and pyarrow's own errors are ValueErrors
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UsageError(f"balance: {path} cannot be read: {reason}", hint=hint) from error
    counts = found.dropna().astype("string").value_counts()
    strange = [str(value) for value in counts.index if value not in values]
    if strange:
        raise UsageError(
            f"balance: {path}: {column} has the value {strange[0]!r}, which the attribute lacks", hint=hint
        )
    if counts.empty:
        raise UsageError(f"balance: {path}: {column} holds no value", hint=hint)
    return {value: float(counts.get(value, 0) / counts.sum()) for value in values}
