"""Signals: the first one asks for a graceful stop, and a second Ctrl-C ends the process."""

import os
import signal
import sys
import threading

from synthgen.cli.session import session

_KILLED = 130
_STOPPING = "stopping after this batch; press Ctrl-C again to stop at once"


def stop_on_signals() -> threading.Event:
    """Return an event that the first Ctrl-C or SIGTERM sets; the second Ctrl-C ends the process at once."""
    stop = threading.Event()

    def on_signal(number: int, _: object) -> None:
        if stop.is_set() and number == signal.SIGINT:
            if sys.stderr.isatty():
                os.write(2, b"\x1b[?25h")  # bars hide the cursor
            os._exit(_KILLED)
        stop.set()
        # In a thread, because the signal may have interrupted this one in the middle of a line.
        threading.Thread(target=session.note, args=[_STOPPING]).start()

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    return stop
