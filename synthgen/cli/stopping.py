"""Signals: the first asks for a graceful stop, a second Ctrl-C ends the process."""

import os
import signal
import threading
from contextlib import suppress

from synthgen.cli.session import session

_KILLED = 130


def stop_on_signals() -> threading.Event:
    """Return an event that the first Ctrl-C or SIGTERM sets; the second Ctrl-C ends the process at once."""
    stop = threading.Event()

    def on_signal(number: int, _: object) -> None:
        if stop.is_set() and number == signal.SIGINT:
            os._exit(_KILLED)
        stop.set()
        with suppress(RuntimeError):  # the signal came in the middle of another line
            session.note("stopping after this batch; press Ctrl-C again to stop at once")

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    return stop
