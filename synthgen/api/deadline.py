"""The time that a call may take: it stops by itself before that is over, as it would on a signal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from synthgen.api.arguments import seconds_of
from synthgen.errors import Interrupted, UsageError
from synthgen.events import Event, OnProgress, Progress


class Deadline:
    """Says when to stop: when the caller says so, or when one more batch could end too late.

    Args:
        max_time: seconds; None for no limit.
        stop: says whether the caller wants to stop.
    """

    def __init__(self, max_time: float | None, stop: Callable[[], bool], on_progress: OnProgress) -> None:
        self._seconds = None if max_time is None else seconds_of(max_time, "max_time")
        self._began, self._stop, self._on_progress = time.monotonic(), stop, on_progress
        self._last: dict[int, float] = {}
        self._longest = 0.0
        self._has_made_one = self._is_over = False

    def stop(self) -> bool:
        """Whether to stop now. Once true, it stays so."""
        left = float("inf") if self._seconds is None else self._seconds - (time.monotonic() - self._began)
        self._is_over = self._is_over or left <= self._longest
        return self._is_over or self._stop()

    def hear(self, event: Event) -> None:
        """Learn from progress how long a batch takes, and pass it on."""
        if isinstance(event, Progress):
            now, before = time.monotonic(), self._last.get(event.shard)
            self._last[event.shard] = now
            if before is not None:
                self._longest = max(self._longest, now - before)
            made = sum(each.attempts for each in event.classes.values()) - event.kept
            self._has_made_one = self._has_made_one or made > 0
        self._on_progress(event)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Say of a block that stopped why it did.

        Raises:
            Interrupted: it stopped.
            UsageError: the time was over before a single batch was made: to try again would not help.
        """
        try:
            yield
        except Interrupted as error:
            if not self._is_over:
                raise
            took = time.monotonic() - self._began
            if not self._has_made_one:
                what = f"too short: after {took:.0f} s, no batch was made"
                raise UsageError(what, argument="max_time", hint="Allow time to load the models too.") from error
            raise Interrupted(f"stopped after {took:.0f} s, as `max_time` asks", hint=error.hint) from error
