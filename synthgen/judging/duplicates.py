"""Near-duplicates within a shard, by perceptual hash and, if asked for, by embedding."""

import numpy as np
from numpy.typing import NDArray

from synthgen.spec import DuplicateFilter


class SeenImages:
    """The pictures of a shard that passed so far, by class."""

    def __init__(self, rule: DuplicateFilter) -> None:
        self._rule = rule
        self._ids: dict[str, list[str]] = {}
        self._hashes: dict[str, list[NDArray[np.uint8]]] = {}
        self._embeddings: dict[str, list[NDArray[np.float32]]] = {}

    def repeats(
        self, image_id: str, phash: NDArray[np.uint8], embedding: NDArray[np.float32], class_name: str
    ) -> str | None:
        """Say which image of its group this one repeats, and by what; None if it is new. A new one is remembered.

        An embedding with NaN is similar to no other: only the hash decides.
        """
        group = class_name if self._rule.within == "class" else ""
        ids = self._ids.setdefault(group, [])
        hashes, embeddings = self._hashes.setdefault(group, []), self._embeddings.setdefault(group, [])
        if hashes:
            bits = np.bitwise_count(np.stack(hashes) ^ phash).sum(axis=1)
            nearest = int(bits.argmin())
            if bits[nearest] <= self._rule.max_bits:
                return f"repeats {ids[nearest]}: {bits[nearest]} of {phash.size * 8} bits differ"
        least = self._rule.min_cosine
        if embeddings and least is not None:
            cosines = np.nan_to_num(np.stack(embeddings) @ embedding, nan=-np.inf)  # argmax would return the first NaN
            nearest = int(cosines.argmax())
            if cosines[nearest] >= least:
                return f"repeats {ids[nearest]}: cosine {cosines[nearest]:.3f}"
        ids.append(image_id)
        hashes.append(phash)
        embeddings.append(embedding)
        return None
