"""The dose-response curve: accuracy by how many images are added for each real one."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from synthgen.auditing.report.chart import WIDTH
from synthgen.auditing.report.words import percents
from synthgen.evaluating.arms import RATIOS, REAL, ArmKind
from synthgen.evaluating.findings import FoundArm, UsefulnessFindings
from synthgen.pages.svg import BAND, FIRST, INK, LINE, PAPER, SECOND, SOFT, styled, to_svg
from synthgen.stats.estimates import Estimate

_HEIGHT = 2.7
_APART = 1.13
"""By which factor two ticks differ at least, so that their names do not touch."""


@dataclass(frozen=True, slots=True)
class _Series:
    """Arms that are drawn alike.

    Attributes:
        aside: by which factor marks are moved sideways, so that those of one ratio do not cover each other.
    """

    kind: ArmKind
    colour: str
    marker: str
    aside: float
    hollow: bool


_SERIES = (
    _Series(ArmKind.OVERSAMPLED, INK, "s", 1 / 1.06, hollow=True),
    _Series(ArmKind.UNFILTERED, SOFT, "^", 1 / 1.12, hollow=True),
    _Series(ArmKind.MORE_REAL, SECOND, "D", 1.06, hollow=True),
    _Series(ArmKind.MIXED, FIRST, "o", 1.0, hollow=False),
)


def curve(findings: UsefulnessFindings) -> Markup:
    """Draw the curve as SVG. Its description gives every point in words."""
    real = _accuracy(findings.arm(REAL))
    drawn = [(each, _arms(findings, each.kind)) for each in _SERIES]
    ratios = [arm.arm.ratio for _, arms in drawn for arm in arms]
    with styled():
        figure = Figure(figsize=(WIDTH, _HEIGHT))
        axes = figure.add_axes((0.115, 0.085, 0.865, 0.89))
        axes.axhspan(real.low, real.high, color=BAND, linewidth=0)
        axes.axhline(real.value, color=SOFT, linewidth=1.2)
        for series, arms in drawn:
            _draw(axes, series, arms, findings.decided_by)
        _axes(axes, ratios, [real, *(_accuracy(arm) for _, arms in drawn for arm in arms)])
    told = [f"{REAL} images alone: {percents(real)}"]
    told += [f"{arm.arm.name}: {percents(_accuracy(arm))}" for _, arms in reversed(drawn) for arm in arms]
    return to_svg(figure, "curve", "Accuracy by images added for each real one", "; ".join(told) + ".")


def _arms(findings: UsefulnessFindings, kind: ArmKind) -> list[FoundArm]:
    return sorted((each for each in findings.arms if each.arm.kind is kind), key=lambda each: each.arm.ratio)


def _accuracy(arm: FoundArm) -> Estimate:
    return arm.scored.scores.accuracy


def _draw(axes: Axes, series: _Series, arms: Sequence[FoundArm], decided_by: str) -> None:
    places = [arm.arm.ratio * series.aside for arm in arms]
    found = [_accuracy(arm) for arm in arms]
    width = 1.0 if series.hollow else 1.6
    axes.plot(places, [each.value for each in found], "-", color=series.colour, linewidth=width, zorder=3)
    for arm, place, each in zip(arms, places, found, strict=True):
        axes.plot([place] * 2, [each.low, each.high], color=series.colour, linewidth=width, zorder=3)
        if arm.arm.name == decided_by:  # a ring around the one that the verdict is on
            axes.plot([place], [each.value], "o", markersize=10, color=series.colour, markerfacecolor=PAPER, zorder=3.5)
        filling = PAPER if series.hollow else series.colour
        axes.plot(
            [place], [each.value], series.marker, color=series.colour, markerfacecolor=filling, markersize=4.5, zorder=4
        )


def _axes(axes: Axes, ratios: Sequence[float], drawn: Sequence[Estimate]) -> None:
    axes.set_xscale("log", base=2)
    low, high = min(ratios), max(ratios)
    axes.set_xlim(low / 1.3, high * 1.3)
    axes.xaxis.set_major_locator(FixedLocator(_ticks(ratios)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"×{value:.2g}"))

    least, most = min(each.low for each in drawn), max(each.high for each in drawn)
    room = max(0.01, (most - least) * 0.05)
    axes.set_ylim(max(-0.01, least - room), min(1.01, most + room))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g}%"))
    axes.tick_params(axis="y", labelsize=7, colors=SOFT)
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)


def _ticks(ratios: Sequence[float]) -> list[float]:
    """Return the round ratios and the ends, without those that are too near to another."""
    found: list[float] = []
    for ratio in sorted(set(ratios), key=lambda ratio: (ratio not in RATIOS, -ratio)):
        if all(max(ratio, other) >= _APART * min(ratio, other) for other in found):
            found.append(ratio)
    return sorted(found)
