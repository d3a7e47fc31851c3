"""Crossings: how often the values of several attributes occur together in one image."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from synthgen.auditing.table import Table, crossed
from synthgen.errors import UsageError
from synthgen.stats.estimates import Estimate, wilson

MIN_CELL = 10
MOST_CELLS = 250_000
"""A crossing with more combinations than this is refused: a report could not hold them."""


@dataclass(frozen=True, slots=True)
class CrossingCell:
    """One combination of values.

    Attributes:
        values: one for each of the crossing's attributes.
        count: None if it is suppressed: above 0, and below the least count that is shown. A count of 0 is shown.
        share: of the images that have a value for every attribute; None if the count is.
        expected: the count if the attributes were independent; None if the count is.
    """

    values: tuple[str, ...]
    count: int | None
    share: Estimate | None
    expected: float | None


@dataclass(frozen=True, slots=True)
class Crossing:
    """The counts of every combination of values of some attributes.

    Attributes:
        attributes: their names; 'class' means the class.
        min_cell: smaller counts above 0 are suppressed.
        images: the number of images that have a value for every attribute.
        left_out: the number of the other images.
        suppressed: the number of suppressed cells.
    """

    attributes: tuple[str, ...]
    min_cell: int
    images: int
    left_out: int
    suppressed: int
    cells: tuple[CrossingCell, ...]


def check_crossing(names: Sequence[str], attributes: Iterable[str]) -> None:
    """Check the names of the attributes to cross.

    Raises:
        UsageError: there are fewer than two, one is listed twice, or the audit does not have it.
    """
    known = ["class", *attributes]
    if strange := [name for name in names if name not in known]:
        raise UsageError(
            f"crossing: there is no attribute {strange[0]!r}", argument="cross", hint=f"Known are: {', '.join(known)}."
        )
    if len(set(names)) < 2 or len(set(names)) < len(names):
        raise UsageError(f"crossing {', '.join(names)}: expected two attributes or more, each once", argument="cross")


def cross(table: Table, names: Sequence[str], min_cell: int = MIN_CELL) -> Crossing:
    """Count every combination of values.

    Small counts are suppressed since their shares say little and, in a real set, may identify a person. Counts that
    could be reconstructed from sums are not suppressed.

    Raises:
        UsageError: as `check_crossing`; or there are too many combinations.
    """
    check_crossing(names, table.attributes)
    columns, levels = [], []
    inside = np.ones(len(table), dtype=bool)
    for name in names:
        values = table.classes if name == "class" else table.attributes[name].values
        codes = table.label if name == "class" else table.attributes[name].codes
        inside &= codes < len(values)
        columns.append(codes)
        levels.append(values)

    if (combinations := math.prod(map(len, levels))) > MOST_CELLS:
        what = (
            f"crossing {', '.join(names)}: it has {combinations:,} combinations, and at most {MOST_CELLS:,} are counted"
        )
        raise UsageError(what, argument="cross", hint="Cross fewer attributes, or those with fewer values.")
    counts = crossed(*((codes[inside], len(values)) for codes, values in zip(columns, levels, strict=True)))
    images = int(counts.sum())
    expected = np.ones(counts.shape) * images
    for axis in range(counts.ndim):
        others = tuple(other for other in range(counts.ndim) if other != axis)
        expected = expected * counts.sum(others, keepdims=True) / max(images, 1)

    cells = []
    for index in np.ndindex(counts.shape):
        count: int | None = int(counts[index])
        hidden = not images or 0 < counts[index] < min_cell
        values_here = tuple(values[place] for values, place in zip(levels, index, strict=True))
        if hidden:
            cells.append(CrossingCell(values_here, None if images else 0, None, None))
        else:
            cells.append(CrossingCell(values_here, count, wilson(int(counts[index]), images), float(expected[index])))

    suppressed = sum(cell.count is None for cell in cells)
    return Crossing(tuple(names), min_cell, images, len(table) - images, suppressed, tuple(cells))
