"""The experiment: every arm is trained with every seed, tuned on validation, and tested on real images alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthgen.evaluating.arms import Arm, arms_of, draw
from synthgen.evaluating.contract import Divided, split_training
from synthgen.evaluating.learners import Learner
from synthgen.evaluating.rows import pool_of
from synthgen.events import OnProgress, StepProgress
from synthgen.stats.paired import Correct
from synthgen.stats.search import Codes


@dataclass(frozen=True, slots=True, eq=False)
class TrainedArm:
    """What an arm's learners got right.

    Attributes:
        images: that they were trained on, on average over seeds.
        setting: that was best in validation.
        validation: the share of validation images that were right with it, over all seeds.
        correct: of the test images, with it, [seeds, images].
        predicted: the classes that they gave the test images.
        seen: with how many seeds each image of the real set was one of those for validation.
        wrong: with how many of these it was wrong.
    """

    arm: Arm
    images: float
    setting: float
    validation: float
    correct: Correct
    predicted: Codes
    seen: Codes
    wrong: Codes


def run_arms(divided: Divided, learner: Learner, seeds: int, seed: int, on_progress: OnProgress) -> list[TrainedArm]:
    """Train and test every arm. All share the split, the draws and the test of each seed.

    Raises:
        UsageError: the images cannot be divided.
    """
    copies = learner.copies(divided)
    pool, test = pool_of(divided, copies or 0)
    splits = [split_training(divided.real, divided.groups, f"{seed} {number}") for number in range(seeds)]
    mean = round(np.mean([len(train) for train, _ in splits]))
    unfiltered = divided.unfiltered is not None
    arms = arms_of(mean, len(pool.synthetic), len(pool.more_real), copies, unfiltered=unfiltered)
    trials: dict[Arm, list[_Trial]] = {arm: [] for arm in arms}
    meter = _Meter(learner, len(arms), seeds, on_progress)
    every = range(len(learner.settings))
    for number, (train, validation) in enumerate(splits):
        fit = learner.of_seed(divided, train, (seed, number), meter.add)
        targets = np.concatenate([validation, test])
        tuning = learner.tuned_on is None or number < learner.tuned_on
        for arm, before in trials.items():
            lesson = draw(arm, pool, train, (seed, number))
            tried = every if tuning else [_best(before)]
            predicted = fit(lesson, targets, tried)
            right, first = predicted == pool.classes[targets], len(validation)
            parts = right[:, :first], right[:, first:], predicted[:, first:].astype(np.int32)
            before.append(_Trial(len(lesson.rows), *(dict(zip(tried, part, strict=True)) for part in parts)))
    validated = [validation for _, validation in splits]
    return [_tuned(arm, each, learner, validated, len(divided.real)) for arm, each in trials.items()]


class _Trial(NamedTuple):
    """What one fit got right with each setting that it tried, and the classes that it gave the test images."""

    images: int
    validation: dict[int, Correct]
    test: dict[int, Correct]
    predicted: dict[int, NDArray[np.int32]]


class _Meter:
    """Tells how many fits, or steps of fits, are done."""

    def __init__(self, learner: Learner, arms: int, seeds: int, on_progress: OnProgress) -> None:
        tuned = seeds if learner.tuned_on is None else min(learner.tuned_on, seeds)
        fits = arms * (tuned * len(learner.settings) + seeds - tuned)
        self._total = fits * learner.effort if learner.effort else arms * seeds
        self._unit, self._done, self._on_progress = learner.unit, 0, on_progress

    def add(self, count: int) -> None:
        """Tell that so many more are done."""
        self._done += count
        self._on_progress(StepProgress("training learners", self._unit, self._done, self._total))


def _best(trials: Sequence[_Trial]) -> int:
    """Return the setting that is best in validation, of those that all of these trials tried."""
    shared = sorted(set.intersection(*(set(each.validation) for each in trials)))
    return max(shared, key=lambda setting: _share(trials, setting))  # of equals, the first


def _share(trials: Sequence[_Trial], setting: int) -> float:
    return float(np.concatenate([each.validation[setting] for each in trials]).mean())


def _tuned(arm: Arm, trials: Sequence[_Trial], learner: Learner, validated: Sequence[Codes], real: int) -> TrainedArm:
    best = _best(trials)
    tested = np.stack([each.test[best] for each in trials])
    images = float(np.mean([each.images for each in trials]))
    predicted = np.stack([each.predicted[best] for each in trials]).astype(np.int64)
    misses = [rows[~each.validation[best]] for rows, each in zip(validated, trials, strict=True)]
    seen, wrong = (np.bincount(np.concatenate(rows), minlength=real) for rows in (validated, misses))
    setting, accuracy = learner.settings[best], _share(trials, best)
    return TrainedArm(arm, images, setting, accuracy, tested, predicted, seen, wrong)
