"""Images that are too near to those of another set, such as the one that a model will be tested with. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from synthgen.spec import AgainstSpec
from synthgen.stats.near_hashes import near_hashes
from synthgen.stats.search import Vectors
from synthgen.stats.twins import twins_between

EXACT_PAIRS = 20_000
"""The embeddings of so many images and as many others are all compared; of more, an index finds those that are near."""


@dataclass(frozen=True, slots=True, eq=False)
class OtherSet:
    """A set to compare with.

    Attributes:
        name: as the spec writes it.
        ids: of its images that could be opened.
        hashes: their perceptual hashes.
        vectors: their embeddings by the run's judge, of length 1 [n, d]; None if none are compared.
        digest: of all that is compared.
    """

    name: str
    ids: Sequence[str]
    hashes: Sequence[bytes]
    vectors: Vectors | None
    digest: str


@dataclass(frozen=True, slots=True)
class NearOther:
    """An image of the run, and the image of another set that it is nearest to.

    Attributes:
        other: the id of that image in its set.
        bits: in which the hashes of the two differ; None if these are not near.
        cosine: of their embeddings; None if these are not near.
    """

    id: str
    other: str
    bits: int | None = None
    cosine: float | None = None

    @property
    def how(self) -> str:
        """How near they are, in words."""
        bits = None if self.bits is None else f"{self.bits} of 256 bits differ"
        cosine = None if self.cosine is None else f"cosine {self.cosine:.3f}"
        return ", ".join(filter(None, (bits, cosine)))


@dataclass(frozen=True, slots=True)
class ComparedSet:
    """What comparing a dataset with another set found.

    Attributes:
        images: how many of its images were compared.
        near: the images of the run that are too near to one of them, each with the nearest, in the order of ids.
        removed: whether the dataset leaves them out.
    """

    name: str
    images: int
    near: tuple[NearOther, ...]
    removed: bool


def compare(
    ids: Sequence[str],
    hashes: Sequence[bytes | None],
    vectors: Vectors | None,
    sets: Sequence[OtherSet],
    rule: AgainstSpec,
    spared: Collection[str] = (),
) -> tuple[ComparedSet, ...]:
    """Find images that are too near to an image of one of the sets.

    Args:
        vectors: the embeddings, of length 1 [n, d]; rows with NaN are near to nothing. None if they are not compared.
        spared: ids of images that are near to nothing.
    """
    found = []
    for each in sets:
        by_hash = _by_hash(hashes, each.hashes, rule.max_bits) if rule.max_bits is not None else {}
        cosines = {}
        if rule.min_cosine is not None and vectors is not None and each.vectors is not None:
            cosines = _by_cosine(vectors, each.vectors, rule.min_cosine)
        near = [
            _nearest(ids[place], each.ids, by_hash.get(place), cosines.get(place))
            for place in sorted({*by_hash, *cosines}, key=lambda place: ids[place])
            if ids[place] not in spared
        ]
        found.append(ComparedSet(each.name, len(each.ids), tuple(near), rule.action == "remove"))
    return tuple(found)


def _nearest(
    image_id: str, others: Sequence[str], hashed: tuple[int, int] | None, cosine: tuple[float, int] | None
) -> NearOther:
    """Name the nearest image: by its hash, or else by its embedding."""
    place = hashed[1] if hashed is not None else cosine[1] if cosine is not None else 0
    return NearOther(
        image_id,
        others[place],
        hashed[0] if hashed is not None else None,
        round(cosine[0], 4) if cosine is not None and cosine[1] == place else None,
    )


def _by_hash(hashes: Sequence[bytes | None], others: Sequence[bytes], most: int) -> dict[int, tuple[int, int]]:
    """Return by place the bits to the nearest other hash, and its place, where it is near."""
    mine = [place for place, each in enumerate(hashes) if each is not None]
    both = [each for each in (*hashes, *others) if each is not None]
    if not mine or not others:
        return {}
    rows = np.frombuffer(b"".join(both), np.uint8).reshape(len(both), -1)
    unique, of = np.unique(rows, axis=0, return_inverse=True)
    of, theirs = of.reshape(-1), np.full(len(unique), -1, np.int64)
    theirs[of[len(mine) :][::-1]] = np.arange(len(others))[::-1]  # of equal ones, the first is assigned last
    nearest = {int(each): (0, int(theirs[each])) for each in np.unique(of[: len(mine)]) if theirs[each] >= 0}
    for one, other, bits in near_hashes(unique, most):
        for ends in ((one, other), (other, one)):
            to = theirs[ends[1]]
            for here, there, apart in zip(ends[0][to >= 0], to[to >= 0], bits[to >= 0], strict=True):
                nearest[int(here)] = min(nearest.get(int(here), (most + 1, 0)), (int(apart), int(there)))
    return {place: nearest[each] for place, each in zip(mine, of[: len(mine)].tolist(), strict=True) if each in nearest}


def _by_cosine(vectors: Vectors, others: Vectors, least: float) -> dict[int, tuple[float, int]]:
    """Return by place the cosine of the nearest other embedding, and its place, where it is near."""
    mine = np.flatnonzero(np.isfinite(vectors).all(1))
    if not len(mine) or not len(others):
        return {}
    classes = (np.zeros(len(each), np.int64) for each in (mine, others))
    found = twins_between(vectors[mine], next(classes), others, next(classes), least, keep=1, most_compared=EXACT_PAIRS)
    near = np.flatnonzero(found.anywhere)
    return {int(mine[at]): (float(found.nearest_cosines[at]), int(found.nearest[at])) for at in near}
