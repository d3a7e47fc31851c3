"""Where a process begins: `synthgen`, and `python -m synthgen`, which is the same."""

import atexit
import gc
import os
import signal
from types import FrameType

INTERRUPTED = 75
"""The exit code of what was interrupted: see `synthgen.errors`, which is not imported yet."""


def main() -> None:
    """Run the command line; the process ends with its exit code.

    The collector of garbage does not look through what imports leave: not while they run, not later, and not at the
    end, when all memory is given back at once. That was a third of the time of `plan`.
    """
    gc.disable()
    atexit.register(gc.freeze)
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # a shell may have it ignored
        signal.signal(signal.SIGINT, _end)
    from synthgen import cli

    gc.freeze()
    gc.enable()
    signal.signal(signal.SIGINT, before)
    cli.main()


def _end(number: int, frame: FrameType | None) -> None:
    """End on Ctrl-C during imports: nothing has begun, and an exception there would only show a traceback."""
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
