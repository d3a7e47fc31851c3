"""Looking at a set: the answer of every image to every attribute, from a judge, from records, or from a column."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.api import wiring
from synthgen.api.subject import AuditedSet, RecordedRun, recorded_answers, recorded_vectors, was_asked
from synthgen.api.trust import pinned_judge, require_trust
from synthgen.errors import UsageError
from synthgen.spec import Attribute

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from torch import Tensor

    from synthgen.images import Change, LeftOut, RgbPicture
    from synthgen.judging.towers import ClipEncoder
    from synthgen.sets import ImageSet

OnProgress = Callable[[str, str], None]
"""Called with the name of a set or an attribute and what was done with it, such as 'looked at 1,200 images'."""


@dataclass(frozen=True, slots=True)
class JudgeId:
    """A judge, and exactly which version of it.

    Attributes:
        name: as in a spec.
        revision: a commit, a hash of the weights, or a tag.
        run: the path of the run if only the run names this judge; None if the user does.
    """

    name: str
    revision: str
    run: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class AuditQuestion:
    """What is asked of every set of an audit.

    Attributes:
        attributes: those to judge.
        known: attributes that are in a column, and the name of the column.
        judges: the judges to ask, the most important first; none if nothing must be judged.
        cache: the folder of embeddings.
        trust: open judges that a run names and this machine does not know.
    """

    attributes: Mapping[str, Attribute]
    known: Mapping[str, str]
    judges: tuple[JudgeId, ...]
    cache: Path
    device: str
    trust: bool = False
    _eyes: dict[JudgeId, CachedJudge] = field(default_factory=dict, repr=False)

    def eyes(self, judge: JudgeId) -> CachedJudge:
        """Return the one `CachedJudge` of a judge, shared by all sets, so that a model is loaded only once."""
        if judge not in self._eyes:
            self._eyes[judge] = CachedJudge(judge, self.cache, self.device, self.trust)
        return self._eyes[judge]


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """What was observed in a set.

    Attributes:
        frame: id, label, prompt if the set has one, and every attribute; a row for each image that could be opened, or
            for every image if none was opened.
        rows: the positions of these rows in the set.
        vectors: embeddings by the first judge, of unit length; None if there are none.
        second: id and attributes, as the second judge answered; None without one.
        left_out: by id, why an image could not be opened.
        changes: what the conversion to RGB changed in the opened images, where it changed anything.
    """

    frame: pd.DataFrame
    rows: NDArray[np.intp]
    vectors: NDArray[np.float32] | None
    second: pd.DataFrame | None
    left_out: Mapping[str, LeftOut]
    changes: tuple[Change, ...] = ()


class CachedJudge:
    """A judge with a cache of what it has seen."""

    def __init__(self, judge: JudgeId, cache: Path, device: str, trust: bool) -> None:
        from synthgen.auditing.cache import EmbeddingCache

        self._judge, self._device, self._trust = judge, device, trust
        self._cache = EmbeddingCache(cache, judge.name, judge.revision)

    @cached_property
    def _towers(self) -> ClipEncoder:
        """The judge's model, loaded on first use.

        Raises:
            UsageError: only a run names the judge, this machine does not know it, and `trust` is false.
        """
        if self._judge.run is not None:
            pinned = pinned_judge(self._judge.name, self._judge.revision)
            require_trust([pinned], self._judge.run, trust=self._trust)
        return wiring.towers(self._judge.name, self._judge.revision, self._device)

    def look(self, images: ImageSet, on_progress: OnProgress) -> list[bytes | LeftOut]:
        """Embed every new image. Return the keys of all images, or why one cannot be opened.

        Raises:
            ModelError, DeviceError, StorageError: a model, a device or a disk fails.
        """
        keys: list[bytes | LeftOut] = []
        for batch in images.images():
            fresh: dict[bytes, RgbPicture] = {}
            keys += [self._key(data, fresh) for data in batch]
            if fresh:
                vectors = self._towers.embed_pictures([picture.image for picture in fresh.values()])
                changes = [picture.changes for picture in fresh.values()]
                self._cache.add(list(fresh), vectors, self._towers.logit_scale, changes)
            on_progress(images.name, f"looked at {len(keys):,} images")
        self._cache.flush()
        return keys

    def _key(self, data: bytes | LeftOut, fresh: dict[bytes, RgbPicture]) -> bytes | LeftOut:
        """Return the key of an image. A new image is decoded into `fresh`."""
        from synthgen.auditing.cache import image_key
        from synthgen.images import LeftOut, decode

        if isinstance(data, LeftOut):
            return data
        key = image_key(data)
        if key not in self._cache and key not in fresh:
            picture = decode(data)
            if isinstance(picture, LeftOut):
                return picture
            fresh[key] = picture
        return key

    def vectors(self, keys: Sequence[bytes]) -> NDArray[np.float32]:
        return self._cache.get(keys)

    def changes(self, keys: Sequence[bytes]) -> tuple[Change, ...]:
        return tuple(change for key in keys if (change := self._cache.changes(key)))

    def answers(self, attribute: Attribute, vectors: NDArray[np.float32]) -> list[str]:
        """Return the judge's answer on each image: a value, 'not applicable' or 'unknown'."""
        import torch

        from synthgen.judging.zero_shot import attribute_choice

        if not len(vectors):
            return []
        choice, scale = attribute_choice(attribute.groups, self), self._cache.logit_scale
        assert scale is not None, "there are embeddings, so there is a scale"
        return choice.answers(choice.posteriors(torch.from_numpy(vectors), scale), attribute.abstain_below)

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Return the unit embeddings of texts, float [n, width]."""
        import torch

        from synthgen.auditing.cache import text_key

        missing = [text for text in dict.fromkeys(texts) if text_key(text) not in self._cache]
        if missing:
            vectors = self._towers.embed_texts(missing)
            self._cache.add([text_key(text) for text in missing], vectors, self._towers.logit_scale)
            self._cache.flush()
        return torch.from_numpy(self._cache.get([text_key(text) for text in texts]))


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What a judge saw of a set: now, by key, or earlier, as the run's judge while it filtered.

    Attributes:
        keys: None if the answers are in the run's records.
    """

    subject: AuditedSet
    eyes: CachedJudge | None
    keys: Sequence[bytes | LeftOut] | None

    def opened(self, images: int) -> list[bool]:
        return [True] * images if self.keys is None else [isinstance(key, bytes) for key in self.keys]

    def vectors(self, frame: pd.DataFrame, rows: NDArray[np.intp]) -> NDArray[np.float32] | None:
        if self.eyes is None:
            return recorded_vectors(self.subject.run, list(frame["id"])) if self.subject.run else None
        return self.eyes.vectors(self._keys(rows))

    def changes(self, rows: NDArray[np.intp]) -> tuple[Change, ...]:
        return self.eyes.changes(self._keys(rows)) if self.eyes is not None else ()

    def _keys(self, rows: NDArray[np.intp]) -> list[bytes]:
        return [key for row in rows if isinstance(key := (self.keys or ())[row], bytes)]

    def answers(
        self, attributes: Mapping[str, Attribute], rows: NDArray[np.intp], vectors: NDArray[np.float32] | None
    ) -> pd.DataFrame:
        import pandas as pd

        if not attributes:
            return pd.DataFrame(index=range(len(rows)))
        if self.eyes is None:
            return recorded_answers(self.subject.images, list(attributes)).iloc[rows].reset_index(drop=True)
        assert vectors is not None, "eyes have vectors"
        answered = {name: self.eyes.answers(attribute, vectors) for name, attribute in attributes.items()}
        return pd.DataFrame(answered, index=range(len(rows)), dtype="object")


