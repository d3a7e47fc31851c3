"""Confusion matrices that may hold whole percentages, and not counts of images."""

from collections.abc import Iterator, Mapping

from synthgen.auditing.confusion import Confusion


def may_be_percentages(confusions: Mapping[str, Confusion]) -> Iterator[str]:
    """Yield a note on each matrix whose rows all add up to about 100, as percentages do, rounded to whole numbers.

    One row of 100 is likely by chance, as are a hundred images drawn of each value: so it is no error.
    """
    for name, confusion in confusions.items():
        own = [matrix for _, matrix in confusion.classes] or [confusion]
        rows = [sum(row) for matrix in own for row in matrix.counts]
        if len(rows) > 1 and all(99 <= total <= 101 for total in rows):
            yield (
                f"the confusion matrix of {name}: every row adds up to about 100. It is read as counts of about 100 "
                "images in each row; if these are percentages, give the counts, which determine how precise it is"
            )
