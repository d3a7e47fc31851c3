"""How many different images a set is worth: scores of its kernel matrix."""

import numpy as np

from synthgen.audit.embeddings.search import Codes, Vectors
from synthgen.audit.estimates import Estimate, Floats, Z, estimate

DRAWS = 20


def spectrum(vectors: Vectors) -> Floats:
    """The eigenvalues of K/n for the cosine kernel K = X X', which sum to 1.

    They are those of X'X/n, which is the smaller matrix where there are more images than dimensions: the dual form.
    """
    rows = vectors.astype(np.float64)
    matrix = rows @ rows.T if len(rows) <= rows.shape[1] else rows.T @ rows
    values = np.clip(np.linalg.eigvalsh(matrix / len(rows)), 0, None)
    found: Floats = values / values.sum()
    return found


def vendi(values: Floats) -> float:
    """The Vendi score: the exponential of the entropy of the spectrum (Friedman and Dieng 2023, TMLR)."""
    there = values[values > 0]
    return float(np.exp(-(there * np.log(there)).sum()))


def rke(values: Floats) -> float:
    """The exponential of the Renyi kernel entropy of order 2 (Jalali, Li and Farnia 2023, NeurIPS)."""
    return float(1 / (values**2).sum())


def of_halves(values: Floats, least: float, most: float) -> Estimate:
    """From a measure of several random halves: their mean, and what the whole could be.

    The variance of a measure over halves drawn without replacement is about that of the measure over sets of the
    whole's size (the delete-half jackknife, Shao and Wu 1989, Annals of Statistics 17).
    """
    value, wide = float(values.mean()), Z * float(values.std(ddof=1))
    return estimate(value, max(value - wide, least), min(value + wide, most))


def draws(size: int, of: int, rng: np.random.Generator) -> list[Codes]:
    """Places of `size` rows `of` so many, drawn without replacement, `DRAWS` times."""
    return [np.sort(rng.choice(of, size, replace=False)) for _ in range(DRAWS)]


def mean_distance(vectors: Vectors) -> Estimate:
    """Mean cosine distance of two rows, with the interval of a U-statistic (Hoeffding 1948).

    The sum over all pairs follows from the sum of all rows, so this takes no matrix of pairs.
    """
    rows = vectors.astype(np.float64)
    count, total = len(rows), rows.sum(0)
    by_row = (rows @ total - np.einsum("ij,ij->i", rows, rows)) / (count - 1)  # mean cosine with the others
    value = 1 - float(by_row.mean())
    wide = Z * 2 * float(by_row.std(ddof=1)) / np.sqrt(count)
    return estimate(max(value, 0.0), max(value - wide, 0.0), min(value + wide, 2.0))