def look_at(
    subject: AuditedSet, whole: pd.DataFrame, question: AuditQuestion, on_progress: OnProgress = lambda name, done: None
) -> Observations:
    """Answer the question on every image of a set. `whole` is its table from `read_frame`.

    Raises:
        UsageError: the set has no images, or may not read any of the images that it names.
        ModelError, DeviceError, StorageError: a model, a device or a disk fails.
    """
    import numpy as np
    import pandas as pd

    several = [_see(subject, question, judge, on_progress) for judge in question.judges]
    opened = np.ones(len(whole), dtype=bool)
    for seen in several:
        opened &= np.array(seen.opened(len(whole)), dtype=bool)
    left_out = _left_out(subject, whole, several)

    rows = np.flatnonzero(opened)
    frame = whole[opened].reset_index(drop=True)
    vectors = [seen.vectors(frame, rows) for seen in several]
    answers = [seen.answers(question.attributes, rows, each) for seen, each in zip(several, vectors, strict=True)]
    return Observations(
        frame=pd.concat([frame, *answers[:1]], axis=1),
        rows=rows,
        vectors=vectors[0] if vectors else None,
        second=pd.concat([frame[["id"]], answers[1]], axis=1) if len(answers) > 1 else None,
        left_out=left_out,
        changes=several[0].changes(rows) if several else (),
    )


def _left_out(subject: AuditedSet, whole: pd.DataFrame, several: Sequence[_Seen]) -> dict[str, LeftOut]:
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
    refused = [each for each in found.values() if each.hint]
    if refused and len(found) == len(whole):
        what = f"{subject.images.source}: none of its images can be used: {len(refused):,} {refused[0].reason}"
        raise UsageError(what, hint=refused[0].hint)
    return found


def _see(subject: AuditedSet, question: AuditQuestion, judge: JudgeId, on_progress: OnProgress) -> _Seen:
    run = subject.run
    if run is not None and judge == judge_of(run) and was_asked(run, question.attributes):
        return _Seen(subject, None, None)
    if not subject.images.has_images:
        hint = "Name columns that have the attributes with --known, or give a set with images."
        raise UsageError(f"{subject.images.source} has no images to look at", hint=hint)
    eyes = question.eyes(judge)
    return _Seen(subject, eyes, eyes.look(subject.images, on_progress))


def judge_of(run: RecordedRun) -> JudgeId:
    """Return the judge that filtered the run."""
    return JudgeId(run.planned.spec.judge.id, run.planned.revisions.judge, run=str(run.folder))
