"""The worker's side of every executor: it asks for shards, makes them, and reports what it does and says."""

import logging
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Protocol

from synthgen.errors import SynthgenError, cause_of
from synthgen.events import LogRelay, OnProgress
from synthgen.redaction import without_secrets
from synthgen.running.assignment import Assignment
from synthgen.running.failures import failed_for, write_failure
from synthgen.running.shard.worker import Outcome
from synthgen.store import open_store


class Start(Protocol):
    """Makes shards of the run at `location`, like `synthgen.running.work`.

    It must be a module's function, since worker processes import it.
    """

    def __call__(
        self,
        location: str,
        shards: Iterable[int | Assignment],
        device: str,
        on_progress: OnProgress,
        stop: Callable[[], bool],
    ) -> Outcome: ...


def serve_process(start: Start, location: str, device: str, connection: Connection) -> None:
    """Run a worker in its own process."""
    stopped = False

    def on_signal(number: int, frame: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides what it means
    signal.signal(signal.SIGTERM, on_signal)
    serve_worker(start, location, device, connection, lambda: stopped)


def serve_worker(
    start: Start, location: str, device: str, connection: Connection, stopped: Callable[[], bool] = lambda: False
) -> None:
    """Run the worker's side of the conversation, which is the same for every executor.

    It asks for shards until it gets None. Anything else that arrives, or the end of the pipe, is a request to stop, so
    a worker never outlives its parent by more than a batch.
    """

    sending = threading.Lock()  # other threads of the worker log, too

    def tell(kind: str, content: object) -> None:
        with sending, suppress(OSError):
            connection.send((kind, content))

    def assignments() -> Iterator[Assignment]:
        while True:
            tell("ready", None)
            assignment = connection.recv()
            if assignment is None:
                return
            yield assignment

    def stop() -> bool:
        return stopped() or connection.poll()

    # The parent is gone: nobody listens.
    with suppress(EOFError, BrokenPipeError, ConnectionResetError), _logging_to(tell):
        try:
            outcome = start(location, assignments(), device, lambda progress: tell("progress", progress), stop)
        except SynthgenError as error:
            tell("error", error)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:  # outside any shard, such as a store of a plug-in
            tell("error", _unforeseen(error, location))
        else:
            tell("outcome", outcome)


def _unforeseen(error: Exception, location: str) -> SynthgenError:
    """Make one line of an error that belongs to no shard. Its traceback goes to `failed/`, if the store opens."""
    cause, kept = without_secrets(cause_of(error)), None
    with suppress(Exception):
        write_failure(open_store(location), None, error)
        kept = location
    logging.getLogger(__name__).debug("a worker ended early", exc_info=error)
    return failed_for(f"a worker ended before its first shard, or between two: {cause}", kept, [cause])


@contextmanager
def _logging_to(tell: Callable[[str, object], None]) -> Iterator[None]:
    """Send the worker's log to its executor, which is the only one to print."""
    logger, relay = logging.getLogger("synthgen"), LogRelay(lambda level, text: tell("log", (level, text)))
    logger.addHandler(relay)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(relay)
        logger.propagate = True
