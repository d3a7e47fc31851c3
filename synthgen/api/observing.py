"""Watching a call from outside: metrics in a file for Prometheus, spans and metrics for OpenTelemetry."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from synthgen.api.arguments import PathInput, number_of, path_of, text_of_path
from synthgen.api.meter import Meter
from synthgen.api.prometheus import check_metrics_file, write_metrics
from synthgen.api.telemetry import Telemetry, open_telemetry
from synthgen.errors import StorageError, SynthgenError
from synthgen.events import Event, OnProgress, ignore
from synthgen.store import Location

_LOG = logging.getLogger(__name__)
_EVERY = 5.0
"""Seconds between two versions of the file of metrics, at least."""
_BUG = 1


class Observer:
    """Hears what a call reports, and passes it on. `observed` makes one.

    Example:
        >>> with synthgen.observed("outputs/quickstart") as observer:
        ...     result = synthgen.run("specs/quickstart.yaml", "outputs/quickstart", on_progress=observer)
        >>> isinstance(observer, synthgen.Observer)
        True
    """

    def __init__(
        self,
        meter: Meter,
        on_progress: OnProgress,
        path: Path | None,
        telemetry: Telemetry | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._meter, self._on_progress, self._path, self._telemetry = meter, on_progress, path, telemetry
        self._clock, self._written, self._is_told = clock, float("-inf"), False

    def __call__(self, event: Event) -> None:
        """Take an event into account."""
        self._meter.hear(event)
        if self._telemetry is not None:
            self._telemetry.hear(event)
        if self._clock() - self._written >= _EVERY:
            self.write()
        self._on_progress(event)

    def write(self) -> None:
        """Write the file of metrics, if there is one. If that fails, a warning says so once, and the work goes on."""
        if self._path is None:
            return
        self._written = self._clock()
        try:
            write_metrics(self._meter, self._path)
        except StorageError as error:
            if not self._is_told:
                _LOG.warning("metrics are not written: %s", error.message)
            self._is_told = True

    def end(self, exit_code: int, error: BaseException | None = None) -> None:
        """Note how the call ended, and write it; what is noted first counts."""
        if self._meter.ended is None:
            self._meter.end(exit_code)
            self.write()
            if self._telemetry is not None:
                self._telemetry.end(exit_code, error)


def observed(
    location: Location,
    on_progress: OnProgress = ignore,
    *,
    metrics_file: PathInput | None = None,
    task: int | None = None,
) -> AbstractContextManager[Observer]:
    """Give an `on_progress` for `run` or `work` that lets others watch the call until the block ends, however it ends.

    With OpenTelemetry installed, the call is also traced: through the provider that the program has set, or to the
    OTLP endpoint that the environment names. Without either, nothing is sent.

    Args:
        location: that of the call.
        on_progress: gets every event, too.
        metrics_file: for Prometheus; replaced every few seconds while there is news.
        task: the number of a task, in its labels: tasks of one run on one machine need files of their own.

    Raises:
        UsageError: `metrics_file` needs a library that is not installed.
        StorageError: `metrics_file` cannot be written.

    Example:
        >>> with synthgen.observed("outputs/quickstart", metrics_file="outputs/run.prom") as on_progress:
        ...     result = synthgen.run("specs/quickstart.yaml", "outputs/quickstart", on_progress=on_progress)
        >>> metrics = pathlib.Path("outputs/run.prom").read_text()
        >>> 'synthgen_images{run="outputs/quickstart"} 8.0' in metrics
        True
    """
    place = text_of_path(location, "location")
    path = None if metrics_file is None else path_of(metrics_file, "metrics_file")
    task = None if task is None else number_of(task, "task", least=0)
    if path is not None:
        check_metrics_file(path)
    return _observing(Meter(place, task), on_progress, path)


@contextmanager
def _observing(meter: Meter, on_progress: OnProgress, path: Path | None) -> Iterator[Observer]:
    observer = Observer(meter, on_progress, path, open_telemetry(meter))
    observer.write()
    try:
        yield observer
    except BaseException as error:
        observer.end(error.exit_code if isinstance(error, SynthgenError) else _BUG, error)
        raise
    observer.end(0)
