"""How progress is shown: bars on a terminal, sentences on a terminal without a cursor, JSON Lines elsewhere."""

import json
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol, Self

from synthgen.cli.cells import without_beginning
from synthgen.cli.progress import Snapshot, slowest
from synthgen.cli.streams import console
from synthgen.cli.units import duration
from synthgen.events import ClassProgress
from synthgen.inert import inert, unbroken

_SLOWEST = 5
"""Classes shown under the bar."""
_BESIDE, _SHORTEST = 56, 10
"""Columns for the rest of the line, and the fewest for a description."""


class Display(Protocol):
    """Shows snapshots, and messages between them."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *ended: object) -> None: ...

    def show(self, snapshot: Snapshot) -> None:
        """Show the progress."""

    def say(self, event: str, text: str, **more: object) -> None:
        """Show a message of the kind `event`: "note", "warning" or "error"."""


class Plain:
    """Only messages: for work that reports no progress, and for `--quiet`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        """Nothing is left to show."""

    def show(self, snapshot: Snapshot) -> None:
        """Show nothing."""

    def say(self, event: str, text: str, **more: object) -> None:
        """Print the text."""
        _write(text)


class _Paced(Plain, ABC):
    """Prints a snapshot every few seconds from the first one on, and a last one at the end.

    What comes in between is kept until it is due: a step that begins then and says nothing more is shown all the same.
    """

    def __init__(self, every: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._every, self._clock = every, clock
        self._last: float | None = None
        self._held: Snapshot | None = None
        self._due: threading.Timer | None = None
        self._one = threading.RLock()

    def show(self, snapshot: Snapshot) -> None:
        """Print the snapshot if it is due, or keep it."""
        with self._one:
            self._held, now = snapshot, self._clock()
            if self._last is None or now - self._last >= self._every:
                self._flush(now)
            elif self._due is None:
                self._due = threading.Timer(self._last + self._every - now, self._fall_due)
                self._due.daemon = True
                self._due.start()

    def __exit__(self, *ended: object) -> None:
        with self._one:
            self._flush(self._clock())

    def _fall_due(self) -> None:
        with self._one:
            if self._due is threading.current_thread():  # and not one that came too late to be stopped
                self._flush(self._clock())

    def _flush(self, now: float) -> None:
        """Print what is kept."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._held is not None:
            self._print(self._held)
            self._last, self._held = now, None

    @abstractmethod
    def _print(self, snapshot: Snapshot) -> None:
        """Print a snapshot that is due."""


class Sentences(_Paced):
    """A sentence every ten seconds, for terminals that cannot move their cursor."""

    def __init__(self) -> None:
        super().__init__(every=10)

    def _print(self, snapshot: Snapshot) -> None:
        _write(sentence(snapshot))


class JsonLines(_Paced):
    """One JSON object a line: of progress at most one every three seconds, and a last one at the end.

    Messages are lines, too, so that a consumer can parse all of them.

    Args:
        run: the name of what is being worked on.
    """

    def __init__(self, run: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(every=3, clock=clock)
        self._run = run

    def say(self, event: str, text: str, **more: object) -> None:
        """Print the message as a line among the others."""
        self._line(event, message=text, **more)

    def _print(self, snapshot: Snapshot) -> None:
        more = {"step": snapshot.step} if snapshot.step else {}
        self._line(
            "progress",
            **more,
            unit=snapshot.unit,
            done=snapshot.done,
            total=snapshot.total,
            rate=None if snapshot.rate is None else float(f"{snapshot.rate:.3g}"),
            seconds_left=None if snapshot.seconds_left is None else round(snapshot.seconds_left),
        )

    def _line(self, event: str, **fields: object) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        _write(json.dumps({"time": now, "event": event, "run": self._run} | fields))


class Bars:
    """One bar for the whole work, with the time left, and below it the classes with the most work left.

    Args:
        title: what is shown before the first snapshot.
    """

    def __init__(self, title: str) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

        screen = console(stderr=True)
        self._room = max(screen.width - _BESIDE, _SHORTEST)
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24 if screen.width >= 100 else 10 if screen.width >= 70 else 4),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
            console=screen,
            transient=True,
        )
        self._title = self._fitted(title)
        self._whole = self._bars.add_task(self._title, total=None, note="")
        self._rows = [self._bars.add_task("", total=1, note="", visible=False) for _ in range(_SLOWEST)]

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *ended: object) -> None:
        self._bars.stop()

    def _fitted(self, text: str) -> str:
        """Shorten a description, as a long one would leave no room for the bar, the count and the time left."""
        return without_beginning(unbroken(text), self._room)

    def say(self, event: str, text: str, **more: object) -> None:
        """Print the text above the bars."""
        _write(inert(text))

    def show(self, snapshot: Snapshot) -> None:
        """Redraw the bars."""
        self._bars.update(
            self._whole,
            description=self._title if snapshot.is_loading else self._fitted(snapshot.step or snapshot.unit),
            completed=snapshot.done,
            total=snapshot.total,
            note=_pace(snapshot),
        )
        names = slowest(snapshot.classes, _SLOWEST) if len(snapshot.classes) > 1 else []
        for row, name in zip(self._rows, [*names, *[None] * (_SLOWEST - len(names))], strict=True):
            if name is None:
                self._bars.update(row, visible=False)
            else:
                kind = snapshot.classes[name]
                self._bars.update(
                    row,
                    description=self._fitted(f"  {name}"),
                    completed=kind.accepted,
                    total=kind.quota,
                    note=pass_rate(kind),
                    visible=True,
                )


def _write(line: str) -> None:
    """Write a line in one call, because another thread may write, too."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def sentence(snapshot: Snapshot) -> str:
    """Write a snapshot as a sentence: `12 of 60 images, 1.2 images/s, 40 s left`."""
    step = f"{snapshot.step}: " if snapshot.step else ""
    of = f" of {snapshot.total:,}" if snapshot.total is not None else ""
    pace = _pace(snapshot)
    return f"{step}{snapshot.done:,}{of} {snapshot.unit}" + (f", {pace}" if pace else "")


def pass_rate(kind: ClassProgress) -> str:
    """Write the share of a class's attempts that was accepted. This is not its progress."""
    if not kind.attempts:
        return ""
    if not kind.accepted:
        return f"0 of {kind.attempts} attempts accepted"
    return f"{kind.accepted / kind.attempts:.0%} of {kind.attempts} attempts accepted"


def _pace(snapshot: Snapshot) -> str:
    if snapshot.rate is None:
        return ""
    left = f", {duration(snapshot.seconds_left)} left" if snapshot.seconds_left else ""
    return f"{snapshot.rate:.3g} {snapshot.unit}/s{left}"
