"""Progress on stderr: a live line per class on a terminal, JSON lines elsewhere."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from synthgen.run import Progress


@contextmanager
def show_progress(model: str) -> Iterator[Callable[[Progress], None]]:
    """What to call with each `Progress`. On a terminal the lines are erased when the block ends."""
    if sys.stderr.isatty():
        with _lines(model) as on_progress:
            yield on_progress
    else:
        yield _print_json_line


def _print_json_line(progress: Progress) -> None:
    print(json.dumps(asdict(progress)), file=sys.stderr, flush=True)


@contextmanager
def _lines(model: str) -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
    from rich.progress import Progress as Bars

    bars = Bars(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", style="dim"),
        console=Console(stderr=True),
        transient=True,
    )
    tasks: dict[str, TaskID] = {}
    with bars:
        loading = bars.add_task(f"loading {model}", total=None, note="")

        def on_progress(progress: Progress) -> None:
            bars.update(loading, visible=False)
            seconds = sum(kind.attempts for kind in progress.classes.values()) / (progress.images_per_second or 1.0)
            for name, kind in progress.classes.items():
                if name not in tasks:
                    tasks[name] = bars.add_task(name, total=kind.quota, note="")
                share = f"{kind.accepted / kind.attempts:.0%}, " if kind.attempts else ""
                left = (kind.quota - kind.accepted) * seconds / kind.accepted if kind.accepted else None
                ending = "" if left is None else f", {left:.0f} s left"
                note = f"{share}shard {progress.shard}, {progress.images_per_second:.1f} images/s{ending}"
                bars.update(tasks[name], completed=kind.accepted, total=kind.quota, note=note)

        yield on_progress
