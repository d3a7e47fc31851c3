"""Which of the figures a reader should quote, why, and whether a gate may use it."""

from synthgen.auditing.findings import OVERALL, Figure, Quote
from synthgen.auditing.opinion import Opinion
from synthgen.stats.estimates import Corrected

FEWEST_LABELS = 20
UNCHECKED = "this judge has not been checked on this set"


def fewest_labels(images: int) -> int:
    """Return how many labels correct the shares of `images` images; with few images, all of them, a census."""
    return min(FEWEST_LABELS, images)


def quote(
    valued: int,
    known: bool,
    clustered: str | bool,
    matrix: Corrected | None,
    labels: Corrected | None,
    place: str = OVERALL,
    images: int = FEWEST_LABELS,
    matrix_unchecked: str | None = None,
    widened: bool = False,
    opinion: Opinion | None = None,
    by_class: str | None = None,
) -> Quote:
    """Choose the figure: labels before a matrix before the judge's bare word.

    Labels need no assumption about the judge, but must be a random sample. A matrix assumes that the judge errs here as
    it did where the matrix was made, which labels of this set must show before a gate uses it. Neither is quoted if
    something speaks against it. Where labels are too few, or labels elsewhere or a matrix show that the judge errs, the
    quoted interval is wide enough for that, and not that of the bare answers.

    `place` has `images` images, with or without a value.

    Args:
        clustered: which images depend on each other, if the interval allows for that, in words.
        matrix_unchecked: why nothing shows that the matrix holds on this set; None if labels agree with it.
        widened: whether the raw interval was widened by errors of the judge.
        opinion: what other judges say, where there are neither labels nor a matrix.
        by_class: which matrix corrected this place and when that is right, if matrices of single classes were given.
    """
    plain = Figure.CLUSTERED if clustered else Figure.RAW
    alike = f"; the interval allows for {clustered} being alike" if clustered else ""
    if known:
        reason = f"the attribute is known and not judged{alike}" if valued else "no image has a value"
        return Quote(plain if valued else None, reason)

    few = ""
    has_labels = labels is not None and labels.shares is not None and not labels.doubts
    if labels is not None and labels.doubts:
        few = f"; the labels are not used: {labels.doubts[0]}"
    elif labels is not None and has_labels:
        if labels.labelled >= fewest_labels(images):
            return Quote(
                Figure.LABELS, f"{labels.labelled} labelled images correct the judge's errors, whatever they are"
            )
        few = f"; {labels.labelled} labelled images are fewer than the {fewest_labels(images)} that a correction takes"

    if matrix is not None and matrix.shares is not None:
        if not matrix.doubts:
            right = "right if the judge errs here as often as it did there, in every class"
            wide = "; its interval contains that of these labels" if few and has_labels else ""
            reason = f"corrected by {by_class or f'the confusion matrix: {right}'}{few}{wide}"
            return Quote(Figure.MATRIX, reason, matrix_unchecked)
        few += f"; the confusion matrix does not help: {matrix.doubts[0]}"

    if not valued:
        return Quote(None, f"no image has a value{few}")
    unchecked = _unchecked(matrix, labels, place, images)
    if has_labels:
        return Quote(Figure.LABELS, f"the few labels say no more than this{few}", unchecked)
    if widened:
        return Quote(
            Figure.WIDENED, f"what the judge sees, give or take the errors that it was seen to make{few}", unchecked
        )
    if opinion is not None and opinion.unchecked is None:
        return Quote(Figure.AGREED, f"what the judge sees, give or take the images on which {opinion.judges} differs")
    if opinion is not None:
        unchecked = f"{unchecked}; {opinion.unchecked}"
    reason = f"what the judge sees, its errors included, which the interval does not cover{alike}{few}"
    return Quote(plain, reason, unchecked)


def _unchecked(matrix: Corrected | None, labels: Corrected | None, place: str, images: int) -> str:
    """Explain why neither labels nor a matrix check the judge in this place."""
    found = []
    if labels is not None:
        found.append(labels.doubts[0] if labels.doubts else _too_few(labels, place, images))
    if matrix is not None:
        found.append(f"the confusion matrix was refused: {matrix.doubts[0] if matrix.doubts else matrix.reason}")
    return "; ".join(found) or UNCHECKED


def _too_few(labels: Corrected, place: str, images: int) -> str:
    needed = fewest_labels(images)
    if labels.labelled >= needed:
        return f"{labels.reason} ({place})"
    where = place if place == OVERALL else f"in {place}"
    many = {0: "no labels", 1: "only 1 label"}.get(labels.labelled, f"only {labels.labelled} labels")
    return f"{many} {where}; {needed} are needed" + (": all of its images" if needed == images else "")
