"""What long calls report while they work: the one vocabulary of every `on_progress`."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ClassProgress:
    """The progress of one class. `attempts` counts what was rendered, failures included."""

    accepted: int
    quota: int
    attempts: int


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run, or one task's part of it, before its first batch: the whole that progress is measured against.

    Attributes:
        run: its folder or address.
        shards: how many shards it has; of a task, how many are its own.
        shards_done: how many of them are committed already.
        classes: for each class, its quota in these shards, and what the committed shards hold.

    Example:
        >>> events = []
        >>> result = synthgen.run("specs/quickstart.yaml", "outputs/started", on_progress=events.append)
        >>> events[0].shards, events[0].classes["chef"].quota
        (1, 4)
    """

    run: str
    shards: int
    shards_done: int
    classes: Mapping[str, ClassProgress]


@dataclass(frozen=True, slots=True)
class Progress:
    """One shard before a batch, or (`committed`) after its commit.

    Attributes:
        images_per_second: attempts per second since the shard began.
        under_way: the attempts that the worker renders next.
        kept: attempts so far that an earlier worker rendered, and that were only judged again.
        outcomes: attempts so far by verdict, and by reason where there is one: `accepted`, `rejected:label`.
        judging: the attempts that were rendered before, and are judged meanwhile.

    Example:
        >>> events = []
        >>> result = synthgen.run("specs/quickstart.yaml", "outputs/reported", on_progress=events.append)
        >>> sum(isinstance(event, synthgen.Progress) and event.committed for event in events)
        1
    """

    shard: int
    classes: Mapping[str, ClassProgress]
    images_per_second: float
    committed: bool
    under_way: tuple[int, ...] = ()
    kept: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    judging: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class StepProgress:
    """How far one step of a longer work is, such as the embedding of a set's images.

    Attributes:
        step: what is being done, in words: "embedding portraits".
        unit: what is counted, in the plural: "images".
        total: None where it is not known beforehand.

    Example:
        >>> events = []
        >>> damage = synthgen.verify("outputs/quickstart", events.append)
        >>> events[-1]
        StepProgress(step='checking', unit='shards', done=1, total=1)
    """

    step: str
    unit: str
    done: int
    total: int | None = None


Event = RunStarted | Progress | StepProgress
OnProgress = Callable[[Event], None]


class LogRelay(logging.Handler):
    """Hands each log record to a function, as its level and its text."""

    def __init__(self, hear: Callable[[int, str], None]) -> None:
        super().__init__()
        self._hear = hear

    def emit(self, record: logging.LogRecord) -> None:
        """Hand it over; a library's record whose arguments do not fit its text goes as it was written."""
        try:
            text = record.getMessage()
        except (TypeError, ValueError, KeyError):
            text = str(record.msg)
        self._hear(record.levelno, text)


def ignore(event: Event) -> None:
    """Report nothing: the default of every `on_progress`."""
