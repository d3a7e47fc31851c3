"""Signals: the first one asks for a graceful stop, and a second Ctrl-C ends the process."""

import os
import signal
import sys
import threading

from synthgen.cli.session import session
from synthgen.events import Progress, StepProgress

NOTE = "note of a signal"
"""The name of the thread that tells when the command will stop."""
_KILLED = 130


def stop_on_signals(when: str | None = None) -> threading.Event:
    """Return an event that the first Ctrl-C or SIGTERM sets; the second Ctrl-C ends the process at once.

    Args:
        when: when the command will stop, such as "after this image". By default as a run does: after its batch or, if
            it makes something else just then, when that is done.
    """
    stop = threading.Event()

    def on_signal(number: int, _: object) -> None:
        if stop.is_set() and number == signal.SIGINT:
            if sys.stderr.isatty():
                os.write(2, b"\x1b[?25h")  # bars hide the cursor
            os._exit(_KILLED)
        stop.set()
        # In a thread, because the signal may have interrupted this one in the middle of a line.
        said = f"stopping {when or _when()}; press Ctrl-C again to stop at once"
        threading.Thread(target=session.note, args=[said], name=NOTE).start()

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    return stop


def _when() -> str:
    """Say when a run will stop, by what it told last."""
    if isinstance(session.told, Progress):
        return "after this batch"
    if isinstance(session.told, StepProgress):
        return f"when this is done: {session.told.step}"
    return "before the first batch"
