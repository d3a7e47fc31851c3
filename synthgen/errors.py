"""What can go wrong, in one tree. The number is the exit code of the command line.

SynthgenError             1  never raised itself
├── UsageError            2  the command or the call is invalid
├── SpecError             2  the spec is invalid; carries every `Problem` found in it
├── PlanChanged           2  the run folder was planned from another spec
├── QuotaNotMet           3  done, but fewer images than asked for
├── GateFailed            4  a gate of an audit or an evaluation failed, or a limit of a tuning
│   └── GateUndecided     4  there is not enough data to decide one
├── ModelError            2  a model does not exist, or is not what the spec needs
│   └── ModelUnavailable  5  it cannot be reached or used now; trying again may help
├── DeviceError           5  a device failed or ran out of memory
│   ├── DeviceMissing     2  there is no such device here
│   └── DeviceLost        5  it broke in use: this process can never use it again, another one may
├── StorageError          5  a file or a bucket cannot be read or written
└── Interrupted          75  stopped on request; run again to resume

Exit code 2 means that the same command will fail again until something is changed; 5 means that it may succeed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

BUGS = (
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    NotImplementedError,
    TypeError,
    ValueError,
    ZeroDivisionError,
)
"""Errors of code that is wrong, which will occur again."""


class SynthgenError(Exception):
    """A mistake or a circumstance that the user can do something about: printed without a traceback.

    Attributes:
        code: names the kind of error; stable, for programs.
        message: what is wrong.
        hint: what to do, in one sentence.
        argument: the argument that is wrong, by its Python name; the command line shows it as its option.

    In `message` and `hint`, an argument in backticks is a Python argument too: `` `images_from` `` becomes
    `--images-from` on the command line, and `` `devices="cpu:2"` `` becomes `--devices cpu:2`.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None, argument: str | None = None) -> None:
        super().__init__(f"{argument}: {message}" if argument else message)
        self.message = message
        self.hint = hint
        self.argument = argument

    def __reduce__(self) -> tuple[object, ...]:
        # As made, or a hint would be lost on the way from a worker's process.
        return _remade, (type(self), self.args, self.__dict__)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where.

    Lines and columns count from 1. Line 0 means "no line", for what is in no file, such as an override.
    """

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}"


def _remade(kind: type[SynthgenError], args: tuple[object, ...], attributes: dict[str, object]) -> SynthgenError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class UsageError(SynthgenError):
    code, exit_code = "usage", 2


class SpecError(SynthgenError):
    """A spec that cannot be used. Its text is every problem, one to a line, in the file's order."""

    code, exit_code = "spec", 2

    def __init__(self, problems: Iterable[Problem], *, hint: str | None = None) -> None:
        self.problems = tuple(problems)
        assert self.problems, "a SpecError needs a problem"
        super().__init__("\n".join(map(str, self.problems)), hint=hint)


class PlanChanged(SynthgenError):  # noqa: N818 - an outcome
    code, exit_code = "plan_changed", 2


class QuotaNotMet(SynthgenError):  # noqa: N818 - an outcome
    code, exit_code = "quota_not_met", 3


class GateFailed(SynthgenError):  # noqa: N818 - an outcome
    code, exit_code = "gate_failed", 4


class GateUndecided(GateFailed):
    code = "gate_undecided"


class ModelError(SynthgenError):
    code, exit_code = "model", 2


class ModelUnavailable(ModelError):  # noqa: N818 - a circumstance
    code, exit_code = "model_unavailable", 5


class DeviceError(SynthgenError):
    code, exit_code = "device", 5


class DeviceMissing(DeviceError):  # noqa: N818 - a circumstance
    code, exit_code = "device_missing", 2


class DeviceLost(DeviceError):  # noqa: N818 - an outcome
    """A device that broke in use. Executors replace the process, and do not count this against its shard."""

    code = "device_lost"


class StorageError(SynthgenError):
    code, exit_code = "storage", 5


class Interrupted(SynthgenError):  # noqa: N818 - an outcome
    code, exit_code = "interrupted", 75


def stopped() -> Interrupted:
    """Make the error of a run that was asked to stop."""
    hint = "Run the same command again to resume. Everything that was made is kept."
    return Interrupted("interrupted", hint=hint)


def first_line(error: BaseException) -> str:
    """Give the first line of an error's message, or its kind if it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def cause_of(error: BaseException) -> str:
    """Name the kind of an error and its first line: `TypeError: unexpected keyword argument 'size'`."""
    kind, line = type(error).__name__, first_line(error)
    return kind if line == kind else f"{kind}: {line}"
