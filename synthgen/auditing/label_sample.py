"""Whether the labelled images are a random sample of the set, which every correction by labels assumes."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.stats import chi2

from synthgen.auditing.findings import place_of
from synthgen.auditing.label_directions import truths_apart
from synthgen.auditing.labelled import Truth
from synthgen.auditing.p_values import p_text
from synthgen.auditing.table import Answers, Table, crossed
from synthgen.stats.estimates import Floats, Ints, holm

LEVEL = 0.01
"""A random sample is refused this often, at most."""
_DRAWS = 4000
_AXES, _FEWEST = 8, 5
"""Main axes of the embeddings that are compared; labelled images that a group needs to be compared at all."""
_ROWS = 20_000
"""Images from which the axes are found."""
_ROUNDING = 1e-9


class _Test(NamedTuple):
    """One test of the null hypothesis that the labelled images were drawn at random, and what it compares, in words."""

    p_value: float
    what: str


def doubt_of(
    table: Table,
    attribute: Answers,
    truth: Truth,
    vectors: NDArray[np.float32] | None,
    rng: np.random.Generator,
) -> str | None:
    """Explain why the labelled images cannot be a random sample of their classes; None if nothing speaks against it.

    Two things can be compared without knowing the truth: what the judge answers, and what the images look like to it.
    Samples are drawn within classes, or within the answers of a class, with weights. In the first case answers must
    occur as often among the labelled images as in the class; in both, images with one answer must look alike, labelled
    or not. If a table also has the rows that were left empty, they are compared with the filled ones.

    Args:
        vectors: embeddings of the images in the order of the table, float32 [n, d]; None if there are none.
    """
    tests = [*_of_answers(table, attribute, truth, rng)]
    if vectors is not None and len(vectors) == len(table):
        tests += _of_pictures(table, attribute, truth.rows, vectors)
        cell = table.label.astype(np.int64) * len(attribute.answers) + attribute.codes
        apart = truths_apart(table.label, cell, truth.rows, truth.truths, vectors, rng)
        tests += (
            [_Test(apart, "they look more like some of the truths than the other images do")]
            if apart is not None
            else []
        )
    corrected = holm([test.p_value for test in tests])
    refused = [(p, test.what) for p, test in zip(corrected, tests, strict=True) if p is not None and p < LEVEL]
    if not refused:
        return None
    p_value, what = min(refused)
    return f"the labelled images are no random sample: {what} ({p_text(p_value)})"


def _of_answers(table: Table, attribute: Answers, truth: Truth, rng: np.random.Generator) -> Iterator[_Test]:
    """Compare the answers of labelled images with those of all, and filled rows with the empty ones beside them."""
    whole = table.counts(attribute.name)
    weight, square = truth.weight.sum(-1), truth.square.sum(-1)
    of_draws = _hypergeometric(whole, weight, weight.sum(-1) ** 2 / np.maximum(square.sum(-1), 1e-300), rng)
    together, apart, alike = of_draws
    yield _Test(together, "the judge's answers on them differ from those on their classes")
    yield _Test(alike, "the judge's answers on them differ from those on their classes, in all classes alike")
    if len(apart):
        worst = int(np.argmin(apart))
        yield _Test(min(1.0, float(apart[worst]) * len(apart)), _in_class(table, attribute, whole, weight, worst))

    if len(truth.blank):
        shape = (len(table.classes), len(attribute.answers))
        filled, empty = (
            crossed((table.label[rows], shape[0]), (attribute.codes[rows], shape[1]))
            for rows in (truth.rows, truth.blank)
        )
        together, _, alike = _hypergeometric(filled + empty, filled.astype(float), filled.sum(-1).astype(float), rng)
        what = "the judge's answers on the rows that were filled in differ from those on the empty ones"
        yield from (_Test(together, what), _Test(alike, what))


def _in_class(table: Table, attribute: Answers, whole: Ints, weight: Floats, index: int) -> str:
    of_all = whole[index] / max(whole[index].sum(), 1)
    of_labelled = weight[index] / max(weight[index].sum(), 1e-300)
    answer = int(np.argmax(np.abs(of_labelled - of_all)))
    said = f"the judge says {attribute.answers[answer]!r} of {of_labelled[answer]:.0%} of the labelled images"
    return f"in {place_of(table.classes[index])}, {said}, and of {of_all[answer]:.0%} of all"


def _hypergeometric(
    whole: Ints, seen: Floats, effective: Floats, rng: np.random.Generator
) -> tuple[float, Floats, float]:
    """Test draws without replacement by Pearson's statistic, with Monte-Carlo p-values.

    Args:
        whole: images by class and answer.
        seen: weights of the drawn ones, likewise.
        effective: how many images of each class count as drawn: with unequal weights, Kish's effective number.

    Returns:
        The p-value of all classes together; one for each class: 1 for one that is not drawn from, or drawn whole; and
        that of the answers' sums over the classes, as in the test of Cochran, Mantel and Haenszel. It sees what small
        samples of many classes share, such as that an answer was avoided in all of them.
    """
    found, null, apart = 0.0, np.zeros(_DRAWS), np.ones(len(whole))
    usual, here, chance = np.zeros(whole.shape[1]), np.zeros(whole.shape[1]), np.zeros((_DRAWS, whole.shape[1]))
    for index, (counts, weights, images) in enumerate(zip(whole, seen, effective, strict=True)):
        drawn = round(float(images))
        if not 0 < drawn < counts.sum():
            continue
        expected = drawn * counts / counts.sum()
        samples = rng.multivariate_hypergeometric(counts, drawn, size=_DRAWS, method="marginals")
        statistic = _pearson(weights / weights.sum() * drawn, expected)
        by_chance = _pearson(samples.astype(float), expected)
        apart[index] = (1 + (by_chance >= statistic - _ROUNDING).sum()) / (1 + _DRAWS)
        found, null = found + float(statistic), null + by_chance
        usual, here, chance = usual + expected, here + weights / weights.sum() * drawn, chance + samples
    summed = (1 + (_pearson(chance, usual) >= _pearson(here, usual) - _ROUNDING).sum()) / (1 + _DRAWS)
    return float((1 + (null >= found - _ROUNDING).sum()) / (1 + _DRAWS)), apart, float(summed)


def _pearson(seen: Floats, expected: Floats) -> Floats:
    there = expected > 0
    found: Floats = ((seen[..., there] - expected[there]) ** 2 / expected[there]).sum(-1)
    return found


def _of_pictures(
    table: Table, attribute: Answers, rows: NDArray[np.int64], vectors: NDArray[np.float32]
) -> Iterator[_Test]:
    """Compare the embeddings of labelled images with those of the same class and answer.

    The features are the coordinates on the main axes, and the distance from the middle of the class and answer. Under
    random draws, the sum of a feature over the labelled images of a class and answer has mean 0 and the variance of
    draws without replacement. Sums over many are nearly normal, so their squares add up to a chi-square.
    """
    answers = len(attribute.answers)
    cell = table.label.astype(np.int64) * answers + attribute.codes
    features = _features(cell, vectors)

    cells = len(table.classes) * answers
    size, drawn = np.bincount(cell, minlength=cells), np.bincount(cell[rows], minlength=cells)
    spread = np.stack([np.bincount(cell, each**2, cells) for each in features.T], axis=1) / np.maximum(size, 1)[:, None]
    factor = drawn * (size - drawn) / np.maximum(size - 1, 1)
    variance = spread * factor[:, None]
    total: Floats = np.stack([np.bincount(cell[rows], each, cells) for each in features[rows].T], axis=1)

    by_answer = np.arange(cells) % answers
    for group, what in ((by_answer, "one answer"), (np.arange(cells) // answers, "one class and answer")):
        statistic, freedom = _chi_square(group, total, variance, drawn)
        if freedom:
            looks = "to the judge, they look unlike the other images"
            yield _Test(float(chi2.sf(statistic, freedom)), f"{looks} of {what}")


def _features(cell: NDArray[np.int64], vectors: NDArray[np.float32]) -> Floats:
    """Return features of each image, centred within its cell: float [n, axes + 1]."""
    _, place, counts = np.unique(cell, return_inverse=True, return_counts=True)
    members = csr_matrix((np.ones(len(place), np.float32), (place, np.arange(len(place)))))
    means = np.asarray(members @ vectors) / counts[:, None].astype(np.float32)

    some = slice(None, None, max(1, len(vectors) // _ROWS))
    off = vectors[some] - means[place[some]]
    _, axes = np.linalg.eigh(off.T @ off)  # the last axes are the main ones

    features = np.empty((len(place), min(_AXES, len(axes)) + 1))
    for start in range(0, len(place), _ROWS):
        rows = slice(start, start + _ROWS)
        off = vectors[rows] - means[place[rows]]
        features[rows] = np.column_stack([off @ axes[:, -_AXES:], np.linalg.norm(off, axis=1)])
    features -= (np.asarray(members @ features) / counts[:, None])[place]
    return features


def _chi_square(group: Ints, total: Floats, variance: Floats, drawn: NDArray[np.integer]) -> tuple[float, int]:
    """Add up squared standard scores of the groups with enough labelled images, and their number."""
    statistic, freedom = 0.0, 0
    for each in np.unique(group):
        own = group == each
        if drawn[own].sum() < _FEWEST:
            continue
        sums, variances = total[own].sum(0), variance[own].sum(0)
        there = variances > _ROUNDING
        statistic += float((sums[there] ** 2 / variances[there]).sum())
        freedom += int(there.sum())
    return statistic, freedom
