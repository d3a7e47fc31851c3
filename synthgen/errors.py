"""What can go wrong, in one tree. The number is the exit code of the command line.

SynthgenError             1  never raised itself
├── UsageError            2  the command or the call is invalid
├── SpecError             2  the spec is invalid; carries every `Problem` found in it
├── PlanChanged           2  the run folder was planned from another spec
├── QuotaNotMet           3  done, but fewer images than asked for
├── GateFailed            4  an audit gate failed
├── ModelError            5  a model cannot be found, loaded or run
├── DeviceError           5  a device is missing, lost or out of memory
│   └── DeviceLost        5  it broke in use: this process can never use it again, another one may
├── StorageError          5  a file or a bucket cannot be read or written
└── Interrupted          75  stopped on request; run again to resume
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


class SynthgenError(Exception):
    """A mistake or a circumstance that the user can do something about: printed without a traceback.

    `hint` says what to do, in one sentence.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where.

    Lines and columns count from 1. Line 0 means "no line", for what is in no file, such as `--set model.steps=many`.
    """

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}"


class UsageError(SynthgenError):
    exit_code = 2


class SpecError(SynthgenError):
    """A spec that cannot be used. Its text is every problem, one to a line, in the file's order."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem], *, hint: str | None = None) -> None:
        self.problems = tuple(problems)
        assert self.problems, "a SpecError needs a problem"
        super().__init__("\n".join(map(str, self.problems)), hint=hint)


class PlanChanged(SynthgenError):  # noqa: N818 - an outcome
    exit_code = 2


class QuotaNotMet(SynthgenError):  # noqa: N818 - an outcome
    exit_code = 3


class GateFailed(SynthgenError):  # noqa: N818 - an outcome
    exit_code = 4


class ModelError(SynthgenError):
    exit_code = 5


class DeviceError(SynthgenError):
    exit_code = 5


class DeviceLost(DeviceError):  # noqa: N818 - an outcome
    """A device that broke in use. Executors replace the process, and do not count this against its shard."""


class StorageError(SynthgenError):
    exit_code = 5


class Interrupted(SynthgenError):  # noqa: N818 - an outcome
    exit_code = 75


def first_line(error: BaseException) -> str:
    """Give the first line of an error's message, or its kind if it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def cause_of(error: BaseException) -> str:
    """Name the kind of an error and its first line: `TypeError: unexpected keyword argument 'size'`."""
    kind, line = type(error).__name__, first_line(error)
    return kind if line == kind else f"{kind}: {line}"
