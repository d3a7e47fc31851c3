"""A confusion matrix beside a few labels of the same place: what both together can carry."""

from collections.abc import Callable
from dataclasses import replace

from synthgen.auditing.gates import Gate
from synthgen.auditing.quote import fewest_labels
from synthgen.stats.estimates import Corrected, Estimate, estimate
from synthgen.stats.limits import share_beyond


def with_few_labels(matrix: Corrected | None, labels: Corrected | None, images: int) -> Corrected | None:
    """Widen the intervals of a matrix so that they contain those of the labels, where these are too few to be quoted.

    A matrix holds only if the judge errs here as it did there. A few labels cannot show that: of thirty, no test sees a
    stereotype that moves a share by ten points. So what is said with a matrix must be true by the labels alone, too,
    whose intervals assume nothing about the judge. Without labels, or with enough of them, the matrix stays as it is.
    """
    if matrix is None or matrix.shares is None or labels is None or labels.shares is None or labels.doubts:
        return matrix
    if labels.labelled >= fewest_labels(images):
        return matrix
    pairs = zip(matrix.shares, labels.shares, strict=True)
    shares = tuple(estimate(own.value, min(own.low, few.low), max(own.high, few.high)) for own, few in pairs)
    return replace(matrix, shares=shares)


def matrix_unchecked_in(unchecked: str | None, labels: Corrected | None, place: str) -> str | None:
    """Explain why nothing shows that a matrix holds in this place, though it may hold on the set; None if labels do.

    Args:
        unchecked: the reason for the set as a whole; None if its labels agree with the matrix.
    """
    if unchecked or labels is None or labels.shares is not None:
        return unchecked
    return f"no labels of {place} show that the confusion matrix holds there"


def beyond_by_labels(here: Estimate, of_all: Estimate | None, gate: Gate) -> Callable[[int], float]:
    """Return a test of a share that a matrix puts beyond its limit: whether the labels alone say so, family-wise.

    If every class keeps the limit, so does the whole set, whose share is a mean of theirs. So the labels of all classes
    together may show that some class breaks it, where those of each class are too few; which one, the matrix says. That
    test is one, so its p-value is divided by the number of classes, by which Holm's correction multiplies it.

    Args:
        here, of_all: the shares by labels in a class and in the whole set.
    """

    def beyond(tests: int) -> float:
        found = share_beyond(here, gate.limit, gate.most, tests=tests)
        return min(found, share_beyond(of_all, gate.limit, gate.most) / tests) if of_all else found

    return beyond
