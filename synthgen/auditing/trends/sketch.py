"""A sketch of the ids of a set: enough to estimate how many images two versions share, without the ids themselves."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from heapq import nsmallest

SIZE = 256


@dataclass(frozen=True, slots=True)
class IdSketch:
    """The smallest hashes of the ids of a set (a bottom-k sketch, Cohen and Kaplan 2007).

    Attributes:
        images: how many ids there are.
        smallest: up to 256 hashes of 64 bits, in hexadecimal, the smallest first.
    """

    images: int
    smallest: tuple[str, ...]


def sketch_of(ids: Iterable[str]) -> IdSketch | None:
    """Sketch the ids of a set; None if they are only the numbers of its rows, which say nothing of the images."""
    names = list(ids)
    if not names or all(name == f"{row:06d}" for row, name in enumerate(names)):
        return None
    hashes = {blake2b(name.encode("utf-8", "replace"), digest_size=8).digest() for name in names}
    return IdSketch(len(names), tuple(each.hex() for each in nsmallest(SIZE, hashes)))


def shared(first: IdSketch, second: IdSketch) -> float:
    """Estimate how many ids two sets share; exact if both have at most 256."""
    if max(first.images, second.images) <= SIZE:
        return float(len({*first.smallest} & {*second.smallest}))
    of = min(SIZE, len({*first.smallest, *second.smallest}))
    union = sorted({*first.smallest, *second.smallest})[:of]
    both = len({*union} & {*first.smallest} & {*second.smallest})
    alike = both / max(of, 1)
    return alike / (1 + alike) * (first.images + second.images)
