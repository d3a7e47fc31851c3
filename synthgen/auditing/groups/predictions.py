"""Predictions of a downstream model: a column of the set, read like its classes."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from synthgen.errors import UsageError
from synthgen.sets import PREDICTED
from synthgen.spec import difference, folded

if TYPE_CHECKING:
    import pandas as pd


def check_predictions(frame: pd.DataFrame, classes: Collection[str], column: str) -> None:
    """Check that predictions are written like the classes.

    Raises:
        UsageError: there is none, none of them is a class, or one differs from a class only in how it is written.
    """
    if not len(frame):
        return
    seen = [str(name) for name in frame[PREDICTED].dropna().unique()]
    if not seen:
        raise UsageError(f"column {column!r} has no prediction", argument="predictions", hint="Name another column.")

    written = {folded(name): name for name in classes}
    for name in seen:
        meant = written.get(folded(name), name)
        if meant != name:
            differ = difference(name, meant)
            shown, correct = (repr(each) if "case" in differ else ascii(each) for each in (name, meant))
            what = f"column {column!r}: the prediction {shown} and the class {correct} differ {differ}"
            raise UsageError(what, argument="predictions", hint="Write the class in one way.")
    if not set(seen) & set(classes):
        what = f"column {column!r}: no prediction is a class; it holds {', '.join(map(repr, sorted(seen)[:5]))}"
        hint = f"The classes are {', '.join(map(repr, list(classes)[:10]))}. Predictions must be their names."
        raise UsageError(what, argument="predictions", hint=hint)
