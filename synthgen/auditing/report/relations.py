"""How class and attributes relate: association, crossings, and bias amplification over a real set."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from synthgen.auditing.crossings import Crossing, CrossingCell
from synthgen.auditing.findings import Findings
from synthgen.auditing.report.chart import Line, Scale, chart
from synthgen.auditing.report.composition import Chart
from synthgen.auditing.report.words import spoken

_MOST_CELLS, _WIDEST = 60, 4


@dataclass(frozen=True, slots=True)
class Crossed:
    """A crossing, ready for the page.

    Attributes:
        columns: those of a table of two attributes, if the second one has few values; else empty, and the cells are a
            list.
        rows: the first attribute's value, or the values of a single cell; and the cells.
        left_out: the number of cells that are not shown.
    """

    crossing: Crossing
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[CrossingCell, ...]], ...]
    left_out: int


def association_chart(findings: Findings) -> Chart | None:
    found = [each for each in findings.attributes if each.association.v is not None]
    if not found:
        return None
    lines = [Line(spoken(each.name), each.association.v) for each in found]
    svg = chart("association", "Association of class and attribute", lines, Scale((0.0, 1.0), percent=False))
    return Chart("Cramér’s V", "0: no association; 1: the class determines it", svg)


def amplification_charts(findings: Findings) -> Iterator[Chart]:
    found = [each for each in findings.amplification if each.from_class is not None]
    if not found:
        return
    scale = Scale(None, percent=False, zero=True)
    lines = [Line(spoken(each.attribute), each.from_class) for each in found]
    svg = chart("amplification-class", "Bias amplification from class to attribute", lines, scale)
    yield Chart("From class to attribute", "above 0: stronger than in the real set", svg)
    lines = [Line(spoken(each.attribute), each.from_attribute) for each in found]
    svg = chart("amplification-attribute", "Bias amplification from attribute to class", lines, scale)
    yield Chart("From attribute to class", "above 0: stronger than in the real set", svg)


def crossed(findings: Findings) -> tuple[Crossed, ...]:
    return tuple(_crossed(each) for each in findings.crossings)


def _crossed(crossing: Crossing) -> Crossed:
    columns = tuple(dict.fromkeys(cell.values[-1] for cell in crossing.cells))
    if len(crossing.attributes) == 2 and len(columns) <= _WIDEST:
        names = list(dict.fromkeys(cell.values[0] for cell in crossing.cells))
        rows = [(name, tuple(cell for cell in crossing.cells if cell.values[0] == name)) for name in names]
        shown = _MOST_CELLS // len(columns)
        return Crossed(crossing, columns, tuple(rows[:shown]), len(rows[shown:]) * len(columns))
    cells = sorted(crossing.cells, key=_most_first)
    rows = [(" × ".join(cell.values), (cell,)) for cell in cells[:_MOST_CELLS]]
    return Crossed(crossing, (), tuple(rows), len(cells[_MOST_CELLS:]))


def _most_first(cell: CrossingCell) -> tuple[float, Sequence[str]]:
    return -(cell.count if cell.count is not None else 0.5), cell.values
