"""Where an evaluation saves its learner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthgen.auditing.input import arguments
from synthgen.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from synthgen.auditing.input.arguments import AnyPath
    from synthgen.auditing.input.judges import JudgeId
    from synthgen.evaluating.contract import Divided
    from synthgen.evaluating.findings import UsefulnessFindings

_ARGUMENT = "save_learner"


def learner_file(path: AnyPath | None, learner: str) -> Path | None:
    """Check, before any image is looked at, that a learner can be saved to a file; None if none is asked for.

    Raises:
        UsageError: it is not a probe, or the file has another ending or is something else.
        StorageError: the file cannot be written.
    """
    from synthgen.evaluating.learners import PROBE
    from synthgen.files import check_file, expanded
    from synthgen.models.saved_learner import ENDING, read_learner

    named = arguments.path(_ARGUMENT, path)
    if named is None:
        return None
    file = expanded(named)
    if learner != PROBE:
        hint = f"Choose the learner {PROBE!r}, or leave it out."
        raise UsageError(f"the learner {learner} cannot be saved, only a probe", argument=_ARGUMENT, hint=hint)
    if file.suffix != ENDING:
        raise UsageError(f"{file}: a learner is saved as {ENDING}", argument=_ARGUMENT, hint=f"Name it X{ENDING}.")
    if file.exists():
        try:
            read_learner(str(file))
        except UsageError as error:
            what = f"{error.message}, and would be replaced"
            raise UsageError(what, argument=_ARGUMENT, hint="Name another file.") from error
    check_file(file)
    return file


def save_learner_of(
    file: Path | None, divided: Divided, findings: UsefulnessFindings, judge: JudgeId, seed: int
) -> None:
    """Write the probe of the deciding arm, whole or not at all, if it is asked for.

    Raises:
        StorageError: it cannot be written.
    """
    from synthgen.evaluating.saved_probe import probe_of
    from synthgen.files import make_folder, write_file

    if file is not None:
        make_folder(file.parent)
        write_file(file, probe_of(divided, findings, judge.name, judge.revision, seed).as_bytes())
