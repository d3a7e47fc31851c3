"""The probe of the arm that the verdict is on, as a learner that a spec's filter may name. Pure."""

import numpy as np

from synthgen.evaluating.arms import draw
from synthgen.evaluating.contract import Divided, split_training
from synthgen.evaluating.findings import UsefulnessFindings
from synthgen.evaluating.learners import LinearProbe, feature_scale
from synthgen.evaluating.rows import pool_of, vectors_of
from synthgen.models.saved_learner import SavedLearner


def probe_of(divided: Divided, findings: UsefulnessFindings, judge: str, revision: str, seed: int) -> SavedLearner:
    """Fit the probe of the deciding arm again, as with the first seed.

    Args:
        judge, revision: whose embeddings it learns.
    """
    copies = 0 if divided.real.copies is None else divided.real.copies.shape[1]
    pool, _ = pool_of(divided, copies)
    train, _ = split_training(divided.real, divided.groups, f"{seed} 0")
    lesson = draw(findings.decisive.arm, pool, train, (seed, 0))

    mean, scale = feature_scale(divided, train)
    images = (vectors_of(divided)[lesson.rows] - mean) / scale
    fitted = LinearProbe().fitted(images, lesson.classes, findings.decisive.setting)
    weight, bias = np.asarray(fitted.coef_), np.asarray(fitted.intercept_)
    if len(weight) == 1:  # of two classes, scikit-learn has the logit of the second alone
        weight, bias = np.concatenate([0 * weight, weight]), np.concatenate([0 * bias, bias])
    weight = weight / scale  # what learns scaled embeddings, written for embeddings as they are
    bias = bias - weight @ mean
    return SavedLearner(divided.classes, judge, revision, weight.astype(np.float32), bias.astype(np.float32))
