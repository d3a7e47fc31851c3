"""A judge that embeds each image and each text only once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.auditing.input.asked_judge import AskedJudge
from synthgen.auditing.input.judges import JudgeId, JudgeModel, Judges
from synthgen.errors import StorageError
from synthgen.events import OnProgress, StepProgress
from synthgen.images import LeftOut, RgbPicture, decode
from synthgen.spec import Attribute

if TYPE_CHECKING:
    from synthgen.images import Change
    from synthgen.sets import ImageSet
    from synthgen.stats.search import Vectors


_MAPPED_AT_ONCE = 64


class CachedJudge:
    """A judge with a cache of what it has embedded."""

    def __init__(self, judge: JudgeId, judges: Judges, cache: Path | None) -> None:
        from synthgen.auditing.input.cache import EmbeddingCache

        self._judge, self._judges = judge, judges
        self._cache = EmbeddingCache(cache, judge.name, judge.revision)

    @cached_property
    def _model(self) -> JudgeModel:
        """The judge's model, opened on first use."""
        return self._judges.open(self._judge)

    def embed(self, images: ImageSet, total: int, on_progress: OnProgress) -> list[bytes | LeftOut]:
        """Embed every new image of a set of `total` images.

        Returns:
            The key of each image in the cache, or why the image cannot be opened.

        Raises:
            ModelError, DeviceError, StorageError: a model, a device or a disk fails.
        """
        keys: list[bytes | LeftOut] = []
        for batch in images.images():
            fresh: dict[bytes, RgbPicture] = {}
            keys += [self._key(data, fresh) for data in batch]
            if fresh:
                vectors = self._model.embed_pictures([picture.image for picture in fresh.values()])
                changes = [picture.changes for picture in fresh.values()]
                self._cache.add(list(fresh), vectors, self._model.logit_scale, changes)
            on_progress(StepProgress(f"embedding {images.name}", "images", len(keys), total))
        self._cache.flush()
        return keys

    def _key(self, data: bytes | LeftOut, fresh: dict[bytes, RgbPicture]) -> bytes | LeftOut:
        """Return the key of an image. A new image is decoded into `fresh`."""
        from synthgen.auditing.input.cache import image_key

        if isinstance(data, LeftOut):
            return data
        key = image_key(data)
        if key not in self._cache and key not in fresh:
            picture = decode(data)
            if isinstance(picture, LeftOut):
                return picture
            fresh[key] = picture
        return key

    def maps(self, images: ImageSet, rows: Sequence[int], on_progress: OnProgress) -> Iterator[Vectors | None]:
        """Yield what the judge sees in each place of the images of `rows`, in batches, as `JudgeModel.map_pictures`.

        Args:
            rows: sorted; these images were opened before.

        Raises:
            ModelError, DeviceError, StorageError: a model, a device or a disk fails, or an image is gone.
        """
        for start in range(0, len(rows), _MAPPED_AT_ONCE):
            part = rows[start : start + _MAPPED_AT_ONCE]
            pictures = [decode(data) if isinstance(data, bytes) else data for data in images.some(part)]
            opened = [picture.image for picture in pictures if not isinstance(picture, LeftOut)]
            if len(opened) < len(part):
                raise StorageError(f"{images.source}: an image that could be opened before cannot be opened now")
            yield self._model.map_pictures(opened)
            on_progress(StepProgress(f"looking at parts of {images.name}", "images", start + len(part), len(rows)))

    def vectors(self, keys: Sequence[bytes]) -> Vectors:
        """Return the embeddings of images by their keys, of unit length [n, width]."""
        return self._cache.get(keys)

    def changes(self, keys: Sequence[bytes]) -> tuple[Change, ...]:
        """Return what the conversion to RGB changed in these images, where it changed anything."""
        return tuple(change for key in keys if (change := self._cache.changes(key)))

    def answers(self, attribute: Attribute, vectors: Vectors) -> list[str]:
        """Return the judge's answer on each image: a value, 'not applicable' or 'unknown'."""
        if not len(vectors):
            return []
        scale = self._cache.logit_scale
        assert scale is not None, "embeddings come with their scale"
        return self._judges.answers(attribute, vectors, scale, self.embed_texts)

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Return the unit embeddings of texts, float32 [n, width]."""
        from synthgen.auditing.input.cache import text_key

        missing = [text for text in dict.fromkeys(texts) if text_key(text) not in self._cache]
        if missing:
            vectors = self._model.embed_texts(missing)
            self._cache.add([text_key(text) for text in missing], vectors, self._model.logit_scale)
            self._cache.flush()
        return self._cache.get([text_key(text) for text in texts])


@dataclass(frozen=True, slots=True)
class CachedJudges:
    """One `CachedJudge` for each judge, shared by all sets of an audit, so that a model is loaded only once.

    Attributes:
        cache: the folder of embeddings; None if they are not kept.
    """

    judges: Judges
    cache: Path | None
    _made: dict[JudgeId, CachedJudge] = field(default_factory=dict, repr=False)
    _asked: dict[JudgeId, AskedJudge] = field(default_factory=dict, repr=False)

    def of(self, judge: JudgeId) -> CachedJudge:
        """Return the cached form of a judge.

        Raises:
            UsageError, StorageError: the cache is not a folder, or cannot be read.
        """
        if judge not in self._made:
            self._made[judge] = CachedJudge(judge, self.judges, self.cache)
        return self._made[judge]

    def asked(self, judge: JudgeId) -> AskedJudge:
        """Return the cached form of a judge that is asked questions."""
        if judge not in self._asked:
            self._asked[judge] = AskedJudge(judge, self.judges, self.cache)
        return self._asked[judge]
