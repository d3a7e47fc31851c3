"""What a label threshold buys: the precision and the yield of each, drawn."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from synthgen.errors import StorageError

Point = tuple[float, float, float]
"""Of one threshold: the share of images that it accepts, the share of those that is right, its lower bound."""


def write_precision_plot(
    curves: Mapping[str, Sequence[Point]], chosen: Mapping[str, float | None], target: float, path: Path
) -> None:
    """One panel per class, as SVG: precision and its bound over the yield; `chosen` is the yield of the threshold.

    Raises:
        StorageError: the file cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    columns = min(3, len(curves))
    rows = -(-len(curves) // columns)
    with rc_context({"svg.hashsalt": "synthgen", "font.size": 9, "text.parse_math": False}):
        figure = Figure(figsize=(3.2 * columns, 2.6 * rows + 0.5), layout="constrained")
        panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flatten()
        for panel, (name, points) in zip(panels, curves.items(), strict=False):
            shares, precisions, bounds = zip(*points, strict=True) if points else ((), (), ())
            panel.plot(shares, precisions, color="#1b6ca8", label="right, of the labelled")
            panel.plot(shares, bounds, color="#1b6ca8", linestyle=":", label="lower bound")
            panel.axhline(target, color="#777777", linewidth=0.8, label="target")
            if (share := chosen[name]) is not None:
                panel.axvline(share, color="#c2410c", linewidth=0.8, label="threshold")
            panel.set_title(name if chosen[name] is not None else f"{name}: not reached")
        for panel in panels[len(curves) :]:
            panel.set_visible(False)
        panels[0].set_xlim(0, 1)
        panels[0].set_ylim(min([0.5, *(precision for points in curves.values() for _, precision, _ in points)]), 1.01)
        figure.supxlabel("yield: share of the attempts that is accepted")
        figure.supylabel("precision: share of those that is right")
        handles = {
            label: line for panel in panels for line, label in zip(*panel.get_legend_handles_labels(), strict=True)
        }
        figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=4, frameon=False)
        try:
            figure.savefig(path, format="svg", metadata={"Date": None})
        except OSError as error:
            raise StorageError(f"{path} cannot be written: {error.strerror}") from error
