"""The one JSON object that every command prints with `--json`, even if it fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from synthgen.cli.option_names import OptionNames
from synthgen.errors import SpecError, SynthgenError
from synthgen.redaction import without_secrets

FORMAT = 1
"""Increased when a key changes its meaning or is removed. New keys may appear without notice."""


def envelope(
    command: str,
    exit_code: int,
    *,
    result: Mapping[str, object] | None,
    errors: Sequence[Mapping[str, object]],
    warnings: Sequence[str],
) -> dict[str, object]:
    """Build the object. `result` is None if the command failed before it found anything."""
    return {
        "format": FORMAT,
        "command": command,
        "ok": exit_code == 0,
        "exit_code": exit_code,
        "result": result,
        "errors": list(errors),
        "warnings": list(warnings),
    }


def described(error: SynthgenError, names: OptionNames) -> Iterator[dict[str, object]]:
    """Describe an error for machines: one entry for each problem of a spec, else one in all."""
    hint = names.rendered(error.hint) if error.hint else None
    if isinstance(error, SpecError):
        for problem in error.problems:
            place = (problem.line, problem.column) if problem.line else (None, None)
            file = without_secrets(names.rendered(problem.file))
            yield _entry(error.code, names.rendered(problem.message), hint, file, place, None)
    else:
        argument = (names.written(error.argument) or error.argument) if error.argument else None
        yield _entry(error.code, names.rendered(error.message), hint, None, (None, None), argument)


def _entry(
    code: str,
    message: str,
    hint: str | None,
    file: str | None,
    place: tuple[int | None, int | None],
    argument: str | None,
) -> dict[str, object]:
    line, column = place
    return {
        "code": code,
        "message": without_secrets(message),
        "hint": without_secrets(hint) if hint else None,
        "file": file,
        "line": line,
        "column": column,
        "argument": argument,
    }


def result_schema() -> dict[str, object]:
    """Return the JSON Schema of the envelope."""
    text, whole = {"type": "string"}, {"type": "integer", "minimum": 1}
    error = {
        "code": {**text, "description": "The kind of error, such as 'spec', 'usage', 'model' or 'storage'."},
        "message": {**text, "description": "What is wrong."},
        "hint": {"type": ["string", "null"], "description": "What to do about it."},
        "file": {"type": ["string", "null"], "description": "The spec, or the --set, that holds the mistake."},
        "line": {"anyOf": [whole, {"type": "null"}], "description": "Counted from 1."},
        "column": {"anyOf": [whole, {"type": "null"}], "description": "Counted from 1."},
        "argument": {"type": ["string", "null"], "description": "The option or argument that is wrong."},
    }
    properties: dict[str, object] = {
        "format": {"const": FORMAT, "description": "The version of this format."},
        "command": {**text, "description": "The command, such as 'run'; empty if none was recognised."},
        "ok": {"type": "boolean", "description": "Whether the exit code is 0."},
        "exit_code": {"type": "integer", "minimum": 0, "maximum": 255},
        "result": {"type": ["object", "null"], "description": "What the command found; null if it found nothing."},
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": error, "required": list(error), "additionalProperties": False},
        },
        "warnings": {"type": "array", "items": text},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "synthgen result",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
