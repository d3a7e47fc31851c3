"""Specs on the command line: a file, or `-` for standard input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.api.specs import checked_spec, read_source, with_settings
from synthgen.errors import UsageError
from synthgen.files import as_storage_error
from synthgen.spec import MAX_BYTES, Settings, SpecText, decoded, smaller
from synthgen.store import layout

if TYPE_CHECKING:
    from synthgen.api.availability import FoundModel
    from synthgen.spec import Spec

STDIN = "-"
_NAME = "<stdin>"


@dataclass(frozen=True, slots=True)
class Changes:
    """What the options of a command change in a spec."""

    overrides: Sequence[str] | None = None
    files: Sequence[str] | None = None
    variables: Sequence[str] | None = None
    limit: int | None = None
    scale: float | None = None

    @property
    def settings(self) -> Settings:
        return Settings(self.overrides or (), self.files or (), _values(self.variables or ()))

    @property
    def is_smaller(self) -> bool:
        return self.limit is not None or self.scale is not None

    def options(self) -> list[str]:
        """Return the options again, for a command to be copied."""
        given = {"--set": self.overrides, "--set-file": self.files, "--var": self.variables}
        return [part for option, texts in given.items() for text in texts or () for part in (option, text)]


def read(spec: str) -> SpecText:
    """Read the text of a spec without checking it.

    Raises:
        SpecError: it cannot be read, or is not text.
    """
    if spec != STDIN:
        return read_source(Path(spec))
    if sys.stdin is None:
        raise UsageError("standard input is closed", argument="spec")
    with as_storage_error(Path(_NAME)):
        data = sys.stdin.buffer.read(MAX_BYTES + 1)
    return SpecText(decoded(data, _NAME), _NAME)


def checked(spec: str, changes: Changes, *, calibrated: bool = True, models: bool = False) -> tuple[Spec, str]:
    """Read and check a spec, and return it with the text that a run keeps of it.

    Args:
        calibrated: as for `checked_spec`.
        models: as for `checked_spec`.

    Raises:
        SpecError: lists every problem.
        UsageError: what is changed in it cannot be.
    """
    source = read(spec)
    found = checked_spec(source, changes.settings, calibrated=calibrated, models=models)
    return smaller(found, changes.limit, changes.scale), with_settings(source, changes.settings)


def looked_up(spec: str, changes: Changes) -> tuple[Spec, list[FoundModel]]:
    """Read and check a spec, and look its models up: see `synthgen.api.availability`."""
    from synthgen.api.availability import looked_up

    return looked_up(read(spec), changes.settings)


def source_of_run(spec: str, changes: Changes) -> tuple[Spec | str, str | None, str]:
    """Read what a run is to be made from: a spec, with the text that a run keeps of it, or a run.

    Returns:
        The spec or the run, the text, and where to make the run unless the user says.

    Raises:
        SpecError, UsageError: as `checked`; or options change the spec of a run, which is fixed.
    """
    from synthgen.api.repeating import is_run

    if not is_run(spec):
        found, text = checked(spec, changes, models=True)
        return found, text, f"outputs/{found.name}{'-smoke' if changes.is_smaller else ''}"
    for argument in fields(changes):
        if getattr(changes, argument.name) not in (None, []):
            hint = f"To start another run from it, edit a copy of {spec}/{layout.RESOLVED}."
            raise UsageError(f"{spec} is a run, and its spec is fixed", argument=argument.name, hint=hint)
    return spec, None, spec


def _values(given: Sequence[str]) -> dict[str, str]:
    """Split each NAME=VALUE at its first `=`; a value may be empty.

    Raises:
        UsageError: one has no name or no `=`, or a name is given twice.
    """
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise UsageError(f"{text!r}: expected NAME=VALUE, such as STEPS=20", argument="variables")
        if name in found:
            raise UsageError(f"{name!r} is given twice", argument="variables", hint="Give each variable once.")
        found[name] = value
    return found
