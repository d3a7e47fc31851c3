"""A small line chart: one number over the versions of a set, each with its interval."""

from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from synthgen.auditing.report.chart import WIDTH
from synthgen.auditing.report.words import percents
from synthgen.pages.svg import BAND, FIRST, LINE, SOFT, styled, to_svg
from synthgen.stats.estimates import Estimate

_HEIGHT = 1.5


def line_chart(key: str, title: str, names: Sequence[str], values: Sequence[Estimate | None]) -> Markup:
    """Draw shares over versions as SVG: a band for the intervals, and a gap where a version has no share.

    Its description gives every version in words.
    """
    places = [place for place, value in enumerate(values) if value is not None]
    there = [value for value in values if value is not None]
    with styled():
        figure = Figure(figsize=(WIDTH, _HEIGHT))
        axes = figure.add_axes((0.13, 0.2, 0.83, 0.74))
        low, high = [each.low for each in there], [each.high for each in there]
        axes.fill_between(places, low, high, color=BAND, linewidth=0)
        axes.vlines(places, low, high, color=FIRST, linewidth=1)
        axes.plot(places, [each.value for each in there], "o-", color=FIRST, linewidth=1.4, markersize=4)

        axes.set_xlim(-0.3, len(values) - 0.7)
        axes.set_xticks(range(len(values)), names)
        axes.set_ylim(max(0.0, min(low, default=0.0) - 0.05), min(1.0, max(high, default=1.0) + 0.05))
        axes.yaxis.set_major_locator(MaxNLocator(3))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}%"))
        axes.tick_params(axis="y", labelsize=7, colors=SOFT)
        axes.grid(axis="y", color=LINE, linewidth=0.6)
        axes.set_axisbelow(True)
    told = (
        f"{name}: {percents(value) if value else 'not comparable'}" for name, value in zip(names, values, strict=True)
    )
    return to_svg(figure, key, title, "; ".join(told) + ".")
