"""What looks at the pictures of a set that a dataset is compared with: hashes and the judge's embeddings, kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from synthgen.api.judges import ClipJudges
from synthgen.auditing.input.cache import EmbeddingCache
from synthgen.auditing.input.judges import JudgeId, JudgeModel
from synthgen.events import OnProgress, StepProgress
from synthgen.images import LeftOut, RgbPicture, decode
from synthgen.planning import Plan
from synthgen.stats.near_hashes import perceptual_hash

if TYPE_CHECKING:
    from PIL.Image import Image

    from synthgen.sets import ImageSet
    from synthgen.stats.search import Vectors

_HASH = ("perceptual-hash", "imagehash-16x16")
"""The name and the revision by which the cache knows hashes."""


def set_looker(planned: Plan) -> SetLooker:
    """Return what looks at the sets that a plan's dataset is compared with. Its judge is opened on first use."""
    against, judges = planned.spec.output.against, ClipJudges("auto", trust=True)
    if against is None or against.min_cosine is None:
        return SetLooker(EmbeddingCache(judges.cache, *_HASH))
    return looker_of(judges, JudgeId(planned.spec.judge.id, planned.revisions.judge), judges.cache)


def looker_of(judges: ClipJudges, judge: JudgeId, cache: Path | None) -> SetLooker:
    """Return what hashes pictures and embeds them by a judge, which is opened on first use."""
    looks = EmbeddingCache(cache, judge.name, judge.revision)
    return SetLooker(EmbeddingCache(cache, *_HASH), looks, lambda: judges.open(judge))


def hasher_of(cache: Path | None) -> SetLooker:
    """Return what hashes pictures, and does not embed them."""
    return SetLooker(EmbeddingCache(cache, *_HASH))


class SetLooker:
    """Hashes and embeds pictures, each once: both are kept by the sha256 of the picture's file.

    Args:
        hashes: where hashes are kept, each of its bits as a number.
        looks: where embeddings are; None if none are asked for.
        judge: opens what embeds.
    """

    def __init__(
        self,
        hashes: EmbeddingCache,
        looks: EmbeddingCache | None = None,
        judge: Callable[[], JudgeModel] | None = None,
    ) -> None:
        self._hashes, self._looks, self._judge = hashes, looks, judge
        self._model: JudgeModel | None = None

    def look(self, images: ImageSet, total: int, on_progress: OnProgress) -> list[bytes | LeftOut]:
        """Return the key of each image, or why it cannot be opened."""
        found: list[bytes | LeftOut] = []
        with ThreadPoolExecutor() as threads:  # decoders let other threads work
            for batch in images.images():
                keyed = [data if isinstance(data, LeftOut) else sha256(data).digest() for data in batch]
                new = dict[bytes, bytes]()
                for key, data in zip(keyed, batch, strict=True):
                    if isinstance(key, bytes) and isinstance(data, bytes) and self._lacks(key):
                        new[key] = data
                bad = self._add(dict(zip(new, threads.map(_hashed, new.values()), strict=True)))
                found += [bad.get(key, key) if isinstance(key, bytes) else key for key in keyed]
                on_progress(StepProgress(f"looking at {images.name}", "images", len(found), total))
        self.flush()
        return found

    def found(self, keys: Sequence[bytes]) -> tuple[list[bytes], Vectors | None]:
        """Return the hashes and the embeddings of images by their keys."""
        bits = self._hashes.get(keys)
        hashes = [row.tobytes() for row in np.packbits(bits > 0.5, axis=1)] if len(keys) else []
        return hashes, None if self._looks is None else self._looks.get(keys)

    def lacks_look(self, key: bytes) -> bool:
        """Whether no embedding of that key is kept."""
        return self._looks is not None and key not in self._looks

    def add_looks(self, pictures: Mapping[bytes, Image]) -> None:
        """Embed pictures, and keep their embeddings by these keys."""
        if pictures and self._looks is not None and self._judge is not None:
            self._model = self._model or self._judge()
            self._looks.add([*pictures], self._model.embed_pictures([*pictures.values()]), self._model.logit_scale)

    def looks(self, keys: Sequence[bytes]) -> Vectors:
        """Return the embeddings of keys."""
        assert self._looks is not None, "a judge embeds"
        return self._looks.get(keys)

    def flush(self) -> None:
        """Write down what is kept so far."""
        for cache in filter(None, (self._hashes, self._looks)):
            cache.flush()

    def _lacks(self, key: bytes) -> bool:
        return key not in self._hashes or (self._looks is not None and key not in self._looks)

    def _add(self, pictures: Mapping[bytes, tuple[RgbPicture, Vectors] | LeftOut]) -> dict[bytes, LeftOut]:
        """Keep what pictures show; return those that cannot be opened."""
        good = {key: each for key, each in pictures.items() if not isinstance(each, LeftOut)}
        if good:
            changes = [picture.changes for picture, _ in good.values()]
            self._hashes.add([*good], np.stack([bits for _, bits in good.values()]), 1.0, changes)
            if self._looks is not None and self._judge is not None:
                self._model = self._model or self._judge()
                vectors = self._model.embed_pictures([picture.image for picture, _ in good.values()])
                self._looks.add([*good], vectors, self._model.logit_scale, changes)
        return {key: each for key, each in pictures.items() if isinstance(each, LeftOut)}


def _hashed(data: bytes) -> tuple[RgbPicture, Vectors] | LeftOut:
    """Decode a picture, and hash it: each bit as a number."""
    picture = decode(data)
    if isinstance(picture, LeftOut):
        return picture
    return picture, np.unpackbits(perceptual_hash(np.asarray(picture.image))).astype(np.float32)
