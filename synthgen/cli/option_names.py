"""Python arguments in messages, written as the command line has them."""

import re
import shlex
from ast import literal_eval
from collections.abc import Collection, Mapping
from dataclasses import dataclass

_ARGUMENT = re.compile(r"`([a-z][a-z0-9_]*)(?:=([^`]*))?`")
_CALL = re.compile(r"`synthgen\.([a-z]+[a-z_]*)(?:\(([^`]*)\))?`")
_FOLDER = re.compile(r"\bDIR\b")
_TEXT = re.compile(r"""'([^']*)'|"([^"]*)\"""")
_COMMANDS = {
    "pilot": "calibrate SPEC -o DIR",
    "export_labels": "audit SET --export-labels N",
    "begin": "plan SPEC -o RUN",
    "load_spec": "validate SPEC",
}
"""By function of the Python face its command; of the others it has the same name."""


def _command(found: re.Match[str]) -> str:
    """Write a call as a command, with the folder that the call names."""
    command = _COMMANDS.get(found[1], found[1])
    if named := _TEXT.search(found[2] or ""):
        folder = shlex.quote(named[1] or named[2] or "")
        command = _FOLDER.sub(lambda _: folder, command)
    return f"`synthgen {command}`"


@dataclass(frozen=True, slots=True)
class OptionNames:
    """How the command in use writes its arguments.

    Attributes:
        options: by Python argument the option, such as `--devices`.
        positionals: by Python argument the name in capitals, such as `RUN`.
        given: the options that this call has.
    """

    options: Mapping[str, str]
    positionals: Mapping[str, str]
    given: Collection[str] = ()

    def written(self, argument: str) -> str | None:
        """Give an argument's option or positional name; None if this command has no such argument.

        The command line writes `judge` for each of Python's `judges`, so a plural finds its singular.
        """
        for name in (argument, argument.removesuffix("s"), f"{argument}s"):
            if found := self.options.get(name) or self.positionals.get(name):
                return found
        return None

    def option(self, argument: str | None) -> str | None:
        """Give an argument's option; None for a positional, or where there is none."""
        written = self.written(argument) if argument else None
        return written if written and written.startswith("-") else None

    def rendered(self, text: str) -> str:
        """Replace every Python argument and call in backticks by what the command line calls it.

        Example:
            >>> names = OptionNames({"devices": "--devices", "extend": "--extend"}, {"location": "RUN"})
            >>> names.rendered('Give `devices="cpu:2"`, or `extend=True`.')
            'Give --devices cpu:2, or --extend.'
            >>> names.rendered("Make it first: `synthgen.pilot(spec, 'a pilot')`.")
            "Make it first: `synthgen calibrate SPEC -o 'a pilot'`."
            >>> OptionNames({"leave_out": "--leave-out"}, {}).rendered("`leave_out=['age', 'seed']` leaves them out.")
            '--leave-out age --leave-out seed leaves them out.'
        """
        text = _CALL.sub(_command, text)
        return _ARGUMENT.sub(self._replaced, text)

    def _replaced(self, found: re.Match[str]) -> str:
        written, value = self.written(found[1]), found[2]
        if written is None:
            return found[0]
        if value is None or value == "True":
            return written
        if value.startswith("["):
            try:
                return " ".join(f"{written} {shlex.quote(str(one))}" for one in literal_eval(value))
            except (ValueError, SyntaxError):  # a name with a backtick, which ended the text too early
                return found[0]
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
        return f"{written} {shlex.quote(value[1:-1]) if quoted else value}"


NO_OPTIONS = OptionNames({}, {})
