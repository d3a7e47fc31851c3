"""One call of the program: its options of output, and everything that it writes to stderr."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from synthgen.cli.display import Bars, Display, JsonLines, Plain, Sentences
from synthgen.cli.option_names import NO_OPTIONS, OptionNames
from synthgen.cli.progress import Whole
from synthgen.errors import SynthgenError
from synthgen.events import Event, LogRelay, OnProgress
from synthgen.redaction import without_secrets

_LIBRARIES = {
    "HF_HUB_VERBOSITY": "error",
    "DATASETS_VERBOSITY": "error",
    "DIFFUSERS_VERBOSITY": "error",
    "TRANSFORMERS_VERBOSITY": "error",
    "PYTHONWARNINGS": "ignore",
}
"""Silence what libraries say on their own, in worker processes too, unless the user has set these or `--verbose`."""
_BARS = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}


class Session:
    """The options of one call, and its messages so far.

    Attributes:
        command: the command's name; empty until it is known.
        names: how that command writes its arguments.
        as_json: whether stdout gets the envelope.
        as_lines: whether it gets several of them, each on a line.
        warnings: every warning so far, for the envelope.
        told: what was told last of the progress of what is under way; None before the first of it.
    """

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Forget the call before, if this process served one."""
        self.command, self.names, self.as_json, self.as_lines = "", NO_OPTIONS, False, False
        self.warnings: list[str] = []
        self.told: Event | None = None
        self._quiet = False
        self._display: Display = Plain()

    def begin(self, command: str, names: OptionNames, *, as_json: bool, quiet: bool, verbose: bool) -> None:
        """Apply a command's options of output, before it does anything."""
        self.command, self.names, self.as_json, self._quiet = command, names, as_json, quiet
        if not verbose:
            more = _LIBRARIES if sys.stderr.isatty() and not quiet else _LIBRARIES | _BARS
            for name, value in more.items():
                os.environ.setdefault(name, value)
            warnings.simplefilter("ignore")
        logging.captureWarnings(True)
        logging.basicConfig(
            level=logging.INFO if verbose else logging.ERROR, handlers=[LogRelay(self._hear)], force=True
        )
        logging.getLogger("synthgen").setLevel(logging.DEBUG if verbose else logging.INFO)

    def _hear(self, level: int, text: str) -> None:
        """Show a log message, according to its level."""
        if level >= logging.WARNING:
            self.warn(text)
        else:
            self.note(text)

    def note(self, text: str) -> None:
        """Show something that is good to know."""
        if not self._quiet:
            self._display.say("note", without_secrets(self.names.rendered(text)))

    def warn(self, text: str) -> None:
        """Show what may be wrong, and keep it for the envelope."""
        text = without_secrets(self.names.rendered(text))
        self.warnings.append(text)
        if not self._quiet:
            self._display.say("warning", text)

    def report(self, error: SynthgenError) -> None:
        """Show why the command failed. `--quiet` does not hide this."""
        option = self.names.option(error.argument)
        message = str(error) if option is None and error.argument is None else error.message
        message = self.names.rendered(message)
        hint = self.names.rendered(error.hint) if error.hint else None
        if option and option in self.names.given:
            message = f"{option}: {message}"
        elif option and option not in (hint or ""):  # what the user did not give is no place of the fault
            hint = f"{hint or ''} The option is {option}.".strip()

        if isinstance(self._display, JsonLines):
            more = {"hint": without_secrets(hint)} if hint else {}
            self._display.say("error", without_secrets(message), code=error.code, exit_code=error.exit_code, **more)
        else:
            for text in filter(None, (message, hint)):
                print(without_secrets(text), file=sys.stderr, flush=True)

    def crashed(self, text: str) -> None:
        """Show the traceback of an unexpected exception."""
        self._display.say("error", without_secrets(text), code="bug", exit_code=1)

    @contextmanager
    def progress(self, run: str, title: str) -> Iterator[OnProgress]:
        """Show progress of `run` until the block ends. After the first JSON line, stderr gets only such lines."""
        self.told = None
        if self._quiet:
            yield self._keep
            return
        display, whole = _display_for(run, title), Whole()

        def on_progress(event: Event) -> None:
            self._keep(event)
            if isinstance(display, JsonLines):  # from the first line on, all lines are JSON
                self._display = display
            display.show(whole.hear(event))

        with display:
            before = self._display
            if not isinstance(display, JsonLines):
                self._display = display
            try:
                yield on_progress
            finally:
                if not isinstance(self._display, JsonLines):
                    self._display = before

    def _keep(self, event: Event) -> None:
        self.told = event


def _display_for(run: str, title: str) -> Display:
    run, title = without_secrets(run), without_secrets(title)
    if not sys.stderr.isatty():
        return JsonLines(run)
    return Sentences() if os.environ.get("TERM", "dumb") in ("dumb", "unknown") else Bars(title)


session = Session()
"""The call that this process serves."""
