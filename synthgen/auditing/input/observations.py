"""What was observed in a set: the answer of every image to every attribute, by a judge, a record or a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from synthgen.auditing.input.asked_judge import AskedSeen
from synthgen.auditing.input.audited_set import AuditedSet, RecordedRun, recorded_answers, recorded_vectors, was_asked
from synthgen.auditing.input.cached_judge import CachedJudge, CachedJudges
from synthgen.auditing.input.judges import JudgeId
from synthgen.errors import UsageError
from synthgen.events import OnProgress, ignore
from synthgen.spec import Attribute

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from synthgen.images import Change, LeftOut


@dataclass(frozen=True, slots=True)
class AuditQuestion:
    """What is asked of every set of an audit.

    Attributes:
        attributes: those to judge.
        known: attributes that are in a column, and the name of the column.
        judges: the judges to ask, the most important first; none if nothing must be judged.
        cached: asks them.
        of_judge: for a judge that is not asked about all attributes, those that it is.
        definitions: of classes that have one.
        unanswered: what further judges are not asked, and why.
    """

    attributes: Mapping[str, Attribute]
    known: Mapping[str, str]
    judges: tuple[JudgeId, ...]
    cached: CachedJudges
    of_judge: Mapping[JudgeId, Mapping[str, Attribute]] = field(default_factory=dict)
    definitions: Mapping[str, str] = field(default_factory=dict)
    unanswered: tuple[str, ...] = ()

    def attributes_of(self, judge: JudgeId) -> Mapping[str, Attribute]:
        return self.of_judge.get(judge, self.attributes)


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """What was observed in a set.

    Attributes:
        frame: id, label, prompt if the set has one, and every attribute; a row for each image that could be opened, or
            for every image if none was opened.
        rows: the positions of these rows in the set.
        vectors: embeddings by the first judge that makes some, of unit length; None if there are none.
        others: for each further judge, id and the attributes that it answered.
        confirmed: by judge, whether each image shows its class; None where that judge is not sure.
        left_out: by id, why an image could not be opened or is in no row, see `aside_of`.
        changes: what the conversion to RGB changed in the opened images, where it changed anything.
    """

    frame: pd.DataFrame
    rows: NDArray[np.intp]
    vectors: NDArray[np.float32] | None
    others: tuple[pd.DataFrame, ...]
    left_out: Mapping[str, LeftOut]
    changes: tuple[Change, ...] = ()
    confirmed: Mapping[JudgeId, Sequence[bool | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What a judge saw of a set: now, by key, or earlier, as the run's judge while it filtered.

    Attributes:
        judge, keys: None if the answers are in the run's records.
    """

    subject: AuditedSet
    judge: CachedJudge | None
    keys: Sequence[bytes | LeftOut] | None

    def opened(self, images: int) -> list[bool]:
        return [True] * images if self.keys is None else [isinstance(key, bytes) for key in self.keys]

    def vectors(self, frame: pd.DataFrame, rows: NDArray[np.intp]) -> NDArray[np.float32] | None:
        if self.judge is None:
            return recorded_vectors(self.subject.run, list(frame["id"])) if self.subject.run else None
        return self.judge.vectors(self._keys(rows))

    def changes(self, rows: NDArray[np.intp]) -> tuple[Change, ...]:
        return self.judge.changes(self._keys(rows)) if self.judge is not None else ()

    def _keys(self, rows: NDArray[np.intp]) -> list[bytes]:
        return [key for row in rows if isinstance(key := (self.keys or ())[row], bytes)]

    def answers(
        self, attributes: Mapping[str, Attribute], rows: NDArray[np.intp], vectors: NDArray[np.float32] | None
    ) -> pd.DataFrame:
        import pandas as pd

        if not attributes:
            return pd.DataFrame(index=range(len(rows)))
        if self.judge is None:
            return recorded_answers(self.subject.images, list(attributes)).iloc[rows].reset_index(drop=True)
        assert vectors is not None, "a judge that looks has vectors"
        answered = {name: self.judge.answers(attribute, vectors) for name, attribute in attributes.items()}
        return pd.DataFrame(answered, index=range(len(rows)), dtype="object")


