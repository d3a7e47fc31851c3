"""How to check the judge of an audit: the commands that draw a sample to label, and then use it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.auditing.command_line import audit_command
from synthgen.auditing.places import output_folder

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

    where = str(folder) if moved else query.output
    command = audit_command(place, query, output=where, cache=query.cache, count=labels)
    table = folder / LABELS
    again = audit_command(place, query, output=query.output, cache=query.cache, labels=table)
    return JudgeCheck(labels, command, str(table), str(labelled) if labelled else None, again)


def _free(folder: Path, name: str) -> Path:
    """Find a folder without a table of labels, which may be somebody's work."""
    free, number = folder, 1
    while (free / name).exists():
        number += 1
        free = folder / f"labels-{number}"
    return free
