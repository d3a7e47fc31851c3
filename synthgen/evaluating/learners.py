"""Learners: what each arm trains. Those of this file learn embeddings: a linear probe and nearest neighbours."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from synthgen.evaluating.rows import vectors_of

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

    from synthgen.evaluating.arms import Lesson
    from synthgen.evaluating.contract import Divided
    from synthgen.stats.search import Codes, Vectors

PROBE, KNN = "probe", "knn"
LEARNERS = (PROBE, KNN)
"""The names of learners on embeddings. Others are networks of timm, and plug-ins."""
STEPS = 200
"""The optimiser's steps of every fit of a probe, at most: fewer only where it has converged."""
_NARROW = 1e-6
"""Embeddings that vary less are as good as constant."""

FitLesson = Callable[["Lesson", "Codes", Sequence[int]], "Codes"]
"""Fits a lesson with some of the settings, by place, and returns the classes of target rows, [settings, targets]."""


class Learner(Protocol):
    """Learns the classes of images, which are rows of `evaluating.rows`.

    Attributes:
        setting: what is tuned, in words.
        settings: its values. Of equals in validation the first wins: the simplest learner, or the usual learning rate.
        tuned_on: with how many of the first seeds all settings are tried; None with all. Other seeds use the best one.
        unit: what progress counts, in the plural.
        effort: how many of them a fit with one setting takes; 0 if all settings together take one.
    """

    setting: str
    settings: Sequence[float]
    tuned_on: int | None
    unit: str
    effort: int

    def copies(self, divided: Divided) -> int | None:
        """Return how many augmented copies of each real image have rows.

        0 if the learner augments images by itself, and None if it cannot be taught with augmented images.
        """

    def of_seed(
        self, divided: Divided, train: Codes, seed: tuple[int, int], on_step: Callable[[int], None]
    ) -> FitLesson:
        """Get ready for all arms of one repetition.

        Args:
            train: the rows of real images for training.
            seed: that of the evaluation, and the number of the repetition.
            on_step: is called with how many steps were just done.
        """


class EmbeddingLearner(Protocol):
    """Learns classes of embeddings, as `Learner` says, with all settings at once."""

    setting: str
    settings: Sequence[float]

    def predict(self, images: Vectors, classes: Codes, targets: Vectors) -> Codes:
        """Fit with each of the settings, and return the predicted classes of targets, [settings, targets]."""


class OnEmbeddings:
    """A `Learner` of the embeddings that the judge made.

    All arms have the same features, and differ in their images alone: features are scaled by the real images for
    training to mean 0 and variance 1. One scale serves them all, since that of each is noise where images are few.
    """

    tuned_on: int | None = None
    unit, effort = "fits", 0

    def __init__(self, inner: EmbeddingLearner) -> None:
        self._inner = inner
        self.setting, self.settings = inner.setting, inner.settings

    def copies(self, divided: Divided) -> int | None:
        return None if divided.real.copies is None else divided.real.copies.shape[1]

    def of_seed(
        self, divided: Divided, train: Codes, seed: tuple[int, int], on_step: Callable[[int], None]
    ) -> FitLesson:
        mean, scale = feature_scale(divided, train)
        scaled = (vectors_of(divided) - mean) / scale

        def fit(lesson: Lesson, targets: Codes, tried: Sequence[int]) -> Codes:
            found = self._inner.predict(scaled[lesson.rows], lesson.classes, scaled[targets])[list(tried)]
            on_step(1)
            return found

        return fit


def feature_scale(divided: Divided, train: Codes) -> tuple[Vectors, float]:
    """Return the mean of the embeddings of the real images for training, and their standard deviation."""
    known = divided.real.vectors[train]
    mean = known.mean(0)
    return mean, max(float((known - mean).std()), _NARROW)


class LinearProbe:
    """Multinomial logistic regression.

    The loss is convex, and each fit starts at 0 with the same number of steps of L-BFGS, so that what an arm reaches
    depends on its images alone.
    """

    setting = "inverse strength of the L2 penalty, for each image"
    settings: Sequence[float] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)

    def predict(self, images: Vectors, classes: Codes, targets: Vectors) -> Codes:
        """Fit with each of the settings, and return the predicted classes of targets, [settings, targets]."""
        if len(np.unique(classes)) == 1:
            return np.full((len(self.settings), len(targets)), classes[0], dtype=np.int64)
        found = np.empty((len(self.settings), len(targets)), dtype=np.int64)
        for place, strength in enumerate(self.settings):
            found[place] = self.fitted(images, classes, strength).predict(targets)
        return found

    def fitted(self, images: Vectors, classes: Codes, strength: float) -> LogisticRegression:
        """Fit with one of the settings."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return LogisticRegression(C=strength, max_iter=STEPS).fit(images, classes)


class NearestNeighbours:
    """The class that most of the nearest images have, by cosine; of equals, the nearer."""

    setting = "neighbours"
    settings: Sequence[float] = (15, 9, 5, 3, 1)

    def predict(self, images: Vectors, classes: Codes, targets: Vectors) -> Codes:
        """Vote with each number of neighbours, and return the predicted classes of targets, [settings, targets]."""
        from sklearn.neighbors import NearestNeighbors

        most = min(int(max(self.settings)), len(images))
        search = NearestNeighbors(n_neighbors=most, metric="cosine", algorithm="brute").fit(images)
        near = classes[search.kneighbors(targets, return_distance=False)]
        found = np.empty((len(self.settings), len(targets)), dtype=np.int64)
        for place, count in enumerate(self.settings):
            found[place] = _voted(near[:, : int(count)], int(classes.max()) + 1)
        return found


def learner_of(name: str) -> Learner:
    """Return the learner of a name in `LEARNERS`."""
    return OnEmbeddings(LinearProbe() if name == PROBE else NearestNeighbours())


def _voted(near: Codes, count: int) -> Codes:
    """Return the class with most votes in each row; of several, the one whose images rank higher."""
    rows, width = near.shape
    votes = np.zeros((rows, count))
    for place in range(width):
        votes[np.arange(rows), near[:, place]] += 1 + 1e-6 * (width - place)
    found: Codes = votes.argmax(1).astype(np.int64)
    return found
