"""Whether generated images are nearer to a training image than training images are to each other. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from synthgen.dataset.groups import joined, near_by_hash
from synthgen.spec.splits import NEAR_BITS, NEAR_COSINE
from synthgen.stats.cosines import CELLS, pieces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from synthgen.stats.search import Codes, Vectors

_PAIRS = 12


@dataclass(frozen=True, slots=True, eq=False)
class PictureLooks:
    """What images look like to a judge and to a hash.

    Attributes:
        vectors: embeddings of length 1, [n, d].
        hashes: perceptual ones, of 32 bytes.
    """

    vectors: Vectors
    hashes: Sequence[bytes]

    def take(self, rows: Sequence[int]) -> PictureLooks:
        """Return those of these images."""
        return PictureLooks(self.vectors[list(rows)], [self.hashes[row] for row in rows])


@dataclass(frozen=True, slots=True)
class MemorisedPair:
    """A generated image and the training image that it is nearest to, by their places.

    Attributes:
        bits: in how many of 256 bits their hashes differ.
        is_near: whether the two are nearer than different training images are.
    """

    image: int
    training: int
    cosine: float
    bits: int
    is_near: bool


@dataclass(frozen=True, slots=True)
class Memorisation:
    """How many generated images are nearer to a training image than any two training images are to each other.

    Attributes:
        images: how many were looked at.
        near: how many of them are nearer: by their embeddings, or as copies by their hashes.
        copies: how many are copies by their hashes.
        cosine: the largest between two different training images: those are different whose hashes are.
        untuned_near: how many are nearer of as many images that the model drew of the same prompts before it was tuned.
            It cannot have memorised them in this tuning: they are near since the training images are few or far apart.
        held_out, held_out_near: the same of the real images that were held out, for comparison.
        pairs: the nearest, the nearest first.
    """

    images: int
    near: int
    copies: int
    cosine: float
    untuned_near: int
    held_out: int
    held_out_near: int
    pairs: tuple[MemorisedPair, ...]

    @property
    def share(self) -> float:
        """The share of the images that are nearer."""
        return self.near / self.images

    def as_json(self) -> dict[str, object]:
        """Return it as JSON types."""
        return {**asdict(self), "share": self.share, "pairs": [asdict(pair) for pair in self.pairs]}


def memorisation_of(
    made: PictureLooks, untuned: PictureLooks, training: PictureLooks, held: PictureLooks
) -> Memorisation:
    """Compare generated images, at least one, with those of a training, at least one.

    Args:
        untuned: as many, which the model drew before.
    """
    groups = joined([near_by_hash("hash", training.hashes, NEAR_BITS)], len(training.hashes))
    least = _largest_between(training.vectors, groups)
    pairs, before, others = (_nearest(looks, training, least) for looks in (made, untuned, held))
    return Memorisation(
        images=len(pairs),
        near=sum(pair.is_near for pair in pairs),
        copies=sum(pair.bits <= NEAR_BITS for pair in pairs),
        cosine=least,
        untuned_near=sum(pair.is_near for pair in before),
        held_out=len(others),
        held_out_near=sum(pair.is_near for pair in others),
        pairs=tuple(sorted(pairs, key=lambda pair: (not pair.is_near, -pair.cosine))[:_PAIRS]),
    )


def _largest_between(vectors: Vectors, groups: Codes) -> float:
    """Return the largest cosine of two images of different groups; without such, what counts as near in a dataset."""
    if not (groups != groups[0]).any():
        return NEAR_COSINE
    largest = -1.0
    for begin, end in pieces(len(vectors), CELLS // len(vectors)):  # the whole table of 100,000 would be 40 GB
        cosines = vectors[begin:end] @ vectors.T
        cosines[groups[begin:end, None] == groups] = -1
        largest = max(largest, float(cosines.max()))
    return largest


def _nearest(looks: PictureLooks, training: PictureLooks, least: float) -> list[MemorisedPair]:
    if not len(looks.hashes):
        return []
    cosines = looks.vectors @ training.vectors.T
    mine, theirs = (
        np.unpackbits(np.frombuffer(b"".join(one.hashes), np.uint8).reshape(len(one.hashes), -1), axis=1)
        for one in (looks, training)
    )
    found = []
    for row, (near, bits) in enumerate(zip(cosines, mine, strict=True)):
        differ = (bits[None] != theirs).sum(1)
        by_hash = int(differ.argmin())
        nearest = by_hash if differ[by_hash] <= NEAR_BITS else int(near.argmax())
        is_near = bool(differ[nearest] <= NEAR_BITS or near[nearest] > least)
        found.append(MemorisedPair(row, nearest, float(near[nearest]), int(differ[nearest]), is_near))
    return found
