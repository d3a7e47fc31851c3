"""The arms of an experiment: what each trains on. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from synthgen.stats.search import Codes

RATIOS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Synthetic images for each real one."""
REAL = "real"
"""The name of the arm that others are compared with."""
COPIES = 2
"""Augmented copies of each real image, for learners that do not augment images at every step."""


class ArmKind(StrEnum):
    """What an arm adds to the real images, or takes instead of them."""

    REAL = "real"
    AUGMENTED = "augmented"
    OVERSAMPLED = "oversampled"
    MIXED = "mixed"
    SYNTHETIC = "synthetic"
    SHUFFLED = "shuffled"
    MORE_REAL = "more real"
    UNFILTERED = "unfiltered"


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm.

    Attributes:
        ratio: images that are added for each real one; 0 of `real`.
        exactly: how many are added with every seed; None if `ratio` says it for each, whose real images differ.
        whole: whether that is all that the added set has.
    """

    kind: ArmKind
    ratio: float
    exactly: int | None = None
    whole: bool = False

    @property
    def name(self) -> str:
        """What the arm trains on, in words, unique in an experiment."""
        how = " (all)" if self.whole else " (matched)" if self.exactly is not None else ""
        times = f" x{self.ratio:.2g}{how}"
        return {
            ArmKind.REAL: REAL,
            ArmKind.AUGMENTED: "real + RandAugment",
            ArmKind.OVERSAMPLED: f"real oversampled{times}",
            ArmKind.MIXED: f"real + synthetic{times}",
            ArmKind.SYNTHETIC: f"synthetic alone{times}",
            ArmKind.SHUFFLED: f"real + shuffled labels{times}",
            ArmKind.MORE_REAL: f"real + more real{times}",
            ArmKind.UNFILTERED: f"real + unfiltered{times}",
        }[self.kind]


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """All images that arms draw from, as rows of one table, by the set that they are of.

    Attributes:
        classes: of every row.
        more_real: empty if there is none.
        unfiltered: attempts of the run that made the synthetic set, rejected ones too; empty if there are none.
        copies: augmented copies of each real image, [real, copies].
    """

    classes: Codes
    real: Codes
    synthetic: Codes
    more_real: Codes
    copies: Codes = field(default_factory=lambda: np.empty((0, 0), np.int64))
    unfiltered: Codes = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What one arm trains on with one seed: rows of the pool, and the classes that they are taught as.

    Attributes:
        augmented: whether the learner changes the images by itself at every step.
    """

    rows: Codes
    classes: Codes
    augmented: bool = False


def arms_of(
    real: int, synthetic: int, more_real: int, copies: int | None = None, *, unfiltered: bool = False
) -> list[Arm]:
    """Return the arms that so many images for training, synthetic ones and more real ones allow, `real` first.

    A ratio that takes more images than there are is replaced by the one that takes all, once. Other real images are
    added at the same ratios, and unfiltered ones too: to each arm with synthetic images there is one with equally many,
    or with all there are. The control with shuffled labels draws images again where it must: it is always at the
    largest ratio.

    Args:
        copies: augmented copies of each real image; 0 if the learner augments by itself, None if it cannot.
        unfiltered: whether there are at least as many unfiltered images as synthetic ones.
    """
    mixed = [Arm(ArmKind.MIXED, *each) for each in _ratios(real, synthetic)]
    largest = mixed[-1]
    more = [Arm(ArmKind.MORE_REAL, *each) for each in _ratios(real, more_real)]
    if largest.whole and synthetic < more_real:
        others = [each for each in more if round(each.ratio * real) != synthetic]
        more = sorted([*others, _twin(largest, ArmKind.MORE_REAL)], key=lambda each: each.ratio)
    return [
        Arm(ArmKind.REAL, 0),
        *([] if copies is None else [Arm(ArmKind.AUGMENTED, copies)]),
        Arm(ArmKind.OVERSAMPLED, largest.ratio),
        *mixed,
        replace(largest, kind=ArmKind.SYNTHETIC),
        Arm(ArmKind.SHUFFLED, RATIOS[-1]),
        *more,
        *(unfiltered_twin(each) for each in mixed if unfiltered),
    ]


def unfiltered_twin(arm: Arm) -> Arm:
    """Return the arm that has as many unfiltered images as a mixed one has synthetic ones."""
    return _twin(arm, ArmKind.UNFILTERED)


def rivals_of(arm: Arm, arms: Sequence[Arm]) -> list[Arm]:
    """Return what could be had instead of a mixed arm.

    That is augmentation, the real images drawn again, and as many other real images, or all there are.
    """
    more = [each for each in arms if each.kind is ArmKind.MORE_REAL and each.ratio <= arm.ratio]
    return [*(each for each in arms if each.kind in (ArmKind.AUGMENTED, ArmKind.OVERSAMPLED)), *more[-1:]]


def _twin(arm: Arm, kind: ArmKind) -> Arm:
    return replace(arm, kind=kind, whole=False)


def _ratios(real: int, other: int) -> Iterator[tuple[float, int | None, bool]]:
    for ratio in RATIOS:
        if round(ratio * real) >= other:
            if other:
                yield other / real, other, True
            return
        yield ratio, None, False


def draw(arm: Arm, pool: Pool, train: Codes, seed: tuple[int, int]) -> Lesson:
    """Draw what an arm trains on. Larger ratios have all that smaller ones have with the same seed.

    Args:
        train: the rows of real images for training.
        seed: that of the evaluation, and the number of the repetition.
    """
    count = round(arm.ratio * len(train)) if arm.exactly is None else arm.exactly
    rng = np.random.default_rng([*seed, *b"draw"])
    synthetic, more = rng.permutation(pool.synthetic), rng.permutation(pool.more_real)
    unfiltered = rng.permutation(pool.unfiltered)
    rng = np.random.default_rng([*seed, *arm.kind.value.encode()])
    match arm.kind:
        case ArmKind.REAL:
            return _taught(pool, train)
        case ArmKind.AUGMENTED:
            rows = np.concatenate([train, pool.copies[train].ravel()])
            return Lesson(rows, pool.classes[rows], augmented=not pool.copies.size)
        case ArmKind.OVERSAMPLED:
            return _taught(pool, np.concatenate([train, rng.choice(train, count)]))
        case ArmKind.MIXED:
            return _taught(pool, np.concatenate([train, synthetic[:count]]))
        case ArmKind.SYNTHETIC:
            return _taught(pool, synthetic[:count])
        case ArmKind.MORE_REAL:
            return _taught(pool, np.concatenate([train, more[:count]]))
        case ArmKind.UNFILTERED:
            return _taught(pool, np.concatenate([train, unfiltered[:count]]))
        case ArmKind.SHUFFLED:
            again = rng.choice(pool.synthetic, count, replace=count > len(pool.synthetic))
            taught = np.concatenate([pool.classes[train], rng.permutation(pool.classes[again])])
            return Lesson(np.concatenate([train, again]), taught)


def _taught(pool: Pool, rows: Codes) -> Lesson:
    return Lesson(rows, pool.classes[rows])
