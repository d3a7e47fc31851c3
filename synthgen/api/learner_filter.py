"""The learner that a spec's filter asks how hard an image is: found, checked, and pinned by the hash of its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthgen.errors import UsageError

if TYPE_CHECKING:
    from synthgen.models.saved_learner import SavedLearner
    from synthgen.planning import Plan
    from synthgen.spec import Spec

LEARNER = "filters.learner"
"""The name of the file among a plan's revisions."""
_KEY = f"{LEARNER}.model"


def named_learner(spec: Spec) -> SavedLearner | None:
    """Read the learner that a spec names, for its classes alone; None if it names none.

    Raises:
        UsageError: it cannot be read, or does not know the classes of the spec.
    """
    if spec.filters.learner is None:
        return None
    from synthgen.models.saved_learner import read_learner

    path = spec.filters.learner.model
    try:
        return read_learner(path).rows_of(list(spec.classes))
    except ValueError as error:
        hint = "Save one that was evaluated on real images of the same classes."
        raise UsageError(f"{path}: {error}", hint=hint) from error


def learner_revision(spec: Spec, judge: str) -> dict[str, str]:
    """Return the hash of the learner's file by its name among revisions; nothing if the spec names none.

    Args:
        judge: the revision of the spec's judge.

    Raises:
        UsageError: as `named_learner`, or it learned the embeddings of another judge.
    """
    try:
        learner = named_learner(spec)
    except UsageError as error:
        raise UsageError(f"{_KEY}: {error.message}", hint=error.hint) from error
    if learner is None:
        return {}
    if learner.revision != judge:
        theirs, ours = (
            f"{name} ({revision[:20]})"
            for name, revision in ((learner.judge, learner.revision), (spec.judge.id, judge))
        )
        what = f"{_KEY}: the learner knows the embeddings of the judge {theirs}, and the spec's judge is {ours}"
        raise UsageError(what, hint="Name that judge in `judge.id`, or evaluate with the spec's `judge`.")
    return {LEARNER: learner.sha256}


def planned_learner(planned: Plan) -> SavedLearner | None:
    """Return the learner of a plan, as it was when it was made; None if it has none.

    Raises:
        UsageError: it cannot be read, or has changed since the run was planned.
    """
    try:
        learner = named_learner(planned.spec)
    except UsageError as error:
        raise UsageError(f"{_KEY}: {error.message}", hint=error.hint) from error
    if learner is not None and learner.sha256 != planned.revisions.components.get(LEARNER):
        what = f"{_KEY}: the learner has changed since the run was planned"
        raise UsageError(what, hint="Put the file back as it was, or make a new run with the new one.")
    return learner
