"""The hardest test images: what the deciding arm gets wrong, beside what the synthetic set has nearest to it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from synthgen.evaluating.contract import Divided
from synthgen.evaluating.experiment import TrainedArm
from synthgen.stats.search import Codes, Vectors, alike_between

MOST_HARD = 100
"""At most this many hard images are listed."""
_NEVER = 2.0
"""A cosine that no pair reaches: only the nearest are wanted."""


@dataclass(frozen=True, slots=True)
class NearSynthetic:
    """A synthetic image that is near to a test image.

    Attributes:
        cosine: of their embeddings.
    """

    id: str
    label: str
    cosine: float


@dataclass(frozen=True, slots=True)
class HardImage:
    """A test image that learners get wrong with most seeds.

    Attributes:
        predicted: the wrong class that they gave it most often.
        wrong: with how many seeds they got it wrong.
        nearest: the synthetic image that is nearest to it.
        nearest_alike: the nearest of its own class; None if the synthetic set has none.
    """

    id: str
    label: str
    predicted: str
    wrong: int
    nearest: NearSynthetic
    nearest_alike: NearSynthetic | None


@dataclass(frozen=True, slots=True)
class HardImages:
    """The test images that are wrong with most seeds.

    Attributes:
        count: of all such images.
        images: at most `MOST_HARD`: those wrong with most seeds, and of equals those that no synthetic image of their
            class is near to. Of test images that belong together there is one.
    """

    count: int
    images: tuple[HardImage, ...]


NO_HARD_IMAGES = HardImages(0, ())


def hard_images(divided: Divided, arm: TrainedArm) -> HardImages:
    """Find the test images that an arm gets wrong with more than half of its seeds."""
    wrong = (~arm.correct).sum(0)
    (rows,) = np.nonzero(2 * wrong > len(arm.correct))
    if not len(rows):
        return NO_HARD_IMAGES
    alike, cosines = _nearest_of_class(divided, rows)
    order = np.lexsort((rows, cosines, -wrong[rows]))
    _, first = np.unique(divided.test_groups[rows[order]], return_index=True)
    chosen = order[np.sort(first)[:MOST_HARD]]
    return HardImages(len(rows), tuple(_told(divided, arm, rows[chosen], alike[chosen])))


def _nearest_of_class(divided: Divided, rows: Codes) -> tuple[Codes, Vectors]:
    """Return the nearest synthetic image of the class of each test image, and its cosine; -1 where there is none."""
    codes = {name: code for code, name in enumerate(divided.classes)}
    here = np.array([codes[divided.test.labels[row]] for row in rows.tolist()])
    there = np.array([codes[label] for label in divided.synthetic.labels])
    places, cosines = np.full(len(rows), -1, np.int64), np.full(len(rows), -1, np.float32)
    for code in np.intersect1d(here, there).tolist():
        own, (others,) = here == code, np.nonzero(there == code)
        near, cosines[own] = _nearest(divided.test.vectors[rows[own]], divided.synthetic.vectors[others])
        places[own] = others[near]
    return places, cosines


def _nearest(vectors: Vectors, others: Vectors) -> tuple[Codes, Vectors]:
    found = alike_between(vectors, np.zeros(len(vectors), np.int64), others, np.zeros(len(others), np.int64), _NEVER)
    return found.nearest, found.nearest_cosines


def _told(divided: Divided, arm: TrainedArm, rows: Codes, alike: Codes) -> Iterator[HardImage]:
    test, (places, _) = divided.test, _nearest(divided.test.vectors[rows], divided.synthetic.vectors)
    for row, place, own in zip(rows.tolist(), places.tolist(), alike.tolist(), strict=True):
        given = arm.predicted[~arm.correct[:, row], row]
        yield HardImage(
            test.ids[row],
            test.labels[row],
            divided.classes[int(np.bincount(given).argmax())],
            len(given),
            _near(divided, row, place),
            _near(divided, row, own) if own >= 0 else None,
        )


def _near(divided: Divided, row: int, place: int) -> NearSynthetic:
    synthetic = divided.synthetic
    cosine = float(np.clip(divided.test.vectors[row] @ synthetic.vectors[place], -1, 1))
    return NearSynthetic(synthetic.ids[place], synthetic.labels[place], cosine)
