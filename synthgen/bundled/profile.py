"""What the bundled judge was checked on: embeddings of pictures of its own world, drawn and generated."""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthgen.bundled import WEIGHTS

PROFILE = WEIGHTS / "judge-profile.npz"


class Profile(NamedTuple):
    """Embeddings of the pictures that a judge was checked on.

    Attributes:
        vectors: of unit length, float32 [n, width].
        judge: the hash of the judge's weights.
        name: the pictures, in words.
    """

    vectors: NDArray[np.float32]
    judge: str
    name: str


@cache
def read_profile() -> Profile:
    """Read the profile that `synthgen.bundled.train.profile` wrote."""
    with np.load(PROFILE, allow_pickle=False) as file:
        vectors = file["vectors"].astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return Profile(vectors, str(file["judge"]), "the portraits of the bundled world")
