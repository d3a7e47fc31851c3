"""What a call has done so far, as numbers for monitoring: counters of the call, and gauges of its run."""

from __future__ import annotations

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from synthgen.errors import SynthgenError
from synthgen.events import Event, Progress, RunStarted, StepProgress
from synthgen.redaction import without_secrets
from synthgen.running import open_run, read_state
from synthgen.store import Location, layout, open_store
from synthgen.store.store import RunStore

_LOG = logging.getLogger(__name__)
MOST_CLASSES = 1000
"""With more, images are counted without their class: every class is a series that a server has to keep."""
MOST_REASONS = 50
"""Further reasons are counted as `other`: a plug-in may have any number."""
_LOOK_EVERY = 5.0
_LOOK_EVERY_IN_A_BUCKET = 60.0


@dataclass(frozen=True, slots=True)
class Series:
    """One metric, with a value for each combination of labels.

    Attributes:
        name: without the `_total` of counters.
        labels: the names of the labels besides those of the call.
        values: by the values of these labels.
    """

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    labels: tuple[str, ...]
    values: Mapping[tuple[str, ...], float]


class Meter:
    """Counts what a call does, from what it reports.

    Counters never go back: if a worker dies and its shard is begun again, what it repeats is not counted again.

    Args:
        location: of the run, which need not exist yet.
        task: the number of a task of an array job; None for a whole run.
        clock: returns seconds, and never goes back.
    """

    def __init__(
        self, location: Location, task: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.labels = {"run": without_secrets(str(location))} | ({} if task is None else {"task": str(task)})
        self.ended: int | None = None
        self._location, self._clock, self._began = location, clock, clock()
        self._attempts, self._accepted, self._kept, self._committed = Counter[str](), Counter[str](), 0, 0
        self._most = defaultdict[int, Counter[str]](Counter)
        self._images, self._wanted, self._shards = 0, 0, 0
        self._speeds: dict[int, float] = {}
        self._classes: int | None = None
        self._looked, self._done, self._failed = float("-inf"), 0, 0
        self._store: RunStore | None = None
        self._has_begun = False

    def hear(self, event: Event) -> None:
        """Take an event into account."""
        self._has_begun = self._has_begun or not isinstance(event, StepProgress)
        if isinstance(event, RunStarted):
            self._images = sum(kind.accepted for kind in event.classes.values())
            self._wanted = sum(kind.quota for kind in event.classes.values())
            self._shards, self._done = event.shards, event.shards_done
            self._most.clear()
            self._name_classes(len(event.classes))
            self._accepted.update(dict.fromkeys(event.classes, 0))
        elif isinstance(event, Progress):
            self._add(event)

    def end(self, exit_code: int) -> None:
        """Note that the call has ended."""
        self.ended, self._looked = exit_code, float("-inf")
        self._speeds.clear()

    def series(self) -> Iterator[Series]:
        """Yield all metrics as they are now."""
        self._look()
        attempts: dict[tuple[str, ...], float] = {
            key: float(count) for key, count in _by_reason(self._attempts).items()
        }
        yield _counter("attempts", "Attempts judged by this call.", attempts, "verdict", "reason")
        if self._classes is not None and self._classes <= MOST_CLASSES:
            accepted: dict[tuple[str, ...], float] = {
                (name,): float(count) for name, count in sorted(self._accepted.items())
            }
            yield _counter("images_accepted", "Images accepted by this call.", accepted, "class")
        else:
            yield _counter("images_accepted", "Images accepted by this call.", _one(self._accepted.total()))
        yield _counter("attempts_kept", "Attempts of an earlier call, from journals, judged again.", _one(self._kept))
        yield _counter("shards_committed", "Shards committed by this call.", _one(self._committed))
        yield _counter("seconds", "Seconds since this call began.", _one(self._clock() - self._began))

        open_shards = max(self._shards - self._done - self._failed, 0)
        shards = {("done",): self._done, ("failed",): self._failed, ("open",): open_shards}
        yield _gauge(
            "shards", "Shards of the run by state.", {key: float(count) for key, count in shards.items()}, "state"
        )
        yield _gauge("images", "Accepted images of the run, as far as this call knows.", _one(self._images))
        yield _gauge("images_wanted", "Images that the run is to have.", _one(self._wanted))
        yield _gauge("images_per_second", "Images made and judged per second now.", _one(sum(self._speeds.values())))
        yield _gauge("working", "1 while this call works, 0 when it has ended.", _one(self.ended is None))
        code = {} if self.ended is None else _one(self.ended)
        yield _gauge("exit_code", "The exit code of this call, once it has ended.", code)
        yield _gauge("updated_timestamp_seconds", "When this was written, in seconds since 1970.", _one(time.time()))

    def _name_classes(self, count: int) -> None:
        if self._classes is None and count > MOST_CLASSES:
            _LOG.info("metrics count images without their class: %d classes are more than %d", count, MOST_CLASSES)
        self._classes = count

    def _add(self, event: Progress) -> None:
        if self._classes is None:
            self._name_classes(len(event.classes))
        now = Counter({f"class {name}": kind.accepted for name, kind in event.classes.items()})
        now.update({f"attempt {outcome}": count for outcome, count in event.outcomes.items()})
        now["kept"] = event.kept

        most = self._most[event.shard]
        for key, count in (now - most).items():  # only what is more than ever before
            kind, _, name = key.partition(" ")
            if kind == "class":
                self._accepted[name] += count
                self._images += count
            elif kind == "attempt":
                self._attempts[name] += count
            else:
                self._kept += count
        self._most[event.shard] = most | now
        self._speeds[event.shard] = event.images_per_second
        if event.committed:
            self._committed += 1
            self._done += 1
            del self._speeds[event.shard], self._most[event.shard]

    def _look(self) -> None:
        """Count the run's shards, whoever made them, unless that was done just now."""
        try:
            store = self._store = self._store or open_store(self._location)
        except SynthgenError:
            return
        every = _LOOK_EVERY if store.folder is not None else _LOOK_EVERY_IN_A_BUCKET
        if (now := self._clock()) - self._looked < every:
            return
        self._looked = now
        with suppress(SynthgenError):
            done = {shard for name in store.names(layout.DONE) if (shard := layout.shard_of_marker(name)) is not None}
            failures = store.names(layout.FAILED)
            failed = {shard for name in failures if (shard := layout.shard_of_failure(name)) is not None}
            self._done, self._failed = len(done), len(failed - done)
            self._shards = max(self._shards, len(done | failed))
            if self.ended is not None and not self._has_begun:  # nothing was left to make
                planned = open_run(store)
                self._images = read_state(planned, store).counts.get("accepted", 0)
                self._wanted, self._shards = planned.spec.total, planned.shard_count


def _by_reason(outcomes: Mapping[str, int]) -> dict[tuple[str, ...], float]:
    """Divide outcomes into verdict and reason; the rarest of too many reasons are put together."""
    common = {name for name, _ in Counter(outcomes).most_common(MOST_REASONS)}
    found: dict[tuple[str, ...], float] = {}
    for outcome, count in sorted(outcomes.items()):
        verdict, _, reason = outcome.partition(":")
        key = verdict, reason if outcome in common or not reason else "other"
        found[key] = found.get(key, 0.0) + count
    return found


def _counter(name: str, text: str, values: Mapping[tuple[str, ...], float], *labels: str) -> Series:
    return Series(f"synthgen_{name}", "counter", text, labels, values)


def _gauge(name: str, text: str, values: Mapping[tuple[str, ...], float], *labels: str) -> Series:
    return Series(f"synthgen_{name}", "gauge", text, labels, values)


def _each(values: Iterable[tuple[str, float]]) -> dict[tuple[str, ...], float]:
    return {(name,): float(value) for name, value in values}


def _one(value: float) -> dict[tuple[str, ...], float]:
    return {(): float(value)}
