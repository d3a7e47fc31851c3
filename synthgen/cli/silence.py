"""Silence: a call that shows no sign of life for too long is ended, because what it waits for may never answer."""

import faulthandler
import math
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synthgen.cli.program import deliver
from synthgen.errors import DeviceError, StorageError, SynthgenError
from synthgen.events import Event, OnProgress
from synthgen.running.patience import silence

_LOOK_EVERY, _PRINTING = 0.5, 5.0
"""Seconds between two looks, and those that printing the error may take: stdout may hang, too."""

_INNERMOST = re.compile(
    rf'File "{re.escape(str(Path(__file__).parents[1]))}/(?P<file>[^"]+)", line (?P<line>\d+) in (?P<name>\S+)'
)


@contextmanager
def ended_if_silent(location: str, on_progress: OnProgress) -> Iterator[OnProgress]:
    """End the process with exit code 5 if no event comes for two hours, or `SYNTHGEN_SILENCE_SECONDS`; 0 waits forever.

    A system call on a file system that is gone never returns, and Python cannot interrupt it. The error says where the
    main thread waits.
    """
    limit, heard, over = silence(), time.monotonic(), threading.Event()

    def hear(event: Event) -> None:
        nonlocal heard
        heard = time.monotonic()
        on_progress(event)

    def look() -> None:
        while not over.wait(min(_LOOK_EVERY, limit)):
            if (silent := time.monotonic() - heard) > limit:
                _end(_error(location, silent))

    if limit < math.inf:
        threading.Thread(target=look, daemon=True).start()
    try:
        yield hear
    finally:
        over.set()


def _error(location: str, silent: float) -> SynthgenError:
    """Say where the main thread waits: the innermost line of synthgen that it is in."""
    what = f"{location}: no sign of life for {silent:.0f} s"
    kind: type[SynthgenError] = DeviceError
    if (found := _INNERMOST.search(_main_thread())) is not None:
        file = Path(found["file"])
        kind = StorageError if {"store", "files.py"} & set(file.parts) else DeviceError
        what += f", in {found['name']} (synthgen/{file.as_posix()}:{found['line']})"
    hint = "A file system, a network or a device may not answer. What was committed stays; run again to resume."
    return kind(what, hint=f"{hint} SYNTHGEN_SILENCE_SECONDS sets the limit.")


def _main_thread() -> str:
    """Return the stack of the main thread, innermost call first."""
    with tempfile.TemporaryFile() as file:
        faulthandler.dump_traceback(file, all_threads=True)
        file.seek(0)
        threads = file.read().decode(errors="replace").split("\n\n")
    mine = f"{threading.main_thread().ident or 0:#018x}"
    return next((stack for stack in threads if mine in stack.partition("\n")[0]), "")


def _end(error: SynthgenError) -> None:
    printing = threading.Thread(target=deliver, args=(None, error), daemon=True)
    printing.start()
    printing.join(_PRINTING)
    os._exit(error.exit_code)
