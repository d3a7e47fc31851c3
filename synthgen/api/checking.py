"""How to check the judge of an audit: the command that draws a sample to label, with the audit's own arguments."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.spec import Spec

if TYPE_CHECKING:
    from synthgen.auditing.report import JudgeCheck


@dataclass(frozen=True, slots=True)
class AuditCommand:
    """The arguments of `audit`, as on a command line.

    Attributes:
        folder: where the audit goes; `output` is None if that is the default.
        embeddings: where they are kept; `cache` is None if that is the default.
    """

    place: str
    spec: Spec | Path | None
    attributes: Path | None
    known: Mapping[str, str]
    label: str | None
    split: str | None
    judges: Sequence[str]
    reference: str | None
    compare: str | None
    targets: Mapping[str, str]
    confusions: Mapping[str, Path]
    labels: Path | None
    cross: Sequence[Sequence[str]]
    gates: Sequence[str]
    output: Path | None
    folder: Path
    cache: Path | None
    embeddings: Path
    device: str
    trust: bool
    images_from: Path | None
    seed: int


def judge_check(asked: AuditCommand, labels: int) -> JudgeCheck:
    """Describe how to draw this many images to label. Earlier labels are neither overwritten nor asked for again."""
    from synthgen.auditing.report import JudgeCheck
    from synthgen.pages.audit_labels import LABELS

    folder = _free(asked.folder, LABELS)
    moved = folder != asked.folder
    labelled = asked.labels or (asked.folder / LABELS if moved else None)
    command = None
    if not isinstance(asked.spec, Spec):
        more = [
            ("-o", str(folder) if moved else asked.output),
            ("--cache", asked.embeddings if moved else asked.cache),
            ("--export-labels", labels),
        ]
        command = _command(asked.place, [*_options(asked), *more])
    return JudgeCheck(labels, command, str(folder / LABELS), str(labelled) if labelled else None)


def _free(folder: Path, name: str) -> Path:
    """Find a folder without a table of labels, which may be somebody's work."""
    free, number = folder, 1
    while (free / name).exists():
        number += 1
        free = folder / f"labels-{number}"
    return free


def _command(place: str, options: Sequence[tuple[str, object]]) -> str:
    """Write the command. A value that begins with a dash must not look like an option."""
    words = ["synthgen", "audit"] if place.startswith("-") else ["synthgen", "audit", place]
    for option, value in options:
        if value is True:
            words.append(option)
        elif value is not None:
            words += [f"{option}={value}"] if str(value).startswith("-") else [option, str(value)]
    return shlex.join([*words, "--", place] if place.startswith("-") else words)


def _options(asked: AuditCommand) -> Iterator[tuple[str, object]]:
    yield "--spec", asked.spec
    yield "--attributes", asked.attributes
    yield from (("--known", f"{name}={column}") for name, column in asked.known.items())
    yield "--label", asked.label
    yield "--split", asked.split
    yield "--images-from", asked.images_from
    yield from (("--judge", judge) for judge in asked.judges)
    yield "--reference", asked.reference
    yield "--compare", asked.compare
    yield from (("--target", f"{name}={shares}") for name, shares in asked.targets.items())
    yield from (("--confusion", f"{name}={file}" if name else file) for name, file in asked.confusions.items())
    yield from (("--cross", ",".join(names)) for names in asked.cross)
    yield from (("--gate", gate) for gate in asked.gates)
    yield "--trust", asked.trust or None
    yield "--device", None if asked.device == "auto" else asked.device
    yield "--seed", asked.seed or None
