"""Boxes that a format of sets has itself, beside the classes: the column `boxes`, in the one form of the format."""

from collections.abc import Sequence

import pandas as pd

from synthgen.sets.image_set import ImageSet
from synthgen.spec import BoxFormName

OWN_BOXES = "boxes"
"""The column."""


def with_boxes(frame: pd.DataFrame, boxes: Sequence[object]) -> pd.DataFrame:
    """Add the column to a table, if there is a box at all."""
    return frame.assign(**{OWN_BOXES: pd.Series(list(boxes), dtype="object")}) if any(boxes) else frame


def form_in(found: ImageSet, column: str) -> BoxFormName | None:
    """Return how boxes in a column are written, where the format of the set says it."""
    form: BoxFormName | None = getattr(found, "box_form", None) if column == OWN_BOXES else None
    return form
