"""The experiment: every arm is trained with every seed, tuned on validation, and tested on real images alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthgen.evaluating.arms import Arm, Pool, arms_of, draw
from synthgen.evaluating.contract import Divided, split_training
from synthgen.evaluating.learners import EmbeddingLearner
from synthgen.evaluating.looked_set import LookedSet
from synthgen.events import OnProgress, StepProgress
from synthgen.stats.paired import Correct
from synthgen.stats.search import Codes, Vectors

_NARROW = 1e-6
"""Embeddings that vary less are as good as constant."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainedArm:
    """What an arm's learners got right.

    Attributes:
        images: that they were trained on, on average over seeds.
        setting: that was best in validation over all seeds.
        validation: the share of validation images that were right with it.
        correct: of the test images, with it, [seeds, images].
        predicted: the classes that they gave the test images.
    """

    arm: Arm
    images: float
    setting: float
    validation: float
    correct: Correct
    predicted: Codes


def run_arms(
    divided: Divided, learner: EmbeddingLearner, seeds: int, seed: int, on_progress: OnProgress
) -> list[TrainedArm]:
    """Train and test every arm. All share the split, the draws and the test of each seed.

    Raises:
        UsageError: the images cannot be divided.
    """
    pool, codes = _pool(divided)
    splits = [split_training(divided.real, divided.groups, f"{seed} {number}") for number in range(seeds)]
    arms = arms_of(round(np.mean([len(train) for train, _ in splits])), len(pool.synthetic), len(pool.more_real))
    trials: dict[Arm, list[_Trial]] = {arm: [] for arm in arms}
    done = 0
    for number, (train, validation) in enumerate(splits):
        vectors, test = _scaled(divided, train)
        targets = np.concatenate([vectors[validation], test])
        truth = np.concatenate([pool.classes[validation], codes[divided.test.labels]])
        for arm in arms:
            lesson = draw(arm, pool, train, (seed, number))
            given, first = learner.predict(vectors[lesson.rows], lesson.classes, targets), len(validation)
            right, predicted = given == truth, given[:, first:].astype(np.int32)
            trials[arm].append(_Trial(len(lesson.rows), right[:, :first], right[:, first:], predicted))
            done += 1
            on_progress(StepProgress("training learners", "fits", done, len(arms) * seeds))
    return [_tuned(arm, each, learner) for arm, each in trials.items()]


class _Trial(NamedTuple):
    """What one fit got right with each setting, and the classes that it gave the test images, [settings, images]."""

    images: int
    validation: Correct
    test: Correct
    predicted: NDArray[np.int32]


def _tuned(arm: Arm, trials: Sequence[_Trial], learner: EmbeddingLearner) -> TrainedArm:
    shares = np.concatenate([each.validation for each in trials], axis=1).mean(1)
    best = int(shares.argmax())  # of equals, the simplest
    tested = np.stack([each.test[best] for each in trials])
    images = float(np.mean([each.images for each in trials]))
    predicted = np.stack([each.predicted[best] for each in trials]).astype(np.int64)
    return TrainedArm(arm, images, learner.settings[best], float(shares[best]), tested, predicted)


def _scaled(divided: Divided, train: Codes) -> tuple[Vectors, Vectors]:
    """Return the embeddings of the pool and of the test, scaled by the real images for training: mean 0, variance 1.

    All arms have the same features, and differ in their images alone.
    """
    known = divided.real.vectors[train]
    mean = known.mean(0)
    scale = max(float((known - mean).std()), _NARROW)  # one for all: of a few images, that of each feature is noise
    pool = np.concatenate([each.vectors for each in _sets(divided)])
    return (pool - mean) / scale, (divided.test.vectors - mean) / scale


class _Codes:
    """Classes as numbers."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        self._codes = {name: code for code, name in enumerate(classes)}

    def __getitem__(self, labels: tuple[str, ...]) -> Codes:
        return np.array([self._codes[label] for label in labels], dtype=np.int64)


def _sets(divided: Divided) -> list[LookedSet]:
    return [divided.real, divided.synthetic, *([divided.more_real] if divided.more_real is not None else [])]


def _pool(divided: Divided) -> tuple[Pool, _Codes]:
    codes, sets = _Codes(divided.classes), _sets(divided)
    ends = np.cumsum([0, *(len(each) for each in sets)])
    rows = [np.arange(start, end) for start, end in pairwise(ends.tolist())]
    more = rows[2] if len(rows) > 2 else np.empty(0, np.int64)
    return Pool(np.concatenate([codes[each.labels] for each in sets]), rows[0], rows[1], more), codes
