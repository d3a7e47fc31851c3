"""Command lines of audits, for the readers of a report to copy: this file knows the names of the options."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.auditing.input.arguments import LEFT_OUT
from synthgen.spec import Spec

if TYPE_CHECKING:
    from synthgen.auditing.input.query import AuditQuery

EXPORT_LABELS = "synthgen audit --export-labels"
"""The command that draws images to label, without its arguments."""

OPTIONS: Mapping[str, str] = {
    "spec": "--spec",
    "attributes": "--attributes",
    "known": "--known",
    "label": "--label",
    "split": "--split",
    "images_from": "--images-from",
    "allow_remote": "--allow-remote",
    "judges": "--judge",
    "reference": "--reference",
    "compare": "--compare",
    "targets": "--target",
    "confusions": "--confusion",
    "cross": "--cross",
    "reference_groups": "--reference-group",
    "predictions": "--predictions",
    "cluster": "--cluster",
    "gates": "--gate",
    "allow_left_out": "--allow-left-out",
    "about": "--about",
    "inspect": "--inspect",
    "since": "--since",
    "trust": "--trust",
    "device": "--device",
    "seed": "--seed",
    "output": "-o",
    "cache": "--cache",
    "count": "--export-labels",
    "labels": "--import-labels",
}
"""By argument of `synthgen.audit` its option, in the order of a written command; `count` is that of `export_labels`."""


def audit_command(place: object, query: AuditQuery, **more: object) -> str | None:
    """Write the shell command of an audit, with a query's arguments and `more` of them.

    Left out are `output`, `cache`, `labels` and `trust_judge` of the query; `more` may give them.

    Returns:
        None if no command can say all of it: specs and sets in memory have no name there.
    """
    others = [each for each in (query.reference, query.compare) if each is not None]
    if isinstance(query.spec, Spec) or not all(isinstance(each, str | os.PathLike) for each in (place, *others)):
        return None
    return _command(str(place), [*_given(query), *more.items()])


def _command(place: str, given: Sequence[tuple[str, object]]) -> str:
    """Write the command. A value that begins with a dash must not look like an option."""
    words = ["synthgen", "audit"] if place.startswith("-") else ["synthgen", "audit", place]
    for argument, value in given:
        option = OPTIONS[argument]
        if value is True:
            words.append(option)
        elif value is not None:
            words += [f"{option}={value}"] if str(value).startswith("-") else [option, str(value)]
    return shlex.join([*words, "--", place] if place.startswith("-") else words)


def _given(query: AuditQuery) -> Iterator[tuple[str, object]]:
    """List what a query asks for, each value as the command line takes it."""
    yield "spec", query.spec
    yield "attributes", query.attributes
    yield from (("known", f"{name}={column}") for name, column in query.known.items())
    yield "label", query.label
    yield "split", query.split
    yield "images_from", query.images_from
    yield "allow_remote", query.allow_remote or None
    yield from (("judges", judge) for judge in query.judges)
    yield "reference", query.reference
    yield "compare", query.compare
    yield from (("targets", f"{name}={_line(shares)}") for name, shares in query.targets.items())
    yield from (("confusions", each) for each in _confusions(query.confusions))
    yield from (("cross", ",".join(names)) for names in query.cross)
    yield from (("reference_groups", f"{name}={group}") for name, group in query.reference_groups.items())
    yield "predictions", query.predictions
    yield from (("cluster", column) for column in query.cluster)
    yield from (("gates", gate) for gate in query.gates)
    yield "allow_left_out", None if query.allow_left_out == LEFT_OUT else query.allow_left_out
    yield "about", None if query.about == "source" else query.about
    yield "inspect", query.inspect or None
    yield from (("since", each) for each in query.since)
    yield "trust", query.trust or None
    yield "device", None if query.device == "auto" else query.device
    yield "seed", query.seed or None


def _line(shares: str | Mapping[str, float]) -> str:
    return shares if isinstance(shares, str) else ",".join(f"{value}:{share}" for value, share in shares.items())


def _confusions(given: Mapping[str, Path] | Sequence[str]) -> list[str]:
    if not isinstance(given, Mapping):
        return list(given)
    return [f"{name}={file}" if name else str(file) for name, file in given.items()]
