"""Near-duplicates within a shard, by perceptual hash."""

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

HASH_SIDE = 16
MOST_BITS = 8
"""Hashes of 256 bits that differ in at most this many are of the same picture."""


class Seen:
    """The pictures that a shard has kept so far."""

    def __init__(self) -> None:
        self._hashes: dict[str, list[NDArray[np.bool_]]] = {}

    def is_new(self, image: NDArray[np.uint8], group: str) -> bool:
        """Whether `image` [height, width, 3] repeats none of its group. A new one is remembered."""
        bits = imagehash.phash(Image.fromarray(image), hash_size=HASH_SIDE).hash
        kept = self._hashes.setdefault(group, [])
        if kept and int((np.stack(kept) != bits).sum(axis=(1, 2)).min()) <= MOST_BITS:
            return False
        kept.append(bits)
        return True
