"""The audited table in the shape of fairlearn's `MetricFrame`: classes, predictions and groups, by image."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from synthgen.sets import PREDICTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

_OWN = ("id", "y_true", "y_pred")


def to_export(frame: pd.DataFrame, attributes: Sequence[str]) -> pd.DataFrame:
    """Return the columns `id`, `y_true`, `y_pred` if there are predictions, and one for each attribute.

    An attribute with one of these names gets the name of its column with `_group` behind it.
    """
    import pandas as pd

    columns = {"id": frame["id"], "y_true": frame["label"]}
    if PREDICTED in frame.columns:
        columns["y_pred"] = frame[PREDICTED]
    columns |= {f"{name}_group" if name in _OWN else name: frame[name] for name in attributes}
    return pd.DataFrame(columns)


def write_export(table: pd.DataFrame) -> bytes:
    """Write the table as Parquet. A lone surrogate, which UTF-8 cannot encode, becomes '?'."""
    columns = {_text(name): _texts(table[name]) for name in table.columns}
    written = BytesIO()
    type(table)(columns).to_parquet(written, index=False)
    return written.getvalue()


def _texts(column: pd.Series) -> pd.Series:
    """Return a column as texts. One that has nothing but texts already is not gone through row by row."""
    import pandas as pd

    if pd.api.types.infer_dtype(column, skipna=True) == "string":
        try:
            return column.astype(pd.StringDtype(na_value=float("nan")))
        except UnicodeEncodeError:
            pass
    return column.map(_text, na_action="ignore")


def _text(value: object) -> str:
    return str(value).encode("utf-8", "replace").decode()
