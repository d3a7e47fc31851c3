"""The experiment: every arm is trained with every seed, tuned on validation, and tested on real images alone."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from synthgen.evaluating.arms import Arm, Pool, arms_of, draw
from synthgen.evaluating.contract import Divided, split_training
from synthgen.evaluating.learners import EmbeddingLearner
from synthgen.events import OnProgress, StepProgress
from synthgen.stats.paired import Correct
from synthgen.stats.search import Codes, Vectors


@dataclass(frozen=True, slots=True, eq=False)
class TrainedArm:
    """What an arm's learners got right.

    Attributes:
        images: that they were trained on, on average over seeds.
        setting: that was best in validation over all seeds.
        validation: the share of validation images that were right with it.
        correct: of the test images, with it, [seeds, images].
    """

    arm: Arm
    images: float
    setting: float
    validation: float
    correct: Correct


def run_arms(
    divided: Divided, learner: EmbeddingLearner, seeds: int, seed: int, on_progress: OnProgress
) -> list[TrainedArm]:
    """Train and test every arm. All share the split, the draws and the test of each seed.

    Raises:
        UsageError: the images cannot be divided.
    """
    pool, vectors, codes = _pool(divided)
    test_classes = codes[divided.test.labels]
    splits = [split_training(divided.real, divided.groups, f"{seed} {number}") for number in range(seeds)]
    arms = arms_of(round(np.mean([len(train) for train, _ in splits])), len(pool.synthetic), len(pool.more_real))

    found, done = [], 0
    for arm in arms:
        sizes, right, validated, correct = [], [], [], []
        for number, (train, validation) in enumerate(splits):
            drawn = draw(arm, pool, train, (seed, number))
            targets = np.concatenate([divided.real.vectors[validation], divided.test.vectors])
            said = learner.predict(vectors[drawn.rows], drawn.classes, targets)
            right.append((said[:, : len(validation)] == pool.classes[validation]).sum(1))
            correct.append(said[:, len(validation) :] == test_classes)
            validated.append(len(validation))
            sizes.append(len(drawn.rows))
            done += 1
            on_progress(StepProgress("training learners", "fits", done, len(arms) * seeds))

        shares = np.sum(right, axis=0) / sum(validated)
        best = int(shares.argmax())  # of equals, the simplest
        tested = np.stack([each[best] for each in correct])
        found.append(TrainedArm(arm, float(np.mean(sizes)), learner.settings[best], float(shares[best]), tested))
    return found


class _Codes:
    """Classes as numbers."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        self._codes = {name: code for code, name in enumerate(classes)}

    def __getitem__(self, labels: tuple[str, ...]) -> Codes:
        return np.array([self._codes[label] for label in labels], dtype=np.int64)


def _pool(divided: Divided) -> tuple[Pool, Vectors, _Codes]:
    codes = _Codes(divided.classes)
    sets = [divided.real, divided.synthetic, *([divided.more_real] if divided.more_real is not None else [])]
    ends = np.cumsum([0, *(len(each) for each in sets)])
    rows = [np.arange(start, end) for start, end in pairwise(ends.tolist())]
    classes = np.concatenate([codes[each.labels] for each in sets])
    more = rows[2] if len(rows) > 2 else np.empty(0, np.int64)
    return Pool(classes, rows[0], rows[1], more), np.concatenate([each.vectors for each in sets]), codes
