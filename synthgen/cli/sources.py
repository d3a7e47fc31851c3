"""Specs on the command line: a file, or `-` for standard input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.api.specs import SpecText, checked_spec, read_source
from synthgen.errors import UsageError
from synthgen.files import as_storage_error
from synthgen.spec import MAX_BYTES, decoded

if TYPE_CHECKING:
    from synthgen.spec import Spec

STDIN = "-"
_NAME = "<stdin>"


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


def checked(spec: str, overrides: Sequence[str] | None, *, calibrated: bool = True) -> tuple[Spec, str]:
    """Read and check a spec, and return it with the text that a run keeps of it.

    Raises:
        SpecError: lists every problem.
    """
    source = read(spec)
    return checked_spec(source, overrides or (), calibrated=calibrated), source.with_overrides(overrides or ())
