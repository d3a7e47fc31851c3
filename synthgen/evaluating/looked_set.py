"""A set that was looked at: classes, hashes and embeddings of its images. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from synthgen.dataset.groups import Bond, bond_of, joined, near_by_cosine, near_by_hash
from synthgen.spec.splits import NEAR_BITS, NEAR_COSINE

if TYPE_CHECKING:
    from synthgen.stats.search import Codes, Vectors

UNFILTERED = "unfiltered"
"""The title of the attempts of the run that made the synthetic set."""
_TENTH = 0.1
_MOST, _AT_ONCE = 2000, 200
"""Images whose nearest ones are looked for, in all and at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class LookedSet:
    """The images of a set that could be opened and have a class.

    Attributes:
        title: what the set is, such as "the real set".
        source: what it is and where it is, in words.
        labels: the class of each image.
        keys: the sha256 of each file.
        vectors: embeddings of length 1, [n, d].
        shared: by name, what images may have in common, such as the picture that they were made from.
        left_out: how many images are left out, by reason.
        places: the row of each image in the set that was opened.
        attributes: the value of each image by the name of the attribute; None where it has none.
        copies: embeddings of augmented copies of each image, [n, copies, d]; None if none were made.
    """

    title: str
    source: str
    ids: tuple[str, ...]
    labels: tuple[str, ...]
    keys: tuple[bytes, ...]
    hashes: tuple[bytes, ...]
    vectors: Vectors
    shared: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    places: tuple[int, ...] = ()
    copies: Vectors | None = None
    attributes: Mapping[str, Sequence[str | None]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def argument(self) -> str:
        """The argument of `synthgen.evaluate` that gave it."""
        return "synthetic" if self.title == UNFILTERED else self.title.replace(" ", "_")

    def take(self, rows: Codes) -> LookedSet:
        """Return the set of these rows."""
        places = rows.tolist()
        return replace(
            self,
            ids=tuple(self.ids[row] for row in places),
            labels=tuple(self.labels[row] for row in places),
            keys=tuple(self.keys[row] for row in places),
            hashes=tuple(self.hashes[row] for row in places),
            vectors=self.vectors[rows],
            places=tuple(self.places[row] for row in places) if self.places else (),
            copies=None if self.copies is None else self.copies[rows],
            attributes={name: [values[row] for row in places] for name, values in self.attributes.items()},
            shared={name: [keys[row] for row in places] for name, keys in self.shared.items()},
        )

    def groups(self, least: float) -> Codes:
        """Number the images so that those which belong together have the same number.

        Equal files, near-duplicates by hash or by a cosine of at least `least`, and what is `shared` join them.
        """
        return joined([*self._copies(), near_by_cosine("embedding", self.vectors, least), *self._bonds()], len(self))

    def distinct(self) -> Codes:
        """Return the place of one image of each group that hashes and `shared` alone join."""
        _, first = np.unique(joined([*self._copies(), *self._bonds()], len(self)), return_index=True)
        return np.asarray(first, dtype=np.int64)

    def _copies(self) -> list[Bond]:
        files: Sequence[Hashable] = self.keys
        return [bond_of("file", files), near_by_hash("hash", self.hashes, NEAR_BITS)]

    def _bonds(self) -> list[Bond]:
        return [bond_of(name, keys) for name, keys in self.shared.items()]


def near_cosine(sets: Sequence[LookedSet], seed: int) -> float:
    """Return from which cosine on two images count as copies.

    It is that of splits, or more where the judge finds the images of one of these real sets more alike: a copy must be
    ten times nearer than half of its images are to the nearest other one. The more images a set has of what there is to
    see, the nearer they are to each other, and to any other image of it.
    """
    return max(NEAR_COSINE, *(1 - _TENTH * _usual_distance(each, seed) for each in sets))


def _usual_distance(images: LookedSet, seed: int) -> float:
    """Return the median distance, one less the cosine, of images to the nearest other one; 1 of a single image."""
    vectors = images.vectors[images.distinct()]
    if len(vectors) < 2:
        return 1.0
    rows = np.arange(len(vectors))
    if len(rows) > _MOST:
        rows = np.sort(np.random.default_rng([seed, *b"near"]).choice(rows, _MOST, replace=False))
    found = []
    for some in np.array_split(rows, -(-len(rows) // _AT_ONCE)):
        cosines = vectors[some] @ vectors.T
        cosines[np.arange(len(some)), some] = -1
        found.append(1 - cosines.max(1).astype(np.float64))
    return max(0.0, float(np.median(np.concatenate(found))))
