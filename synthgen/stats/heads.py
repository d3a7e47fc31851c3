"""A head: a ridge regression from many numbers of each row to few, with predictions for its own rows out of sample."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.stats.estimates import Floats

PENALTIES = tuple(10.0**power for power in np.arange(-2.0, 2.5, 0.5))
"""The penalties that are tried, in units of a row's own kernel, which is about 1."""


@dataclass(frozen=True, slots=True)
class Head:
    """A fitted head. Rows of one group share more than rows of two: half of what is learned is the group's own.

    Attributes:
        out_of_sample: what a head would predict for each of its own rows had it not seen that row: [rows, outputs].
        penalty: the one with the smallest error out of sample.
    """

    out_of_sample: Floats
    penalty: float
    _mean: Floats
    _scale: Floats
    _rows: Floats
    _groups: NDArray[np.int64]
    _weights: Floats
    _offset: Floats

    def predict(self, numbers: Floats, groups: Sequence[int]) -> Floats:
        """Predict the outputs of new rows: [rows, outputs]."""
        rows = (numbers - self._mean) / self._scale
        kernel = _kernel(rows, np.asarray(groups), self._rows, self._groups)
        predicted: Floats = kernel @ self._weights + self._offset
        return predicted


def fit_head(numbers: Floats, groups: Sequence[int], outputs: Floats) -> Head:
    """Fit a ridge regression in its dual form, since rows are fewer than numbers.

    The errors out of sample are exact and take no second fit: y_i - a_i / G_ii with G = (K + penalty)^-1 and a = G y
    (Golub, Heath and Wahba 1979, Technometrics 21). Numbers are standardized first, without regard to the outputs.

    Args:
        numbers: [rows, numbers]; at least two rows.
        groups: of each row.
        outputs: [rows, outputs].

    Example:
        >>> import numpy as np
        >>> from synthgen.stats.heads import fit_head
        >>> numbers = np.random.default_rng(0).normal(size=(60, 5))
        >>> head = fit_head(numbers, [0] * 60, numbers[:, :1] * 2)
        >>> round(float(head.predict(np.eye(5)[:1] * 0.5, [0])[0, 0]))
        1
    """
    mean, scale = numbers.mean(0), numbers.std(0)
    scale = np.where(scale > 1e-6 * max(float(scale.max()), 1e-12), scale, np.inf)  # what never changes tells nothing
    rows, codes = (numbers - mean) / scale, np.asarray(groups, dtype=np.int64)
    offset = outputs.mean(0)
    centred = outputs - offset

    values, vectors = np.linalg.eigh(_kernel(rows, codes, rows, codes))
    along = vectors.T @ centred
    best: tuple[float, float, Floats, Floats] | None = None
    for penalty in PENALTIES:
        inverse = 1 / (np.maximum(values, 0) + penalty)
        weights = vectors @ (along * inverse[:, None])
        errors = weights / ((vectors**2) @ inverse)[:, None]
        size = float((errors**2).mean())
        if best is None or size < best[0]:
            best = size, penalty, weights, errors
    assert best is not None, "there are penalties"
    _, penalty, weights, errors = best
    return Head(outputs - errors, penalty, mean, scale, rows, codes, weights, offset)


def _kernel(rows: Floats, groups: NDArray[np.int64], others: Floats, of_others: NDArray[np.int64]) -> Floats:
    same = groups[:, None] == of_others[None, :]
    kernel: Floats = (rows @ others.T / rows.shape[1] + 1) * (0.5 + 0.5 * same)
    return kernel