def look_at(
    subject: AuditedSet, whole: pd.DataFrame, question: AuditQuestion, on_progress: OnProgress = ignore
) -> Observations:
    """Answer the question on every image of a set. `whole` is its table from `read_frame`.

    Raises:
        UsageError: the set has no images, or may not read any of the images that it names.
        ModelError, DeviceError, StorageError: a model, a device or a disk fails.
    """
    import numpy as np
    import pandas as pd

    from synthgen.sets import aside_of

    several = [_see(subject, whole, question, judge, on_progress) for judge in question.judges]
    opened = np.ones(len(whole), dtype=bool)
    for seen in several:
        opened &= np.array(seen.opened(len(whole)), dtype=bool)
    left_out = {**_left_out(subject, whole, several), **aside_of(subject.images)}

    rows = np.flatnonzero(opened)
    frame = whole[opened].reset_index(drop=True)
    vectors = [seen.vectors(frame, rows) for seen in several]
    answers = [
        seen.answers(question.attributes_of(judge), rows, each)
        for judge, seen, each in zip(question.judges, several, vectors, strict=True)
    ]
    pairs = zip(question.judges, several, strict=True)
    confirmed = {judge: seen.confirms(rows) for judge, seen in pairs if isinstance(seen, AskedSeen)}
    return Observations(
        frame=pd.concat([frame, *answers[:1]], axis=1),
        rows=rows,
        vectors=next((each for each in vectors if each is not None), None),
        others=tuple(pd.concat([frame[["id"]], each], axis=1) for each in answers[1:]),
        left_out=left_out,
        changes=several[0].changes(rows) if several else (),
        confirmed={judge: found for judge, found in confirmed.items() if found is not None},
    )


def _left_out(subject: AuditedSet, whole: pd.DataFrame, several: Sequence[_Seen | AskedSeen]) -> dict[str, LeftOut]:
    """Return, by id, why images are left out.

    Raises:
        UsageError: no image is left, and the cause is the set rather than its images.
    """
    found = {
        name: key
        for seen in several
        for name, key in zip(whole["id"], seen.keys or (), strict=False)
        if not isinstance(key, bytes)
    }
    check_usable(subject.images.source, found, len(whole))
    return found


def check_usable(source: str, left_out: Mapping[str, LeftOut], images: int) -> None:
    """Check that some image is left, or that the images and not the set are the cause.

    Raises:
        UsageError: all of the set's images are left out, some of them on purpose.
    """
    refused = [each for each in left_out.values() if each.hint]
    if refused and len(left_out) == images:
        what = f"{source}: none of its images can be used: {len(refused):,} {refused[0].reason}"
        raise UsageError(what, hint=refused[0].hint)


def _see(
    subject: AuditedSet, whole: pd.DataFrame, question: AuditQuestion, judge: JudgeId, on_progress: OnProgress
) -> _Seen | AskedSeen:
    run = subject.run
    if run is not None and judge == judge_of(run) and was_asked(run, question.attributes):
        return _Seen(subject, None, None)
    if not subject.images.has_images:
        hint = "Name columns that have the attributes with `known`, or give a set with images."
        raise UsageError(f"{subject.images.source} has no images to look at", hint=hint)
    if judge.is_asked:
        labels = list(whole["label"].astype(str))
        asked, attributes = question.cached.asked(judge), question.attributes_of(judge)
        return asked.look(subject.images, labels, attributes, question.definitions, on_progress)
    cached = question.cached.of(judge)
    return _Seen(subject, cached, cached.embed(subject.images, len(whole), on_progress))


def judge_of(run: RecordedRun) -> JudgeId:
    """Return the judge that filtered the run."""
    return JudgeId(run.planned.spec.judge.id, run.planned.revisions.judge, run=str(run.folder))
