"""What labels and a confusion matrix show of the judge's errors: how many, and whether both agree."""

import numpy as np

from synthgen.auditing.labelled import Truth
from synthgen.auditing.p_values import p_text
from synthgen.spec import ASIDE
from synthgen.stats.estimates import Estimate, Floats, Ints, wilson

FEWEST_IN_ALL = 20
"""Labelled images that it takes to show that a matrix holds on a set."""
DRAWS, _LEVEL = 4000, 0.05
_ROUNDING = 1e-9
_NUMBERS = 1_000_000
"""In memory at a time."""


def matrix_unchecked(matrix: Floats, truth: Truth | None, doubt: str | None, rng: np.random.Generator) -> str | None:
    """Explain why nothing shows that a confusion matrix holds on this set; None if labels of the set agree with it.

    Of the labelled images that truly show a value, the judge must give each answer as often as in the matrix: in all
    classes together and in each of them. Pearson's statistics of both comparisons are added, and compared with those of
    samples drawn from what both have in common.

    Args:
        matrix: labelled images elsewhere, by truth and answer, float [values, answers].
        doubt: why the labels are no random sample; None if nothing speaks against it.
    """
    why = too_few(truth, doubt)
    if truth is None or why:
        return why

    here = effective(truth)[:, : len(matrix)]
    together = here.sum(0)
    statistic = float(apart(together, matrix) + apart(here, matrix).sum())

    pooled = (together + matrix) / np.maximum((together + matrix).sum(-1, keepdims=True), 1e-300)
    sizes, of_matrix = (np.rint(table.sum(-1)).astype(int) for table in (here, matrix))
    by_chance: list[Floats] = []
    for many in at_once(DRAWS, here.size):
        drawn = rng.multinomial(sizes, pooled, size=(many, *here.shape[:2]))
        others = rng.multinomial(of_matrix, pooled, size=(many, len(pooled)))
        by_chance.append(apart(drawn.sum(1), others) + apart(drawn, others[:, None]).sum(-1))
    return disagreement(statistic, np.concatenate(by_chance))


def at_once(draws: int, numbers: int) -> list[int]:
    """Divide draws of so many numbers each, so that memory does not grow with them: how many to make at a time."""
    most = max(1, _NUMBERS // max(1, numbers))
    return [min(most, draws - made) for made in range(0, draws, most)]


def too_few(truth: Truth | None, doubt: str | None) -> str | None:
    """Explain why the labels of this set cannot check a matrix; None if they can."""
    seen = int(truth.images.sum()) if truth is not None else 0
    if truth is not None and not doubt and seen >= FEWEST_IN_ALL:
        return None
    why = doubt or (f"only {seen} images are labelled, {FEWEST_IN_ALL} are needed" if seen else "none are given")
    return f"no labels of this set show that the confusion matrix holds on it: {why}"


def disagreement(statistic: float, by_chance: Floats) -> str | None:
    """Say that labels and a matrix disagree, if few of the statistics by chance reach the one found."""
    p_value = (1 + (by_chance >= statistic - _ROUNDING).sum()) / (1 + len(by_chance))
    if p_value >= _LEVEL:
        return None
    why = "the judge errs differently here"
    return f"the labels of this set disagree with the confusion matrix: {why} ({p_text(p_value)})"


def error_rate(matrix: Floats | None, truth: Truth | None, doubt: str | None) -> float | None:
    """Return how often the judge may be wrong, in 0..1: the upper end of an interval. None if nothing shows it.

    An error is an answer that is not the truth, where either of them is a value. From labels, it is their share in all
    classes together; from a matrix, that of the value which it reads worst. The larger one counts.

    Args:
        matrix, doubt: as in `matrix_unchecked`.
    """
    ends = []
    if truth is not None and not doubt and truth.images.any():
        here = effective(truth).sum(0)
        values = len(here) - len(ASIDE)
        counted = here[:values].sum() + here[values:, :values].sum()
        ends.append(wilson(counted - np.trace(here[:values, :values]), counted))
    if matrix is not None:
        ends += [wilson(row.sum() - row[index], row.sum()) for index, row in enumerate(matrix)]
    return max((each.high for each in ends if each is not None), default=None)


def widened(raw: Estimate | None, by: float | None) -> Estimate | None:
    """Widen the interval of a raw share by a share of errors."""
    if raw is None or by is None:
        return None
    return Estimate(raw.value, max(0.0, raw.low - by), min(1.0, raw.high + by))


def effective(truth: Truth) -> Floats:
    """Return labelled images by class, truth and answer. With unequal weights, Kish's effective number counts."""
    weight = truth.weight.swapaxes(1, 2)
    total, square = weight.sum((1, 2)), truth.square.sum((1, 2))
    found: Floats = weight * np.divide(total, square, out=np.zeros_like(total), where=square > 0)[:, None, None]
    return found


def apart(first: Floats | Ints, second: Floats | Ints) -> Floats:
    """Return Pearson's statistic of two tables of rows [..., rows, columns], each row compared with its counterpart.

    With n and m images in two rows, the terms of both add up to (m a - n b)^2 / (n m (a + b)) for counts a and b.
    """
    of_first, of_second = first.sum(-1, keepdims=True), second.sum(-1, keepdims=True)
    scale = 1.0 * of_first * of_second * (first + second)
    squared = (1.0 * of_second * first - 1.0 * of_first * second) ** 2
    found: Floats = np.divide(squared, scale, out=np.zeros_like(scale), where=scale > 0).sum((-1, -2))
    return found
