"""Progress on stderr: a live line per class on a terminal, JSON lines elsewhere."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from synthgen.cli.show import duration
from synthgen.cli.streams import console
from synthgen.events import Progress
from synthgen.inert import inert


@contextmanager
def show_progress(model: str) -> Iterator[Callable[[Progress], None]]:
    """What to call with each `Progress`. On a terminal, lines tell of the shards that were begun since; they are erased
    when the block ends. Elsewhere a JSON object a line, as docs/runs.md has it."""
    if sys.stderr.isatty():
        with _lines(model) as on_progress:
            yield on_progress
    else:
        yield _print_json_line


def _print_json_line(progress: Progress) -> None:
    print(json.dumps(asdict(progress)), file=sys.stderr, flush=True)


@contextmanager
def _lines(model: str) -> Iterator[Callable[[Progress], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
    from rich.progress import Progress as Bars

    bars = Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", style="dim", markup=False),
        console=console(stderr=True),
        transient=True,
    )
    tasks: dict[str, TaskID] = {}
    shards: dict[int, Progress] = {}
    began = time.monotonic()
    with bars:
        loading = bars.add_task(f"loading {inert(model)}", total=None, note="")
        speed = bars.add_task("accepted", total=None, note="", visible=False)

        def on_progress(progress: Progress) -> None:
            nonlocal began
            if not shards:  # models are loaded, and the first batch begins
                began = time.monotonic()
                bars.update(loading, visible=False)
                bars.update(speed, visible=True)
            shards[progress.shard] = progress
            seconds = time.monotonic() - began
            every = [kind for one in shards.values() for kind in one.classes.values()]
            bars.update(
                speed,
                completed=sum(kind.accepted for kind in every),
                total=sum(kind.quota for kind in every),
                note=f"{sum(kind.attempts for kind in every) / seconds:.1f} attempts/s",
            )
            for name in progress.classes:
                of_class = [one.classes[name] for one in shards.values() if name in one.classes]
                accepted, quota = (sum(getattr(kind, what) for kind in of_class) for what in ("accepted", "quota"))
                attempts = sum(kind.attempts for kind in of_class)
                if name not in tasks:
                    tasks[name] = bars.add_task(inert(name), total=quota, note="")
                note = _note(accepted, quota, attempts, seconds)
                bars.update(tasks[name], completed=accepted, total=quota, note=note)

        yield on_progress


def _note(accepted: int, quota: int, attempts: int, seconds: float) -> str:
    """A class's yield, which is not how far it is, and the time that it still takes at this pace."""
    if not accepted:
        return f"none of {attempts} attempts" if attempts else ""
    left = duration((quota - accepted) * seconds / accepted)
    return f"{accepted / attempts:.0%} of {attempts} attempts, {left} left"
