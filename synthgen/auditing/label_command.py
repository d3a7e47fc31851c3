"""How to check the judge of an audit: the command that draws a sample to label, with the audit's own arguments."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.auditing.places import output_folder
from synthgen.spec import Spec

if TYPE_CHECKING:
    from synthgen.auditing.input.query import AuditQuery
    from synthgen.auditing.report import JudgeCheck
    from synthgen.sets import SetSource


def judge_check(place: SetSource, query: AuditQuery, labels: int) -> JudgeCheck:
    """Describe how to draw this many images to label. Earlier labels are neither overwritten nor asked for again."""
    from synthgen.auditing.report import JudgeCheck
    from synthgen.pages.labels import LABELS

    output = query.output or output_folder(place)
    folder = _free(output, LABELS)
    moved = folder != output
    labelled = query.labels or (output / LABELS if moved else None)

    more: list[tuple[str, object]] = [
        ("-o", str(folder) if moved else query.output),
        ("--cache", query.cache),
        ("--export-labels", labels),
    ]
    command = None
    if isinstance(place, str | os.PathLike) and _is_writable(query):
        command = _command(os.fspath(place), [*_options(query), *more])
    return JudgeCheck(labels, command, str(folder / LABELS), str(labelled) if labelled else None)


def _free(folder: Path, name: str) -> Path:
    """Find a folder without a table of labels, which may be somebody's work."""
    free, number = folder, 1
    while (free / name).exists():
        number += 1
        free = folder / f"labels-{number}"
    return free


def _is_writable(query: AuditQuery) -> bool:
    """Whether a command line can say all of a query: specs and sets in memory have no name there."""
    sets = [each for each in (query.reference, query.compare) if each is not None]
    return not isinstance(query.spec, Spec) and all(isinstance(each, str | os.PathLike) for each in sets)


def _command(place: str, options: Sequence[tuple[str, object]]) -> str:
    """Write the command. A value that begins with a dash must not look like an option."""
    words = ["synthgen", "audit"] if place.startswith("-") else ["synthgen", "audit", place]
    for option, value in options:
        if value is True:
            words.append(option)
        elif value is not None:
            words += [f"{option}={value}"] if str(value).startswith("-") else [option, str(value)]
    return shlex.join([*words, "--", place] if place.startswith("-") else words)


def _options(query: AuditQuery) -> Iterator[tuple[str, object]]:
    """Give the options of the command, in the order of its help."""
    yield "--spec", query.spec
    yield "--attributes", query.attributes
    yield from (("--known", f"{name}={column}") for name, column in query.known.items())
    yield "--label", query.label
    yield "--split", query.split
    yield "--images-from", query.images_from
    yield from (("--judge", judge) for judge in query.judges)
    yield "--reference", query.reference
    yield "--compare", query.compare
    yield from (("--target", f"{name}={_line(shares)}") for name, shares in query.targets.items())
    yield from (("--confusion", each) for each in _confusions(query.confusions))
    yield from (("--cross", ",".join(names)) for names in query.cross)
    yield from (("--gate", gate) for gate in query.gates)
    yield "--trust", query.trust or None
    yield "--device", None if query.device == "auto" else query.device
    yield "--seed", query.seed or None


def _line(shares: str | Mapping[str, float]) -> str:
    return shares if isinstance(shares, str) else ",".join(f"{value}:{share}" for value, share in shares.items())


def _confusions(given: Mapping[str, Path] | Sequence[str]) -> list[str]:
    if not isinstance(given, Mapping):
        return list(given)
    return [f"{name}={file}" if name else str(file) for name, file in given.items()]
