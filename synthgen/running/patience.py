"""How often and how long synthgen goes on with what does not get on: each limit can be set in the environment.

| variable | by default | what |
| --- | --- | --- |
| `SYNTHGEN_SAME_FAILURES` | 3 | failures of a shard for one cause, after which no task tries it again |
| `SYNTHGEN_MOST_FAILURES` | 10 | failures of a shard, after which its task ends with exit code 2 |
| `SYNTHGEN_SILENCE_SECONDS` | 7200 | without a sign of life, after which a call ends |
| `SYNTHGEN_WAIT_SECONDS` | 3600 | to wait for another process that changes the same run |
"""

import math
import os

from synthgen.errors import UsageError

SAME_FAILURES, MOST_FAILURES = 3, 10
"""The defaults."""


def same_failures() -> float:
    """Return how often a shard may fail for the same cause with the same software; infinity for no limit."""
    return _number("SYNTHGEN_SAME_FAILURES", SAME_FAILURES, whole=True)


def most_failures() -> float:
    """Return how often a shard may fail, on whatever machine; infinity for no limit."""
    return _number("SYNTHGEN_MOST_FAILURES", MOST_FAILURES, whole=True)


def silence() -> float:
    """Return how many seconds a call may show no sign of life; infinity for no limit."""
    return _number("SYNTHGEN_SILENCE_SECONDS", 7200)


def wait() -> float:
    """Return how many seconds to wait for another process that changes the same run; infinity for no limit."""
    return _number("SYNTHGEN_WAIT_SECONDS", 3600)


def check_limits() -> None:
    """Check all of them before any work is done.

    Raises:
        UsageError: one is not a number that it can be.
    """
    for limit in (same_failures, most_failures, silence, wait):
        limit()


def _number(variable: str, default: float, *, whole: bool = False) -> float:
    text = os.environ.get(variable, "")
    try:
        found = float(text) if text else default
    except ValueError:
        found = -1.0
    if not 0 <= found < math.inf or (whole and found != int(found)):
        what = "a whole number, such as 3," if whole else "seconds, such as 600,"
        raise UsageError(f"{variable}: expected {what} or 0 for no limit; found {text!r}")
    return found or math.inf
