"""The progress of a command that makes images: shown here, and told to whoever watches from outside."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.cli.session import session
from synthgen.cli.silence import ended_if_silent

if TYPE_CHECKING:
    from synthgen.api.observing import Observer


@contextmanager
def watched_work(location: str, title: str, metrics_file: Path | None, task: int | None = None) -> Iterator["Observer"]:
    """Show progress until the block ends, write metrics, and end the process if nothing happens for too long."""
    from synthgen.api.observing import observed

    with (
        session.progress(location, title) as shown,
        ended_if_silent(str(location), shown) as heard,
        observed(location, heard, metrics_file=metrics_file, task=task) as observer,
    ):
        yield observer
