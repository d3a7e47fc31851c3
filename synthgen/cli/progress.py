"""The progress of a whole run, computed from what its shards report."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from synthgen.events import ClassProgress, Event, Progress, RunStarted, StepProgress


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The progress of the work.

    Attributes:
        step: the current step, in words; empty while a run makes images.
        unit: what is counted, such as "images" or "shards".
        total: None if it is not known.
        rate: `unit` per second since this call began the step; None before it is known.
        seconds_left: at that rate; None if unknown.
        classes: the progress of each class, with finished shards.
        is_loading: whether a run's models are still being loaded.
    """

    step: str
    unit: str
    done: int
    total: int | None
    rate: float | None
    seconds_left: float | None
    classes: Mapping[str, ClassProgress] = field(default_factory=dict)
    is_loading: bool = False


class Whole:
    """Adds up events: each call of `hear` returns the progress of the whole run.

    Args:
        clock: returns seconds, and never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._classes: dict[str, ClassProgress] = {}
        self._shards: dict[int, Mapping[str, ClassProgress]] = {}
        self._start: tuple[str, float, int] | None = None

    def hear(self, event: Event) -> Snapshot:
        """Take an event into account."""
        if isinstance(event, StepProgress):
            return self._snapshot(event.step, event.unit, event.done, event.total)
        if isinstance(event, RunStarted):
            self._classes, self._shards, self._start = dict(event.classes), {}, None
            return self._of_run(measures=False)
        self._add(event)
        return self._of_run(measures=True)

    def _add(self, event: Progress) -> None:
        """Replace what this shard reported before. If its worker died, a shard begins again with fewer images."""
        before = self._shards.get(event.shard, {})
        for name, now in event.classes.items():
            then = before.get(name, ClassProgress(0, 0, 0))
            whole = self._classes.get(name, ClassProgress(0, now.quota, 0))
            self._classes[name] = ClassProgress(
                accepted=whole.accepted + now.accepted - then.accepted,
                quota=whole.quota,
                attempts=whole.attempts + now.attempts - then.attempts,
            )
        if event.committed:
            self._shards.pop(event.shard, None)
        else:
            self._shards[event.shard] = event.classes

    def _of_run(self, *, measures: bool) -> Snapshot:
        done = sum(kind.accepted for kind in self._classes.values())
        total = sum(kind.quota for kind in self._classes.values())
        return self._snapshot("", "images", done, total, self._classes, measures=measures)

    def _snapshot(
        self,
        step: str,
        unit: str,
        done: int,
        total: int | None,
        classes: Mapping[str, ClassProgress] | None = None,
        *,
        measures: bool = True,
    ) -> Snapshot:
        now = self._clock()
        if measures and (self._start is None or self._start[0] != step):
            self._start = (step, now, done)

        rate = None
        if self._start is not None and self._start[0] == step:
            _, began, had = self._start
            rate = (done - had) / (now - began) if done > had and now > began else None
        left = (total - done) / rate if rate and total is not None and total >= done else None
        return Snapshot(step, unit, done, total, rate, left, dict(classes or {}), is_loading=not measures)


def slowest(classes: Mapping[str, ClassProgress], count: int) -> list[str]:
    """Name the unfinished classes with the most work left: images still missing, divided by the pass rate so far."""

    def work_left(name: str) -> float:
        kind = classes[name]
        missing = kind.quota - kind.accepted
        return missing * (kind.attempts + 1) / (kind.accepted + 1)

    open_classes = [name for name, kind in classes.items() if kind.accepted < kind.quota and kind.attempts]
    return sorted(open_classes, key=work_left, reverse=True)[:count]
