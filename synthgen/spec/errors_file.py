"""The file of a learner's errors that `synthgen evaluate` writes, and a spec names: where the next images go."""

import hashlib
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from json import dumps
from math import isclose
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from synthgen.bounded import read_bounded, read_object
from synthgen.errors import UsageError
from synthgen.spec.fields import ClassName, Fraction, Section, Text, like
from synthgen.spec.place import quoted

FORMAT = 1
"""Increased when a key changes its meaning or is removed."""
_ENDING = ".json"
_VERSION = "synthgen_errors"
_MOST_BYTES = 16 * 2**20
_HINT = "`synthgen evaluate` writes such a file: see 'Aim the next images' in docs/evaluate.md."

_Number = Annotated[int, Field(ge=0)]


class MeasuredErrors(Section):
    """How often the learner errs on the validation images of a class, or of a group."""

    images: _Number = Field(description="Validation images that some seed had, each counted once.")
    independent: _Number = Field(description="The same, with images that belong together counted as one.")
    wrong: Annotated[float, Field(ge=0)] = Field(
        description="Of these, how many were wrong: each counts by the share of its seeds that were."
    )
    error: Fraction = Field(
        description="The estimated error rate: `wrong` of `independent`, drawn towards that of all images."
    )
    low: Fraction = Field(description="The lower end of its 95 % interval.")
    high: Fraction = Field(description="The upper end of it.")
    share: Fraction = Field(description="The share of the next images that it should have.")


class ValidationImages(Section):
    """The validation images of all seeds together."""

    images: _Number = Field(description="Images that some seed had, each counted once.")
    independent: _Number = Field(description="The same, with images that belong together counted as one.")
    error: Fraction = Field(description="The share of them that was wrong, as counted.")


class ErrorsFile(Section):
    """The content of the file."""

    synthgen_errors: Literal[1] = Field(description="The version of the format.")
    arm: Text = Field(description="What the learners were trained on.")
    learner: Text = Field(description="Their name.")
    judge: Text = Field(description="The model whose embeddings were used.")
    revision: Text = Field(description="Its revision.")
    seeds: Annotated[int, Field(ge=1)] = Field(description="How many learners there were.")
    seed: int = Field(description="What every random draw came from.")
    floor: Fraction = Field(description="Every share is at least this part of an even one.")
    validation: ValidationImages = Field(description="What errors were measured on.")
    classes: Annotated[Mapping[ClassName, MeasuredErrors], Field(min_length=2)] = Field(
        description="By class; the shares add up to 1."
    )
    groups: Mapping[Text, Annotated[Mapping[Text, MeasuredErrors], Field(min_length=1)]] = Field(
        description="By column, then by value; the shares of each column add up to 1."
    )
    notes: Annotated[tuple[Text, ...], Field(strict=False)] = Field(description="What could not be measured.")

    def to_json(self) -> bytes:
        return (dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n").encode()


class AimedBy(Section):
    """A file of errors that shares or counts were read from."""

    file: Text = Field(description="Its name, without folders.")
    sha256: Annotated[str, like(r"^[0-9a-f]{64}$", "64 hexadecimal digits", 64)] = Field(
        description="The sha256 of the file."
    )


def errors_schema() -> dict[str, object]:
    """Return the JSON Schema of the file."""
    schema = ErrorsFile.model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "synthgen errors"}


def errors_definitions() -> dict[str, object]:
    """Return the same and its parts by name, for schemas that contain it."""
    schema = ErrorsFile.model_json_schema(mode="validation")
    parts: dict[str, object] = schema.pop("$defs")
    return {**parts, ErrorsFile.__name__: schema}


def is_errors(path: Path) -> bool:
    """Return whether a spec that names this file of shares means one of errors: its name says so."""
    return path.suffix.lower() == _ENDING


def is_errors_file(path: Path) -> bool:
    """Return whether a file is one of a learner's errors, of any version."""
    try:
        return type(read_object(path, _MOST_BYTES).get(_VERSION)) is int
    except (OSError, ValueError):
        return False


def read_errors(path: Path) -> tuple[ErrorsFile, AimedBy]:
    """Read a file of errors.

    Raises:
        UsageError: there is no such file, or it is another one.
    """
    try:
        content = read_bounded(path, _MOST_BYTES)
    except FileNotFoundError:
        raise UsageError(f"there is no file {path} in {Path.cwd()}", hint=_HINT) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{path} cannot be read: {reason}", hint=_HINT) from error
    try:
        found = ErrorsFile.model_validate_json(content)
    except ValidationError as error:
        what = f"{path} is not a file of a learner's errors: {_complaint(error)}"
        raise UsageError(what, hint=_HINT) from error
    by_name = {"classes": found.classes, **{f"groups.{name}": each for name, each in found.groups.items()}}
    for name, measured in by_name.items():
        if not isclose(total := sum(each.share for each in measured.values()), 1, abs_tol=1e-6):
            raise UsageError(f"{path}: expected shares of {name} that add up to 1, found {total:g}", hint=_HINT)
    return found, AimedBy(file=path.name, sha256=hashlib.sha256(content).hexdigest())


def shares_of_classes(found: ErrorsFile, path: Path, classes: Collection[str]) -> dict[str, float]:
    """Return the share of each class of a spec.

    Raises:
        UsageError: the file has a class that the spec lacks.
    """
    return _shares(found.classes, path, "a class", "the spec", classes)


def shares_of_values(
    found: ErrorsFile, path: Path, attribute: str, measured: str, values: Collection[str]
) -> dict[str, float]:
    """Return the share of each value of an attribute.

    Args:
        measured: the column that datasets of synthgen have of it.

    Raises:
        UsageError: the file has no errors by this attribute, or a value that the attribute lacks.
    """
    column = attribute if attribute in found.groups else measured
    if column not in found.groups:
        there = f"; it has groups of {', '.join(map(quoted, found.groups))}" if found.groups else ""
        hint = f"Evaluate again by groups of the real set's column {quoted(attribute)}."
        raise UsageError(f"{path} has no errors by {quoted(attribute)}{there}", hint=hint)
    return _shares(found.groups[column], path, f"{column} with the value", "the attribute", values)


def _shares(
    measured: Mapping[str, MeasuredErrors], path: Path, what: str, where: str, wanted: Collection[str]
) -> dict[str, float]:
    """Give each wanted name its share: an even one to those that were not measured, and to others what is left."""
    strange = [name for name in measured if name not in wanted]
    if strange:
        near = get_close_matches(strange[0], list(wanted), n=1, cutoff=0.5)
        meant = f"Did you mean {quoted(near[0])}? " if near else ""
        hint = f"{meant}Name the same ones in the spec as in the real set. In the spec: {', '.join(wanted)}."
        raise UsageError(f"{path} has {what} {quoted(strange[0])}, which {where} lacks", hint=hint)
    even = 1 / len(wanted)
    left = even * sum(name in measured for name in wanted)
    return {name: measured[name].share * left if name in measured else even for name in wanted}


def _complaint(error: ValidationError) -> str:
    """Say what is wrong first."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "json_invalid":
        return "it is not JSON"
    if place == _VERSION and first["type"] == "literal_error":
        return f"it is of another version than {FORMAT}, which this synthgen reads"
    if place == _VERSION or not place:
        return f"it has no entry {_VERSION!r}"
    return f"its entry {quoted(place)} is not as synthgen writes it"
