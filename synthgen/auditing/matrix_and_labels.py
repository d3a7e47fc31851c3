"""A confusion matrix beside a few labels of the same place: what both together can carry."""

from dataclasses import replace

from synthgen.auditing.quote import fewest_labels
from synthgen.stats.estimates import Corrected, estimate


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
