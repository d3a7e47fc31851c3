"""Charts of intervals: one row per measurement, with a mark for its value and a line for its interval."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from unicodedata import east_asian_width

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from synthgen.auditing.report.words import MINUS
from synthgen.pages.page import short
from synthgen.pages.svg import BAND, FIRST, INK, LINE, PAPER, SECOND, SOFT, styled, to_svg
from synthgen.stats.estimates import Estimate

WIDTH = 3.5
"""Inches. Narrow, so that on a phone its letters are as large as the text; wide screens show several in a row."""
_ROW, _TOP, _BOTTOM, _GAP = 0.235, 0.08, 0.3, 0.12
_LETTER = 8 / 72
LONGEST = 12.5
"""How wide a row's name may be, in units of its font size."""
_END = 0.4
"""How much of that a shortened name keeps for its end."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a chart.

    Attributes:
        first: the main number: a filled disk.
        second: a number to compare with: a hollow diamond.
        target: the target value: an upright stroke.
        band: the range that chance alone, or missing knowledge, leaves open: a broad pale bar.
        outer: a wider interval around the main number: a thin line with an upright stroke at each end.
        strong: the name is bold, and a rule separates the row from those below.
    """

    name: str
    first: Estimate | None
    second: Estimate | None = None
    target: float | None = None
    band: tuple[float, float] | None = None
    strong: bool = False
    outer: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """The horizontal axis of a chart.

    Attributes:
        limits: None: fitted to the lines.
        percent: whether numbers are shown as percentages.
        zero: whether a rule at 0 separates the two directions.
    """

    limits: tuple[float, float] | None = (0.0, 1.0)
    percent: bool = True
    zero: bool = False


PERCENT = Scale()


def chart(key: str, title: str, lines: Sequence[Line], scale: Scale = PERCENT) -> Markup:
    """Draw the chart as SVG. Its description gives every row in words."""
    height = _TOP + _ROW * len(lines) + _BOTTOM
    names = [fitted(line.name) for line in lines]
    gutter = (_LETTER * max(map(_width, names), default=0) + _GAP) / WIDTH
    with styled():
        figure = Figure(figsize=(WIDTH, height))
        axes = figure.add_axes((gutter, _BOTTOM / height, 0.955 - gutter, 1 - (_TOP + _BOTTOM) / height))
        _axes(axes, lines, names, scale)
        for place, line in enumerate(lines):
            _draw(axes, place, line)
    return to_svg(figure, key, title, describe(lines, words(scale)))


def fitted(name: str) -> str:
    """Shorten a row's name to the space for it. Names that begin alike are still told apart by their ends."""
    whole = short(name, 400)
    if _width(whole) <= LONGEST:
        return whole
    begin = next(at for at in range(len(whole) + 1) if _width(whole[at:]) <= _END * LONGEST)
    left = LONGEST - 1 - _width(whole[begin:])
    end = next(end for end in range(begin, -1, -1) if _width(whole[:end]) <= left)
    return f"{whole[:end].rstrip()}…{whole[begin:].lstrip()}"


def _width(text: str) -> float:
    """Estimate the width of a text in units of its font size. The reader's font is not known."""
    return sum(map(_letter_width, text))


def _letter_width(letter: str) -> float:
    if letter in "mwMW@%…" or east_asian_width(letter) in "WF":
        return 1.0
    return 0.72 if letter.isupper() else 0.6


def describe(lines: Sequence[Line], worded: Callable[[float], str]) -> str:
    """Describe the rows for a reader who cannot see the chart."""
    told = []
    for line in lines:
        said = (
            [f"{worded(line.first.value)}, {worded(line.first.low)} to {worded(line.first.high)}"]
            if line.first
            else ["none"]
        )
        if line.first and line.outer:
            said.append(f"jointly {worded(line.outer.low)} to {worded(line.outer.high)}")
        if line.second:
            said.append(f"compared with {worded(line.second.value)}")
        if line.target is not None:
            said.append(f"target {worded(line.target)}")
        if line.band is not None:
            said.append(f"band {worded(line.band[0])} to {worded(line.band[1])}")
        told.append(f"{short(line.name, 60)}: {', '.join(said)}")
    return "; ".join(told) + "."


def words(scale: Scale) -> Callable[[float], str]:
    return (lambda value: f"{value:.0%}") if scale.percent else (lambda value: f"{value:.2f}")


def _axes(axes: Axes, lines: Sequence[Line], names: Sequence[str], scale: Scale) -> None:
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.set_yticks(range(len(lines)), names)
    for label, line in zip(axes.get_yticklabels(), lines, strict=True):
        label.set_fontweight("bold" if line.strong else "normal")
    low, high = scale.limits or _ends(lines)
    room = (high - low) * 0.025
    axes.set_xlim(low - room, high + room)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    worded = _ticks(scale)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: worded(value)))
    axes.grid(axis="x", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    if scale.zero:
        axes.axvline(0, color=SOFT, linewidth=0.9, zorder=1.5)
    for place, line in enumerate(lines[:-1]):
        if line.strong:
            axes.axhline(place + 0.5, color=LINE, linewidth=0.6)


def _ticks(scale: Scale) -> Callable[[float], str]:
    if scale.percent:
        return lambda value: f"{100 * value:g}%".replace("-", MINUS)
    return lambda value: f"{value:g}".replace("-", MINUS)


def reach(lines: Sequence[Line]) -> float:
    """Return the least tenth that no share exceeds, for charts with one scale."""
    return min(1.0, ceil(10 * _ends(lines)[1] - 1e-9) / 10)


def _ends(lines: Sequence[Line]) -> tuple[float, float]:
    """Return the least and the greatest of everything drawn, and 0."""
    ends = [0.0]
    for line in lines:
        for each in (line.first, line.second, line.outer):
            ends += [each.low, each.high] if each else []
        ends += list(line.band or ())
        ends += [line.target] if line.target is not None else []
    low, high = min(ends), max(ends)
    return (low, high) if high > low else (low, low + 1)


def _draw(axes: Axes, place: int, line: Line) -> None:
    both = line.first is not None and line.second is not None
    if line.band is not None:
        axes.barh(place, line.band[1] - line.band[0], left=line.band[0], height=0.62, color=BAND, linewidth=0)
    if line.target is not None:
        axes.plot(
            [line.target] * 2, [place - 0.36, place + 0.36], color=INK, linewidth=1.1, solid_capstyle="butt", zorder=2.5
        )
    if line.second is not None:
        _mark(axes, place + (0.19 if both else 0), line.second, SECOND, "D", hollow=True)
    if line.first is not None:
        height = place - (0.17 if both else 0)
        if line.outer is not None:
            ends = [line.outer.low, line.outer.high]
            axes.plot(
                ends, [height] * 2, "|-", color=FIRST, linewidth=0.7, markersize=5, markeredgewidth=0.9, zorder=2.8
            )
        _mark(axes, height, line.first, FIRST, "o", hollow=False)
    else:
        axes.text(
            0.5, place, "none", color=SOFT, ha="center", va="center", fontsize=7, transform=axes.get_yaxis_transform()
        )


def _mark(axes: Axes, place: float, found: Estimate, color: str, marker: str, hollow: bool) -> None:
    size = 3.6 if hollow else 4.6
    axes.plot(
        [found.low, found.high],
        [place] * 2,
        color=color,
        linewidth=1.1 if hollow else 1.7,
        solid_capstyle="butt",
        zorder=3,
    )
    axes.plot(
        [found.value],
        [place],
        marker,
        markersize=size,
        color=color,
        markerfacecolor=PAPER if hollow else color,
        markeredgewidth=1,
        zorder=4,
    )
