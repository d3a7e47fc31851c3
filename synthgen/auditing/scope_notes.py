"""What is said beside the figures of a place: which are missing and why, how precise they can be, and caveats."""

from collections.abc import Iterator, Sequence

from synthgen.auditing.effect import Effect
from synthgen.auditing.findings import Figure, Power, Quote
from synthgen.stats.distance import Reference
from synthgen.stats.estimates import Corrected, half_width, images_needed

PRECISION = 0.05
"""The half width of an interval that `Power.images_needed` aims at."""
_UNLIKE = 2.0
"""The effect of a value is shown if it is so many times that of all values."""


def missing_figures(
    valued: int, effect: Effect, matrix: Corrected | None, labels: Corrected | None, rate: float | None
) -> dict[str, str]:
    missing = {}
    if not valued:
        missing[Figure.RAW.value] = "no image has a value"
    if rate is None or not valued:
        missing[Figure.WIDENED.value] = "nothing shows how often the judge errs" if valued else "no image has a value"
    if effect.size is None:
        missing[Figure.CLUSTERED.value] = _no_effect(effect, valued)
    for figure, given, absent in (
        (Figure.MATRIX, matrix, "no confusion matrix was given"),
        (Figure.LABELS, labels, "no labels were given"),
    ):
        if given is None:
            missing[figure.value] = absent
        elif given.shares is None:
            missing[figure.value] = given.reason or ""
    return missing


def _no_effect(effect: Effect, valued: int) -> str:
    if effect.clusters is None and effect.prompts:
        return "all images of a class have one prompt"
    if effect.clusters is None:
        return "no prompts are known, or every image has its own"
    if not valued:
        return "no image has a value"
    what = f"clusters of {effect.shared}" if effect.shared else "prompts"
    few = f"{effect.clusters} {what}, or those of one class, are too few to tell how alike their images are"
    return f"{few}, or all images are alike"


def why_no_distance(reference: Reference | None, wanted: bool, quoted: Quote) -> str | None:
    if reference is None:
        return "no reference was declared, so there is no verdict"
    if not wanted:
        return f"{reference.source} has no images of this class that have a value"
    return None if quoted.figure is not None else "no image has a value"


def power_of(valued: int, images: int, effect: Effect) -> Power:
    """Compute the power at the abstention and design effect seen here; without images, both count as none."""
    answered = valued / images if valued else 1.0
    return Power(half_width(valued / effect.at_least), images_needed(PRECISION, effect.at_least, answered))


def caveats_on(
    effect: Effect,
    matrix: Corrected | None,
    labels: Corrected | None,
    images: int,
    valued: int,
    values: Sequence[str] = (),
) -> list[str]:
    """List the limits of the figures of one place; those of single values for `values` only."""
    found = [caveat for each in (matrix, labels) if each for caveat in (*each.caveats, *each.doubts)]
    if labels is not None and labels.shares is None and labels.labelled:
        found.append(f"not corrected by labels: {labels.reason}")
    if effect.bound and valued:
        what = effect.shared or "images of one prompt"
        found.append(f"{_no_effect(effect, valued)}: the intervals take {what} as all the same")
    if images and valued < images / 2:
        found.append(f"only {valued} of {images} images have a value: the shares are of those alone")
    return [*found, *_unlike(effect, values)]


def _unlike(effect: Effect, values: Sequence[str]) -> Iterator[str]:
    """Say where the images of a group are far more alike in one value than in all of them."""
    for value, own in zip(values, effect.by_value, strict=False):
        if own >= _UNLIKE * effect.at_least:
            what = effect.shared or "images of one prompt"
            yield (
                f"{what} are more alike in {value} (design effect {own:.1f}) than in all values together "
                f"({effect.at_least:.1f}): the interval of {value} allows for that"
            )
