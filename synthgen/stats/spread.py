"""How many different images a set is worth: scores of its kernel matrix."""

import numpy as np
from scipy.stats import t as student

from synthgen.stats.estimates import ALPHA, Estimate, Floats, Z, estimate
from synthgen.stats.search import ROUNDING, Codes, Vectors

DRAWS = 20
_PIECE = 16_384


def spectrum(vectors: Vectors) -> Floats:
    """Return the eigenvalues of K/n for the cosine kernel K = X X', which sum to 1.

    They are those of X'X/n, which is the smaller matrix if there are more images than dimensions: the dual form.
    """
    rows = vectors.astype(np.float64)
    matrix = rows @ rows.T if len(rows) <= rows.shape[1] else rows.T @ rows
    values = np.clip(np.linalg.eigvalsh(matrix / len(rows)), 0, None)
    found: Floats = values / values.sum()
    return found


def vendi(values: Floats) -> float:
    """Return the Vendi score: the exponential of the entropy of the spectrum (Friedman and Dieng 2023, TMLR)."""
    there = values[values > 0]
    return float(np.exp(-(there * np.log(there)).sum()))


def rke(values: Floats) -> float:
    """Return the exponential of the Renyi kernel entropy of order 2 (Jalali, Li and Farnia 2023, NeurIPS)."""
    return float(1 / (values**2).sum())


def of_parts(values: Floats, size: int, of: int, least: float, most: float) -> Estimate:
    """Average a measure of several parts, each of `size` rows drawn without replacement from `of` rows."""
    value, wide = float(values.mean()), half_width(values, size, of)
    return estimate(value, max(value - wide, least), min(value + wide, most))


def half_width(values: Floats, size: int, of: int) -> float:
    """Return half the interval of the mean of `values`, each of `size` rows drawn without replacement from `of` rows.

    The delete-d jackknife (Shao and Wu 1989, Annals of Statistics 17): the variance between parts of a set, times
    size / (of - size), is that between new sets from the source; for halves the factor is 1. Since there are few parts,
    their own share of the variance is added, and the quantile is Student's.
    """
    factor = size / (of - size) + 1 / len(values)
    return float(student.isf(ALPHA / 2, len(values) - 1) * np.sqrt(factor * values.var(ddof=1)))


def draws(size: int, of: int, rng: np.random.Generator) -> list[Codes]:
    """Draw the positions of `size` rows out of `of`, without replacement, `DRAWS` times."""
    return [np.sort(rng.choice(of, size, replace=False)) for _ in range(DRAWS)]


def mean_distance(vectors: Vectors) -> Estimate:
    """Return the mean cosine distance of two rows, with the interval of a U-statistic (Hoeffding 1948).

    The sum over all pairs follows from the sum of all rows, so this takes no matrix of pairs.
    """
    count, total = len(vectors), np.zeros(vectors.shape[1])
    parts = [slice(begin, begin + _PIECE) for begin in range(0, count, _PIECE)]
    for part in parts:
        total += vectors[part].sum(0, dtype=np.float64)
    by_row = np.empty(count)  # mean cosine with the others
    for part in parts:
        rows = vectors[part].astype(np.float64)
        by_row[part] = (rows @ total - np.einsum("ij,ij->i", rows, rows)) / (count - 1)
    value = 1 - float(by_row.mean())
    wide = Z * 2 * float(by_row.std(ddof=1)) / np.sqrt(count)
    return estimate(max(value, 0.0), max(value - wide, 0.0), min(value + wide, 2.0))


def repeated(vectors: Vectors, threshold: float) -> float:
    """Return the share of rows with another row at this cosine or above."""
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    return float((cosines.max(1) >= threshold - ROUNDING).mean())
