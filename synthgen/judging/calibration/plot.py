"""A plot of label thresholds: the precision and the yield of each."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

from synthgen.files import write_file
from synthgen.pages.page import short

Point = tuple[float, float, float]
"""A threshold's share of images that it accepts, the share of those that is right, and its lower bound."""
_TICKS = (0, 0.25, 0.5, 0.75, 1)
_TITLE = 36
"""Width of a panel, in letters."""


def write_precision_plot(
    curves: Mapping[str, Sequence[Point]], chosen: Mapping[str, float | None], target: float, path: Path
) -> None:
    """One panel per class, as SVG: precision and its bound over the yield; `chosen` is the yield of the threshold.

    Raises:
        StorageError: the file cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    columns = min(3, len(curves))
    rows = -(-len(curves) // columns)
    with rc_context({"svg.hashsalt": "synthgen", "font.size": 9, "axes.titlesize": 10, "text.parse_math": False}):
        figure = Figure(figsize=(max(3.2 * columns, 4.8), 2.7 * rows + 0.9), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)  # type: ignore[union-attr, call-arg]
        panels = figure.subplots(rows, columns, squeeze=False).flatten()
        for panel, (name, points) in zip(panels, curves.items(), strict=False):
            shares, precisions, bounds = zip(*points, strict=True) if points else ((), (), ())
            panel.plot(shares, precisions, color="#1b6ca8", label="precision of the labelled")
            panel.plot(shares, bounds, color="#1b6ca8", linestyle=":", label="its lower bound")
            panel.axhline(target, color="#777777", linewidth=0.8, label="target")
            if (share := chosen[name]) is not None:
                panel.axvline(share, color="#c2410c", linewidth=0.8, label="threshold")
            state = "" if share is not None else "\n(not reached)" if points else "\n(nothing labelled)"
            panel.set_title(f"{short(name, _TITLE)}{state}")
            panel.set(xlim=(0, 1), ylim=(0, 1.02), xticks=_TICKS, yticks=_TICKS)
            for axis in (panel.xaxis, panel.yaxis):
                axis.set_major_formatter(PercentFormatter(1.0))
        for panel in panels[len(curves) :]:
            panel.set_visible(False)
        figure.supxlabel("yield: share of the images that is accepted")
        figure.supylabel("precision: share that is right")
        handles = {
            label: line for panel in panels for line, label in zip(*panel.get_legend_handles_labels(), strict=True)
        }
        ncols = 4 if columns > 2 else 2
        figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=ncols, frameon=False)
        svg = BytesIO()
        figure.savefig(svg, format="svg", metadata={"Date": None})
    write_file(path, svg.getvalue())
