"""Embeddings as they are measured: checked once, of length 1."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthgen.auditing.embeddings.findings import NearDuplicate
from synthgen.errors import UsageError
from synthgen.stats.search import Codes, Vectors

THRESHOLD = 0.98
"""The least cosine of near-duplicates, unless something else is asked for. Of CLIP's embeddings of photographs, resized
or recompressed copies lie above it and other pictures of the same thing below."""
MOST_COMPARED = 100_000
"""Images, up to which every pair is compared."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """
    Attributes:
        names: of the classes, sorted.
        codes: an index into `names` for each row, [n].
        vectors: [n, d], of length 1.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    codes: Codes
    vectors: Vectors

    def __len__(self) -> int:
        return len(self.ids)

    def class_of(self, place: int) -> str:
        return self.names[int(self.codes[place])]

    def members(self) -> list[Codes]:
        """The places of each class."""
        return [np.flatnonzero(self.codes == code) for code in range(len(self.names))]

    def drawn(self, count: int, rng: np.random.Generator) -> "Rows":
        """So many rows, drawn at random, in their order; all, if there are no more."""
        if len(self) <= count:
            return self
        places = np.sort(rng.choice(len(self), count, replace=False))
        ids = tuple(self.ids[place] for place in places)
        return Rows(ids, self.names, self.codes[places], self.vectors[places])


def read_rows(ids: Sequence[str], classes: Sequence[str], vectors: np.ndarray, where: str) -> Rows:
    """
    Raises:
        UsageError: the three do not belong together, a vector is 0 or not finite, an id comes twice, or a class is no
            text, as a label that is missing.
    """
    if vectors.ndim != 2 or not len(ids) == len(classes) == len(vectors):
        found = f"{len(ids)} ids, {len(classes)} classes and embeddings of shape {vectors.shape}"
        raise UsageError(f"{where}: expected an id, a class and an embedding for each image, found {found}")
    if len(set(ids)) < len(ids):
        raise UsageError(f"{where}: an image's id comes twice", hint="Give every image an id of its own.")
    kinds: list[type] = [type(name) for name in classes]  # a label that is missing is a number, whatever was promised
    nameless = next((place for place, kind in enumerate(kinds) if not issubclass(kind, str)), None)
    if nameless is not None:
        raise UsageError(
            f"{where}: the class of {ids[nameless]} is {classes[nameless]}, expected text", hint="Label the image."
        )
    unit = np.array(vectors, dtype=np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", unit, unit))
    bad = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0))
    if len(bad):
        raise UsageError(
            f"{where}: the embedding of {ids[bad[0]]} is 0 or not finite", hint="Make the embeddings anew."
        )
    unit /= lengths[:, None]
    names = tuple(sorted(set(classes)))
    places = {name: code for code, name in enumerate(names)}  # numpy would keep each name as wide as the widest
    return Rows(tuple(ids), names, np.array([places[name] for name in classes], dtype=np.int64), unit)


def check_threshold(threshold: float) -> None:
    """
    Raises:
        UsageError: it is no cosine above 0. NaN would find nothing, and say that nothing is there.
    """
    if not 0 < threshold <= 1:
        raise UsageError(f"expected a cosine from 0 to 1 as the threshold of near-duplicates, found {threshold}")


def pairs_of(rows: Rows, others: Rows, first: Codes, second: Codes, cosines: Vectors) -> tuple[NearDuplicate, ...]:
    """Places of rows and of others, with their cosines, as ids."""
    return tuple(
        NearDuplicate(rows.ids[one], others.ids[other], rows.class_of(one), others.class_of(other), float(cosine))
        for one, other, cosine in zip(first, second, cosines, strict=True)
    )
