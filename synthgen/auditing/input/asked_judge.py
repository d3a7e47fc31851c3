"""A judge that is asked each question about each image only once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.auditing.input.judges import AskedJudges, AskedModel, JudgeId
from synthgen.events import OnProgress, StepProgress
from synthgen.images import Change, LeftOut, RgbPicture, decode
from synthgen.spec import Attribute

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from synthgen.auditing.input.cache import EmbeddingCache
    from synthgen.sets import ImageSet
    from synthgen.stats.search import Vectors

_WORDING = 1
"""Incremented when a question is asked in other words, or scored in another way: older scores are not used."""


class AskedJudge:
    """A judge that is asked, with a cache of its scores by image and question."""

    def __init__(self, judge: JudgeId, judges: AskedJudges, cache: Path | None) -> None:
        self.judge, self._judges, self._folder = judge, judges, cache
        self._caches: dict[str, EmbeddingCache] = {}

    @cached_property
    def _model(self) -> AskedModel:
        """The judge's model, opened on first use."""
        return self._judges.open_asked(self.judge)

    def look(
        self,
        images: ImageSet,
        labels: Sequence[str],
        attributes: Mapping[str, Attribute],
        definitions: Mapping[str, str],
        on_progress: OnProgress,
    ) -> AskedSeen:
        """Ask what is new about every image of a set.

        Args:
            labels: the class of each image.
            definitions: of classes that have one.

        Raises:
            UsageError: the first attribute that this judge cannot answer, if it can answer none.
            ModelError, DeviceError, StorageError: a model, a device or a disk fails.
        """
        judge, judges = self.judge, self._judges
        asked = {name: judges.questions(judge, name, attribute) for name, attribute in attributes.items()}
        everywhere = tuple(dict.fromkeys(question for several in asked.values() for question in several))
        of_class = {name: judges.class_question(judge, name, definitions.get(name)) for name in dict.fromkeys(labels)}

        keys: list[bytes | LeftOut] = []
        for batch in images.images():
            of_row = [of_class[label] for label in labels[len(keys) : len(keys) + len(batch)]]
            keys += self._batch(batch, [(*everywhere, *filter(None, (own,))) for own in of_row])
            on_progress(StepProgress(f"asking about {images.name}", "images", len(keys), len(labels)))
        for cache in self._caches.values():
            cache.flush()
        return AskedSeen(self, keys, asked, [of_class[label] for label in labels])

    def _batch(self, batch: Sequence[bytes | LeftOut], questions: Sequence[Sequence[str]]) -> list[bytes | LeftOut]:
        """Ask each question of the images of a batch that it was not asked of before; return their keys."""
        from synthgen.auditing.input.cache import image_key

        keys: list[bytes | LeftOut] = []
        fresh: dict[bytes, RgbPicture] = {}
        lacking: dict[str, dict[bytes, None]] = {}
        for data, several in zip(batch, questions, strict=True):
            found: bytes | LeftOut = data if isinstance(data, LeftOut) else image_key(data)
            if isinstance(data, bytes) and isinstance(found, bytes):
                new = [question for question in several if found not in self._cache(question)]
                if (new or not several) and found not in fresh:
                    picture = decode(data)
                    if isinstance(picture, LeftOut):
                        keys.append(picture)
                        continue
                    fresh[found] = picture
                for question in new:
                    lacking.setdefault(question, {})[found] = None
            keys.append(found)

        for question, of in lacking.items():
            vectors = self._model.ask([fresh[key].image for key in of], question)
            self._cache(question).add(list(of), vectors, 1.0, [fresh[key].changes for key in of])
        return keys

    def _cache(self, question: str) -> EmbeddingCache:
        from synthgen.auditing.input.cache import EmbeddingCache

        if question not in self._caches:
            revision = f"{self.judge.revision} {_WORDING} {question}"
            self._caches[question] = EmbeddingCache(self._folder, self.judge.name, revision)
        return self._caches[question]

    def scores(self, question: str, keys: Sequence[bytes]) -> Vectors:
        return self._cache(question).get(keys)

    def changes(self, question: str, keys: Sequence[bytes]) -> list[Change]:
        return [self._cache(question).changes(key) for key in keys]

    def answers(self, name: str, attribute: Attribute, questions: Sequence[str], keys: Sequence[bytes]) -> list[str]:
        """Return the answer on each image: a value, 'not applicable' or 'unknown'."""
        if not keys:
            return []
        scores = {question: self.scores(question, keys) for question in questions}
        return self._judges.asked_answers(self.judge, name, attribute, scores)

    def class_answers(self, question: str, keys: Sequence[bytes]) -> list[bool | None]:
        return self._judges.class_answers(self.judge, self.scores(question, keys))


@dataclass(frozen=True, slots=True, eq=False)
class AskedSeen:
    """What a judge that is asked saw of a set.

    Attributes:
        keys: of the images, or why one cannot be used.
        questions: by attribute.
        of_class: the question after its class for each image; None if it was not asked.
    """

    judge: AskedJudge
    keys: Sequence[bytes | LeftOut]
    questions: Mapping[str, tuple[str, ...]]
    of_class: Sequence[str | None]

    def opened(self, images: int) -> list[bool]:
        return [isinstance(key, bytes) for key in self.keys]

    def vectors(self, frame: pd.DataFrame, rows: NDArray[np.intp]) -> NDArray[np.float32] | None:
        return None

    def changes(self, rows: NDArray[np.intp]) -> tuple[Change, ...]:
        question = next((each for several in self.questions.values() for each in several), None)
        found = self.judge.changes(question, self._keys(rows)) if question else []
        return tuple(change for change in found if change)

    def answers(
        self, attributes: Mapping[str, Attribute], rows: NDArray[np.intp], vectors: NDArray[np.float32] | None
    ) -> pd.DataFrame:
        import pandas as pd

        keys = self._keys(rows)
        answered = {
            name: self.judge.answers(name, attribute, self.questions[name], keys)
            for name, attribute in attributes.items()
        }
        return pd.DataFrame(answered, index=range(len(rows)), dtype="object")

    def confirms(self, rows: NDArray[np.intp]) -> list[bool | None] | None:
        """Tell for each image whether it shows its class; None for all if that was not asked."""
        keys, asked = self._keys(rows), [self.of_class[row] for row in rows]
        if not any(asked):
            return None
        found: list[bool | None] = [None] * len(keys)
        for question in filter(None, dict.fromkeys(asked)):
            places = [place for place, each in enumerate(asked) if each == question]
            answers = self.judge.class_answers(question, [keys[place] for place in places])
            for place, answer in zip(places, answers, strict=True):
                found[place] = answer
        return found

    def _keys(self, rows: NDArray[np.intp]) -> list[bytes]:
        return [key for row in rows if isinstance(key := self.keys[row], bytes)]
