"""Embeddings ready to be measured: checked once and scaled to length 1."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthgen.auditing.embeddings.findings import NearDuplicate
from synthgen.errors import UsageError
from synthgen.stats.search import ROUNDING, Codes, Vectors

THRESHOLD = 0.98
"""The default least cosine of near-duplicates. With CLIP's embeddings of photographs, resized or recompressed copies
are above it, and other pictures of the same thing below."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The embeddings of a set, with the id and the class of each image.

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
        """Return the positions of the rows of each class."""
        return [np.flatnonzero(self.codes == code) for code in range(len(self.names))]


def read_rows(ids: Sequence[str], classes: Sequence[str], vectors: np.ndarray, where: str) -> Rows:
    """Check embeddings and scale them to length 1.

    Raises:
        UsageError: ids, classes and vectors do not match, a vector is 0 or not finite, an id is duplicated, or a class
            is not a text, such as a missing label.
    """
    if vectors.ndim != 2 or not len(ids) == len(classes) == len(vectors):
        found = f"{len(ids)} ids, {len(classes)} classes and embeddings of shape {vectors.shape}"
        raise UsageError(f"{where}: expected an id, a class and an embedding for each image, found {found}")
    if len(set(ids)) < len(ids):
        raise UsageError(f"{where}: an image's id is duplicated", hint="Give every image an id of its own.")
    kinds: list[type] = [type(name) for name in classes]  # a missing label is a float, whatever its type says
    nameless = next((place for place, kind in enumerate(kinds) if not issubclass(kind, str)), None)
    if nameless is not None:
        raise UsageError(
            f"{where}: the class of {ids[nameless]} is {classes[nameless]}, expected text", hint="Label the image."
        )

    unit = np.asarray(vectors, dtype=np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", unit, unit))
    bad = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0))
    if len(bad):
        raise UsageError(
            f"{where}: the embedding of {ids[bad[0]]} is 0 or not finite", hint="Compute the embeddings again."
        )

    if (np.abs(lengths - 1) > ROUNDING).any():  # otherwise no copy: a million of them are two gigabytes
        unit = unit / lengths[:, None]
    names = tuple(sorted(set(classes)))
    places = {name: code for code, name in enumerate(names)}  # numpy would store each name as wide as the widest
    return Rows(tuple(ids), names, np.array([places[name] for name in classes], dtype=np.int64), unit)


def check_threshold(threshold: float) -> None:
    """Check the threshold of near-duplicates.

    Raises:
        UsageError: it is not a cosine above 0. With NaN, nothing would be found, which would look like a result.
    """
    if not 0 < threshold <= 1:
        raise UsageError(f"expected a cosine from 0 to 1 as the threshold of near-duplicates, found {threshold}")


def pairs_of(rows: Rows, others: Rows, first: Codes, second: Codes, cosines: Vectors) -> tuple[NearDuplicate, ...]:
    """Turn pairs of positions, with their cosines, into pairs of ids."""
    return tuple(
        NearDuplicate(rows.ids[one], others.ids[other], rows.class_of(one), others.class_of(other), float(cosine))
        for one, other, cosine in zip(first, second, cosines, strict=True)
    )
