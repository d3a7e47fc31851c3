"""Whether what labels show of the truth is as frequent among the labelled images as among the others."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from synthgen.stats.estimates import Floats

FEWEST = 20
"""Labels from which a direction is learned, at least."""
_FOLDS = 4
_ROUNDING = 1e-12


def truths_apart(
    classes: NDArray[np.integer],
    cell: NDArray[np.int64],
    rows: NDArray[np.int64],
    truths: NDArray[np.integer],
    vectors: NDArray[np.float32],
    rng: np.random.Generator,
) -> float | None:
    """Test whether the embeddings of labelled images lean towards some truth more than those of the others do.

    A direction is learned for each truth by ridge regression on three quarters of the labels. Along it, the images of
    the last quarter are compared with those without a label, within cells. The direction knows nothing of these, so
    under random draws the difference is nearly normal, with the variance of draws without replacement. This is a
    classifier two-sample test (Lopez-Paz and Oquab 2017, arXiv 1610.06545) that looks only where truths differ: the
    main axes of the embeddings may show sizes and grounds instead.

    Args:
        classes, cell: of each image, its class, and its class and answer, [n].
        rows, truths: of the labelled images, [labels].
        vectors: embeddings, [n, d].

    Returns:
        The p-value, with Bonferroni's correction for the truths; None if there are too few labels.
    """
    kinds, of = np.unique(truths, return_inverse=True)
    if len(rows) < FEWEST or len(kinds) < 2 or len(rows) >= len(cell):
        return None
    means = _means(classes, vectors)
    found = _centred(vectors[rows], classes[rows], means)
    wanted = np.eye(len(kinds))[of]

    total, variance = np.zeros(len(kinds)), np.zeros(len(kinds))
    order = rng.permutation(len(rows))
    for fold in range(_FOLDS):
        held, fitted = order[fold::_FOLDS], np.setdiff1d(order, order[fold::_FOLDS])
        directions = _ridge(found[fitted], wanted[fitted])
        scores = vectors @ directions.astype(np.float32) - (means @ directions)[classes]
        others = np.ones(len(cell), dtype=bool)
        others[rows[fitted]] = False
        own, spread = _compared(cell, others, rows[held], scores)
        total, variance = total + own, variance + spread
    there = variance > _ROUNDING
    if not there.any():
        return None
    p_values = 2 * norm.sf(np.abs(total[there]) / np.sqrt(variance[there]))
    return float(min(1.0, p_values.min() * there.sum()))


def _centred(vectors: NDArray[np.float32], classes: NDArray[np.integer], means: Floats) -> Floats:
    found: Floats = vectors - means[classes]
    return found


def _means(classes: NDArray[np.integer], vectors: NDArray[np.float32]) -> Floats:
    found = np.zeros((int(classes.max()) + 1, vectors.shape[1]))
    for index in np.unique(classes):
        found[index] = vectors[classes == index].mean(0)
    return found


def _ridge(found: Floats, wanted: Floats) -> Floats:
    """Regress one-hot truths on embeddings; the penalty is the mean variance of a coordinate."""
    gram = found.T @ found
    penalty = max(float(np.trace(gram)) / len(gram), _ROUNDING)
    solved: Floats = np.linalg.solve(gram + penalty * np.eye(len(gram)), found.T @ (wanted - wanted.mean(0)))
    return solved


def _compared(
    cell: NDArray[np.int64], others: NDArray[np.bool_], held: NDArray[np.int64], scores: Floats
) -> tuple[Floats, Floats]:
    """Sum the scores of the held images, less the means of their cells; and the variance of that under random draws.

    Args:
        others: the images that the directions were not learned from; the held ones are among them.
    """
    cells = int(cell.max()) + 1
    size = np.bincount(cell[others], minlength=cells)
    drawn = np.bincount(cell[held], minlength=cells)
    total, variance = np.zeros(scores.shape[1]), np.zeros(scores.shape[1])
    factor = drawn * (size - drawn) / np.maximum(size - 1, 1)
    for index in range(scores.shape[1]):
        mean = np.bincount(cell[others], scores[others, index], cells) / np.maximum(size, 1)
        off = scores[:, index] - mean[cell]
        spread = np.bincount(cell[others], off[others] ** 2, cells) / np.maximum(size, 1)
        total[index], variance[index] = off[held].sum(), (spread * factor).sum()
    return total, variance
