"""Learners on frozen embeddings: a linear probe and nearest neighbours, each with several settings at once."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from synthgen.stats.search import Codes, Vectors

PROBE, KNN = "probe", "knn"
LEARNERS = (PROBE, KNN)
STEPS = 200
"""The optimiser's steps of every fit of a probe, at most: fewer only where it has converged."""


class EmbeddingLearner(Protocol):
    """Learns classes of embeddings.

    Attributes:
        setting: what is tuned, in words.
        settings: its values, the simplest learner first.
    """

    setting: str
    settings: Sequence[float]

    def predict(self, images: Vectors, classes: Codes, targets: Vectors) -> Codes:
        """Fit with each of the settings, and return the predicted classes of targets, [settings, targets]."""


class LinearProbe:
    """Multinomial logistic regression.

    The loss is convex, and each fit starts at 0 with the same number of steps of L-BFGS, so that what an arm reaches
    depends on its images alone.
    """

    setting = "inverse strength of the L2 penalty, for each image"
    settings: Sequence[float] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)

    def predict(self, images: Vectors, classes: Codes, targets: Vectors) -> Codes:
        """Fit with each of the settings, and return the predicted classes of targets, [settings, targets]."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        if len(np.unique(classes)) == 1:
            return np.full((len(self.settings), len(targets)), classes[0], dtype=np.int64)
        found = np.empty((len(self.settings), len(targets)), dtype=np.int64)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            for place, strength in enumerate(self.settings):
                model = LogisticRegression(C=strength, max_iter=STEPS)
                found[place] = model.fit(images, classes).predict(targets)
        return found


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


def learner_of(name: str) -> EmbeddingLearner:
    """Return the learner of a name in `LEARNERS`."""
    return LinearProbe() if name == PROBE else NearestNeighbours()


def _voted(near: Codes, count: int) -> Codes:
    """Return the class with most votes in each row; of several, the one whose images rank higher."""
    rows, width = near.shape
    votes = np.zeros((rows, count))
    for place in range(width):
        votes[np.arange(rows), near[:, place]] += 1 + 1e-6 * (width - place)
    found: Codes = votes.argmax(1).astype(np.int64)
    return found
