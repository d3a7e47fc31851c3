"""The command line: parse, call `api`, print, turn errors into exit codes. No logic.

What a command found goes to stdout; progress, notes and errors go to stderr.
"""

import sys

# In the order in which `synthgen --help` lists their commands.
from synthgen.cli import making, calibrate, keeping, audit, reference  # isort: skip
from synthgen.cli.app import app
from synthgen.cli.streams import guard, lost_result
from synthgen.errors import StorageError, SynthgenError
from synthgen.redaction import without_secrets

__all__ = ["app", "audit", "calibrate", "keeping", "main", "making", "reference"]


def main() -> None:
    """Run the command line; the process ends with the documented exit code, whatever became of its output."""
    guard()
    try:
        app(standalone_mode=True)
    except SynthgenError as error:
        for line in filter(None, (str(error), error.hint)):
            print(without_secrets(line), file=sys.stderr)
        sys.exit(error.exit_code)
    except SystemExit as ended:
        if not ended.code and (lost := lost_result()) is not None:
            print(f"stdout: what was found could not be printed: {lost.strerror}", file=sys.stderr)
            sys.exit(StorageError.exit_code)
        raise
