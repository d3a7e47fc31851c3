"""Findings as tables: an estimate is three columns, also where there is none."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from synthgen.auditing.compare import Comparison
from synthgen.auditing.tables import comparison_table
from synthgen.stats.estimates import Estimate


@dataclass(frozen=True)
class Row:
    """A finding whose annotations are texts, as the future import of this file makes them."""

    place: str
    found: Estimate | None


@pytest.mark.parametrize("found", [None, Estimate(0.5, 0.4, 0.6)], ids=["none", "one"])
def test_estimates_are_columns_also_where_annotations_are_texts(found: Estimate | None) -> None:
    assert Row.__annotations__["found"] == "Estimate | None"
    table = comparison_table(Comparison(1, 1, (Row("overall", found),), ()))  # type: ignore[arg-type]
    assert list(table.columns) == ["place", "found", "found_low", "found_high"]
