"""Which of the figures a reader should quote, and why."""

from synthgen.audit.estimates import Corrected
from synthgen.audit.findings import Figure, Quote

FEWEST_LABELS = 20


def quote(valued: int, known: bool, clustered: bool, matrix: Corrected | None, labels: Corrected | None) -> Quote:
    """Labels before a matrix before the judge's bare word.

    Labels need no assumption about the judge. A matrix needs that it errs here as it did where the matrix was made,
    and is not quoted where it corrects nothing well. An attribute that is known needs no correction.
    """
    plain = Figure.CLUSTERED if clustered else Figure.RAW
    alike = "; the interval allows for images of one prompt being alike" if clustered else ""
    if known:
        reason = f"the attribute is known and not judged{alike}" if valued else "no image has a value"
        return Quote(plain if valued else None, reason)
    few = ""
    if labels is not None and labels.shares is not None:
        if labels.labelled >= FEWEST_LABELS:
            return Quote(
                Figure.LABELS, f"{labels.labelled} labelled images correct the judge's errors, whatever they are"
            )
        few = f"; {labels.labelled} labelled images are fewer than the {FEWEST_LABELS} that a correction takes"
    if matrix is not None and matrix.shares is not None:
        if not matrix.doubts:
            right = "right if the judge errs here as often as it did there, in every class"
            return Quote(Figure.MATRIX, f"corrected by the confusion matrix: {right}{few}")
        few += f"; the confusion matrix is no help: {matrix.doubts[0]}"
    if not valued:
        return Quote(None, f"no image has a value{few}")
    return Quote(plain, f"what the judge sees, its errors included, of which the interval does not know{alike}{few}")
