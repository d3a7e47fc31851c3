"""From arguments to an exit code: the one place that prints answers and errors."""

import errno
import os
import re
import sys
import traceback
from collections.abc import Sequence
from difflib import get_close_matches

from typer.exceptions import TyperException

from synthgen.cli.answer import Answer
from synthgen.cli.app import app
from synthgen.cli.envelope import described, envelope
from synthgen.cli.session import session
from synthgen.cli.streams import Inert, console, guard, lost_result, print_json, printing_is_the_result
from synthgen.cli.wrapping import fitted
from synthgen.errors import Interrupted, StorageError, SynthgenError, UsageError
from synthgen.files import named_by_itself
from synthgen.inert import unbroken
from synthgen.redaction import without_secrets

_BUG = 1
_OF_THE_DISK = (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ESTALE)
"""What a disk or a network file system reports of itself. Any look at a file may meet it, and no code is to blame."""
_TRUE = ("1", "true", "t", "yes", "y", "on")
_CHOICE = re.compile(r"'([^']*)' is not one of (.*)")
_REPORT = "This is a bug in synthgen. Please report it with the lines above: see CONTRIBUTING.md."


def main() -> None:
    """Run the command line; the process ends with the documented exit code, even if its output is lost."""
    guard()
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line, and return its exit code."""
    session.renew()
    # For errors before the command is known.
    session.as_json = "--json" in arguments or os.environ.get("SYNTHGEN_JSON", "").lower() in _TRUE
    try:
        answer = app(list(arguments), prog_name="synthgen", standalone_mode=False)
    except SynthgenError as error:
        return deliver(None, error)
    except TyperException as error:
        return deliver(None, *_misused(error))
    except KeyboardInterrupt:  # before a command could say what a stop means
        return deliver(None, Interrupted("interrupted", hint="Run the same command again."))
    except OSError as error:
        return deliver(None, _of_the_disk(error)) if error.errno in _OF_THE_DISK else _fail(error)
    except Exception as bug:
        return _fail(bug)

    if isinstance(answer, Answer):
        return deliver(answer, answer.error)
    return answer if isinstance(answer, int) else 0  # from `--help` and `--version`


def deliver(answer: Answer | None, error: SynthgenError | None, usage: str | None = None) -> int:
    """Print the answer, and then the error; return the exit code."""
    code = error.exit_code if error is not None else 0
    if session.as_json:
        errors = list(described(error, session.names)) if error is not None else []
        found = answer.result if answer is not None else None
        whole = envelope(session.command, code, result=found, errors=errors, warnings=session.warnings)
        print_json(whole, one_line=session.as_lines)
    elif answer is not None:
        if answer.is_printing:
            printing_is_the_result()
        for line in answer.lines:
            print(fitted(unbroken(line))) if isinstance(line, str) else console().print(Inert(line))

    if usage is not None:
        print(usage, file=sys.stderr)
    elif error is not None:
        session.report(error)
    if not code and (lost := lost_result()) is not None:
        session.report(StorageError(f"stdout: the result could not be printed: {lost.strerror}"))
        return StorageError.exit_code
    return code


def _misused(error: TyperException) -> tuple[SynthgenError, str | None]:
    """Turn the parser's refusal into an error, and return the help to show instead of a message, if any."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "synthgen"
    session.command = "" if path == "synthgen" else path.removeprefix("synthgen ")
    if type(error).__name__ == "NoArgsIsHelpError":
        return UsageError("no command was given"), error.format_message()
    said = error.format_message().replace("Value error, ", "").replace(": Input should", ": it should").rstrip(".")
    if choice := _CHOICE.search(said):
        close = get_close_matches(choice[1].lower(), re.findall("'([^']+)'", choice[2]), n=1)
        said += f"; did you mean {close[0]!r}?" if close else ""
    return UsageError(said, hint=f"`{path} --help` lists its arguments."), None


def _of_the_disk(error: OSError) -> SynthgenError:
    try:
        with named_by_itself("a file"):
            raise error
    except StorageError as named:
        return named


def _fail(bug: Exception) -> int:
    """Report an unexpected exception, with its traceback."""
    session.crashed("".join(traceback.format_exception(bug)) + _REPORT)
    if session.as_json:
        error = {"code": "bug", "message": without_secrets(f"{type(bug).__name__}: {bug}"), "hint": _REPORT}
        whole = envelope(
            session.command,
            _BUG,
            result=None,
            errors=[error | dict.fromkeys(("file", "line", "column", "argument"))],
            warnings=session.warnings,
        )
        print_json(whole, one_line=session.as_lines)
    return _BUG
