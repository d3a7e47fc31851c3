"""`synthgen status --watch`: how far a run is, again and again until it is done."""

import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING

from synthgen.cli.answer import Answer
from synthgen.cli.envelope import envelope
from synthgen.cli.session import session
from synthgen.cli.streams import Inert, console, is_read, print_json
from synthgen.cli.units import counted
from synthgen.errors import StorageError
from synthgen.inert import unbroken

if TYPE_CHECKING:
    from rich.console import RenderableType

    from synthgen.planning import Plan
    from synthgen.running import RunState

_EVERY = 5.0
_SHARE = 0.1
"""Reading takes at most this share of the time: a run of very many shards is read less often."""
_TRIES = 5
"""So many readings in a row may fail before watching ends."""


def watched(location: str, every: float | None, answer: Callable[[str, "Plan", "RunState"], Answer]) -> Answer:
    """Show the state until no shard is left to make. Ctrl-C ends it, with the exit code of an interruption.

    Args:
        every: seconds from one look to the next; None for a few.
        answer: makes of a state what `status` answers.

    Raises:
        UsageError: there is no such run.
        StorageError: it cannot be read, several times in a row.
    """
    from synthgen.api.keeping import status

    session.as_lines = session.as_json
    is_stopped = _stops()
    failures = 0
    with ExitStack() as stack:
        show = _display(stack)
        while True:
            if is_stopped():
                raise KeyboardInterrupt
            began = time.monotonic()
            try:
                planned, state = status(location)
            except StorageError as error:
                failures += 1
                if failures == _TRIES:
                    raise
                session.warn(f"{error.message}; trying again")
            else:
                failures = 0
                if not state.pending:
                    break
                show(answer(location, planned, state), planned, state)
                if not is_read():
                    break
            time.sleep(max(every or _EVERY, (time.monotonic() - began) / _SHARE))

    found = answer(location, planned, state)
    if not state.damaged:
        return found
    hint = "`synthgen repair` discards what is damaged. Then run again to remake it."
    damaged = StorageError(f"{counted(len(state.damaged), 'shard')} damaged", hint=hint)
    return Answer(result=found.result, lines=found.lines, error=damaged, is_printing=True)


def _stops() -> Callable[[], bool]:
    """Let SIGINT and SIGTERM interrupt, and return what says whether one came.

    Libraries that call back from C or Rust, such as pydantic, can swallow the interruption itself.
    """
    came = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        came.set()
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    return came.is_set


def _display(stack: ExitStack) -> Callable[[Answer, "Plan", "RunState"], None]:
    """Return what shows a state: as a line of JSON, in place on a terminal, or as a line of text."""
    if session.as_json:
        return _as_json
    if not sys.stdout.isatty():
        return _as_line

    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    live = stack.enter_context(Live(console=console(), auto_refresh=False, transient=True))

    def in_place(found: Answer, planned: "Plan", state: "RunState") -> None:
        lines: list[RenderableType] = [
            Text(unbroken(line), no_wrap=True, overflow="ellipsis") if isinstance(line, str) else line
            for line in found.lines
        ]
        live.update(Inert(Group(*lines)), refresh=True)

    return in_place


def _as_json(found: Answer, planned: "Plan", state: "RunState") -> None:
    whole = envelope(session.command, 0, result=found.result, errors=[], warnings=session.warnings)
    print_json(whole, one_line=True)
    sys.stdout.flush()


def _as_line(found: Answer, planned: "Plan", state: "RunState") -> None:
    now = datetime.now(UTC).strftime("%H:%M:%S")
    parts = [f"{len(state.done)}/{state.shard_count} shards", f"{state.accepted:,}/{planned.spec.total:,} images"]
    if state.under_way:
        kept = sum(each.counts.get("accepted", 0) for each in state.under_way.values())
        parts.append(f"{len(state.under_way)} under way (+{kept:,})")
    if state.failed:
        parts.append(f"{len(state.failed)} failed")
    print(f"{now} {', '.join(parts)}", flush=True)
