"""Specs: read from a file, a text or a mapping, and checked together with the files that they name."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from synthgen.api import plugged
from synthgen.api.arguments import names_of, number_of, share_of, text_of_path, texts_of
from synthgen.api.preconditions import unusable
from synthgen.api.spec_files import calibration_of, files_of, with_files_read
from synthgen.errors import SpecError, UsageError
from synthgen.planning import Plan
from synthgen.spec import (
    CALIBRATED,
    NO_CHANGES,
    Settings,
    Spec,
    SpecText,
    Violation,
    checked,
    refusal,
    smaller,
    text_of_file,
)
from synthgen.spec.checks import check
from synthgen.spec.written import CHANGE_NAMES, as_yaml, written_in_full

SpecSource = str | os.PathLike[str] | Mapping[str, Any]
"""A path, a YAML text (a `str` of several lines), or a mapping with the keys of a spec."""

SpecInput = Spec | SpecSource
"""A spec, or whatever `load_spec` reads one from."""


def with_settings(source: SpecText, settings: Settings) -> str:
    """Return the text that a run keeps of a spec, with what changed it in comments above it."""
    given = (settings.overrides, settings.files, [f"{name}={value}" for name, value in settings.variables.items()])
    changes = [
        f"# {name}: {_on_one_line(each)}\n" for name, texts in zip(CHANGE_NAMES, given, strict=True) for each in texts
    ]
    return "".join(changes) + source.text


def _on_one_line(text: str) -> str:
    """Write a text as JSON. YAML breaks lines at more characters than JSON escapes, such as U+2028."""
    escaped = json.dumps(text, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in escaped)


def load_spec(
    source: SpecSource,
    overrides: Sequence[str] = (),
    *,
    variables: Mapping[str, str] = MappingProxyType({}),
    files: Sequence[str] = (),
    limit: int | None = None,
    scale: float | None = None,
) -> Spec:
    """Read and check a spec.

    Args:
        source: a path, a YAML text of several lines, or a mapping with the keys of a spec.
        overrides: such as "model.steps=20", applied in order.
        variables: what `${NAME}` stands for in the spec, instead of the value in its `vars`.
        files: such as "prompts.templates=prompts.txt", or a file of keys; applied before `overrides`.
        limit: the most images in all; each class keeps its share of them, and at least one.
        scale: the share of each class's images, rounded up. 0..1, 0 excluded

    Raises:
        SpecError: lists every problem, including those of the files that the spec names.
        UsageError: `source` or `overrides` is of another type.

    Example:
        >>> spec = synthgen.load_spec({
        ...     "synthgen": 1,
        ...     "name": "two-trades",
        ...     "model": {"id": "bundled:workers"},
        ...     "classes": {"doctor": 20, "chef": 20},
        ...     "prompts": {"templates": ["a portrait of a {class}"]},
        ... }, ["model.steps=10"])
        >>> spec.total, spec.model.steps
        (40, 10)
    """
    settings = Settings(texts_of(overrides, "overrides"), texts_of(files, "files"), names_of(variables, "variables"))
    limit = None if limit is None else number_of(limit, "limit")
    scale = None if scale is None else share_of(scale, "scale", whole=True)
    return smaller(checked_spec(read_source(source), settings), limit, scale)


def spec_of(spec: SpecInput, *, calibrated: bool = True) -> Spec:
    """Return a spec as it is, or read and check it: every function that takes a spec takes what `load_spec` takes.

    Raises:
        SpecError, UsageError: as `load_spec`.
    """
    return spec_and_text(spec, calibrated=calibrated)[0]


def spec_and_text(spec: SpecInput, *, calibrated: bool = True) -> tuple[Spec, str]:
    """Return a spec as `spec_of` does, with the text that a run keeps of it.

    Raises:
        SpecError, UsageError: as `load_spec`.
    """
    if isinstance(spec, Spec):
        return spec, written_in_full(spec)
    source = read_source(spec, "spec")
    return checked_spec(source, calibrated=calibrated), source.text


def read_source(source: SpecSource, argument: str = "source") -> SpecText:
    """Read the text of a spec without checking it.

    Args:
        argument: what messages call `source`.

    Raises:
        SpecError: the file cannot be read.
        UsageError: `source` is of another type.
    """
    if isinstance(source, Mapping):
        return SpecText(_yaml_of(source, argument), "spec", has_lines=False)
    if isinstance(source, str) and "\n" in source:
        return SpecText(source, "spec")
    if isinstance(source, str | os.PathLike):
        file = text_of_path(source, argument)
        return text_of_file(Path(file), file)
    what = f"expected a path, a YAML text or a mapping, found {type(source).__name__}"  # type: ignore[unreachable]
    raise UsageError(what, argument=argument, hint='Give a path such as "spec.yaml".')


def _yaml_of(source: Mapping[str, Any], argument: str) -> str:
    """Write a mapping as YAML.

    Raises:
        UsageError: it holds what YAML has no form for, such as a `Path`.
    """
    import yaml

    try:
        return as_yaml(source)
    except (yaml.YAMLError, RecursionError) as error:
        what = " ".join(str(error).split())[:120] or "it contains itself"
        hint = "A spec holds texts, numbers, booleans, lists and mappings: `str(path)` for a path."
        raise UsageError(f"the mapping cannot be written as YAML: {what}", argument=argument, hint=hint) from error


def read_spec(path: SpecSource, overrides: Sequence[str] = (), *, calibrated: bool = True) -> Spec:
    """Read and check a spec like `load_spec`, optionally one whose thresholds are still to be calibrated."""
    return checked_spec(read_source(path), Settings(texts_of(overrides, "overrides")), calibrated=calibrated)


def checked_spec(
    source: SpecText, settings: Settings = NO_CHANGES, *, calibrated: bool = True, models: bool = False
) -> Spec:
    """Check the text of a spec, and replace the files that `balance` names by the shares counted in them.

    Args:
        calibrated: whether the file of thresholds that the spec names must already exist.
        models: whether its models must be here, as far as this is known without a network.

    Raises:
        SpecError: as `load_spec`.
    """
    try:
        return _checked(source, settings, calibrated, models)
    except SpecError as error:
        if source.has_lines:
            raise
        raise SpecError((replace(each, line=0, column=0) for each in error.problems), hint=error.hint) from None


def _checked(source: SpecText, settings: Settings, calibrated: bool, models: bool) -> Spec:
    spec = checked(source, settings)
    refused = partial(refusal, source, settings)

    findings, hints = [], []
    for place, read in files_of(spec, calibrated):
        try:
            read()
        except UsageError as error:
            findings.append(Violation(place, error.message))
            hints.append(error.hint or "")
    for finding, hint in (*plugged.check(spec), *(unusable(spec) if models else ())):
        findings.append(finding)
        hints.append(hint)
    if findings:
        raise refused(findings, "\n".join(filter(None, dict.fromkeys(hints))))

    resolved = with_files_read(spec)
    if resolved is not spec and (findings := list(check(resolved.canonical()))):
        raise refused(findings, "Ask for more images.")
    return resolved


def with_thresholds(planned: Plan) -> Plan:
    """Replace the calibration files of a plan by their thresholds, and record what they promise.

    Raises:
        UsageError: a calibration cannot be read, or was made for another spec or filter.
    """
    promises, filters = dict[str, str](), planned.spec.filters
    for name, key in CALIBRATED.items():
        calibration = calibration_of(planned.spec, name)
        if calibration is None:
            continue
        section = getattr(filters, name)
        floors = calibration.floors_for(planned, section.calibration)
        promises[name] = calibration.promise
        filters = filters.model_copy(update={name: section.model_copy(update={key: floors, "calibration": None})})
    if not promises:
        return planned
    told = [promise if name == "label" else f"{name}: {promise}" for name, promise in promises.items()]
    return replace(planned, spec=planned.spec.model_copy(update={"filters": filters}), promise="; ".join(told))
