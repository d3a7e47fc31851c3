"""The probe of the arm that the verdict is on, as a learner that a spec's filter may name. Pure."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from synthgen.evaluating.arms import draw
from synthgen.evaluating.contract import Divided, split_training
from synthgen.evaluating.findings import UsefulnessFindings
from synthgen.evaluating.learners import LinearProbe, feature_scale
from synthgen.evaluating.rows import pool_of, vectors_of
from synthgen.models.saved_learner import SavedLearner
from synthgen.stats.estimates import Floats
from synthgen.stats.search import Codes


def probe_of(divided: Divided, findings: UsefulnessFindings, judge: str, revision: str, seed: int) -> SavedLearner:
    """Fit the probe of the deciding arm again, as with the first seed, and calibrate its probabilities on validation.

    Args:
        judge, revision: whose embeddings it learns.
    """
    copies = 0 if divided.real.copies is None else divided.real.copies.shape[1]
    pool, _ = pool_of(divided, copies)
    train, validation = split_training(divided.real, divided.groups, f"{seed} 0")
    lesson = draw(findings.decisive.arm, pool, train, (seed, 0))

    mean, scale = feature_scale(divided, train)
    images = (vectors_of(divided)[lesson.rows] - mean) / scale
    fitted = LinearProbe().fitted(images, lesson.classes, findings.decisive.setting)
    weight, bias = np.asarray(fitted.coef_), np.asarray(fitted.intercept_)
    if len(weight) == 1:  # of two classes, scikit-learn has the logit of the second alone
        weight, bias = np.concatenate([0 * weight, weight]), np.concatenate([0 * bias, bias])
    warmth = _temperature((vectors_of(divided)[validation] - mean) / scale @ weight.T + bias, pool.classes[validation])
    weight, bias = weight / warmth, bias / warmth
    weight = weight / scale  # what learns scaled embeddings, written for embeddings as they are
    bias = bias - weight @ mean
    return SavedLearner(divided.classes, judge, revision, weight.astype(np.float32), bias.astype(np.float32))


def _temperature(scores: Floats, classes: Codes) -> float:
    """Return what to divide scores [images, classes] by, so that probabilities are as often right as they say.

    The penalty that makes the best classifier can leave all probabilities near those of a guess. This is temperature
    scaling (Guo et al. 2017, arXiv 1706.04599), with targets that leave room for what few images cannot show (Platt
    1999): where n of n are right, a probability is at most (n + 1) / (n + 2).
    """
    images, count = scores.shape
    missing = 1 / (images + 2)
    wanted = np.full(scores.shape, missing / (count - 1))
    wanted[np.arange(images), classes] = 1 - missing

    def loss(logarithm: float) -> float:
        return -float((wanted * log_softmax(scores / np.exp(logarithm), axis=1)).sum())

    return float(np.exp(minimize_scalar(loss, bounds=(-8, 8), method="bounded").x))
