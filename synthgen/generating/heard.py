"""What diffusers and transformers warn of while a block runs: kept, and not printed."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LIBRARIES = ("diffusers", "transformers")


@contextmanager
def heard() -> Iterator[list[str]]:
    """Collect what the libraries warn of."""
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    loggers = [logging.getLogger(name) for name in _LIBRARIES]
    before = [(one.level, one.handlers[:], one.propagate) for one in loggers]
    for one in loggers:
        one.handlers, one.propagate = [Listener(logging.WARNING)], False
        one.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings(action="ignore"):  # peft warns of each adapter after the first
            yield said
    finally:
        for one, (level, handlers, propagates) in zip(loggers, before, strict=True):
            one.handlers, one.propagate = handlers, propagates
            one.setLevel(level)
