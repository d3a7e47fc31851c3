"""Shares of a whole whose parts are corrected by confusion matrices of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from synthgen.stats.estimates import Estimate, Floats, Z, estimates
from synthgen.stats.inversion import linear_weights


@dataclass(frozen=True, slots=True, eq=False)
class Stratum:
    """The images of some classes, and the matrix that corrects them.

    Attributes:
        counts: images by answer, [answers].
        matrix: labelled images elsewhere by truth and answer, [truths, answers]; values come first.
        effect: the design effect of the images, at least 1.
        shared: whether the matrix contains those of other strata, so that their errors are not independent.
    """

    counts: Floats
    matrix: Floats
    effect: float
    shared: bool = False


class Combined(NamedTuple):
    """Shares with their intervals; Pearson's statistic of all strata together and its degrees of freedom."""

    shares: tuple[Estimate, ...]
    misfit: float
    spare: int


class _Part(NamedTuple):
    """Estimated images by truth [truths] and their covariance [truths, truths], per image of the stratum."""

    truth: Floats
    covariance: Floats
    misfit: float
    spare: int


def combined(strata: Sequence[Stratum], values: int) -> Combined:
    """Estimate the true shares of `values` values in all strata together.

    In each stratum, the images of each truth are the adjusted count (Forman 2008, Data Mining and Knowledge Discovery
    17), by generalized least squares and not kept above 0: so the errors of many small strata cancel out. Their sum,
    over that of all values, is the share, as in a stratified sample (Cochran 1977, chapter 5). Its variance is that of
    the delta method, from the answers and from the rows of the matrix, each smoothed by half an image. The error of a
    shared matrix is added to that of the others as if both were perfectly correlated, so the interval is rather too
    wide than too narrow. Shares and ends are cut off at 0 and 1.
    """
    parts = [_part(each) for each in strata]
    sizes = [float(each.counts.sum()) / sum(float(other.counts.sum()) for other in strata) for each in strata]
    total = np.zeros(values)
    for part, size in zip(parts, sizes, strict=True):
        total += size * part.truth[:values]
    whole = max(float(total.sum()), 1e-9)
    share = total / whole

    own, shared = np.zeros(values), np.zeros(values)
    for stratum, part, size in zip(strata, parts, sizes, strict=True):
        truths = len(part.truth)
        slope = size * (np.eye(values, truths) - share[:, None] * (np.arange(truths) < values)) / whole
        variance = np.maximum(np.einsum("vk,kl,vl->v", slope, part.covariance, slope), 0.0)
        if stratum.shared:
            shared += np.sqrt(variance)
        else:
            own += variance
    error = Z * (np.sqrt(own) + shared)
    inside = np.clip(share, 0.0, 1.0)
    found = estimates(inside / inside.sum(), np.clip(share - error, 0.0, 1.0), np.clip(share + error, 0.0, 1.0))
    return Combined(found, sum(part.misfit for part in parts), sum(part.spare for part in parts))


def _part(stratum: Stratum) -> _Part:
    used = (stratum.counts + stratum.matrix.sum(0)) > 0
    counts, matrix = stratum.counts[used], stratum.matrix[:, used]
    truths, answers = matrix.shape
    images, rows = max(float(counts.sum()), 1.0), matrix.sum(1)
    effective = images / stratum.effect
    seen, rates = counts / images, matrix / rows[:, None]
    smooth = (matrix + 0.5 / answers) / (rows[:, None] + 0.5)

    first = np.clip(seen @ np.linalg.pinv(rates), 0.0, 1.0) + 0.5 / images
    weights = linear_weights(first, rates)
    truth = weights @ seen
    expected = np.clip(truth, 0.0, 1.0) @ smooth
    expected = expected / max(float(expected.sum()), 1e-9)
    covariance = (np.diag(expected) - np.outer(expected, expected)) / effective
    for share, rate, row in zip(np.clip(truth, 0.0, 1.0), smooth, rows, strict=True):
        covariance = covariance + share**2 * (np.diag(rate) - np.outer(rate, rate)) / row

    possible = np.clip(truth, 0.0, 1.0)
    left = seen - possible / max(float(possible.sum()), 1e-9) @ rates
    misfit = float(left @ np.linalg.pinv(covariance) @ left)
    return _Part(truth, weights @ covariance @ weights.T, misfit, max(1, answers - truths))
