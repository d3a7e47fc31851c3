"""Whether labels belong to the rows beside them: a column that was sorted alone, moved by a row, or swapped."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from synthgen.stats.estimates import Floats

FEWEST = 20
"""Labels that this takes, at least."""
_DRAWS = 1000
_BY_CHANCE = 0.01
"""Above this p-value, the judge agrees with the labels no better than chance."""
_SORTED, _AGREES = 6.0, 5.0
"""Standard deviations by which equal neighbours, or agreement with another row or column, are beyond chance."""


def misplaced(
    classes: NDArray[np.integer],
    answers: NDArray[np.integer],
    truths: NDArray[np.integer],
    others: Mapping[str, NDArray[np.integer]],
    rng: np.random.Generator,
) -> str | None:
    """Explain why the labels seem to be those of other rows; None if nothing shows it.

    Two things must come together. Within classes, the judge's answers agree with the labels no more often than if these
    were permuted, which a weak judge may do too. And the labels stand in an order that chance does not make: equal ones
    next to each other, in the table and in each class, far more often than in permutations; or they agree with the
    answers about the row above or below, or about another attribute, where they do not agree with their own.

    Args:
        classes, answers, truths: of the labelled images, in the order of the table of labels: [labels].
        others: by attribute, the judge's answers about others that have the same values.
    """
    if len(truths) < FEWEST or len(np.unique(truths)) < 2:
        return None
    matches, permuted = _agreement(classes, answers, truths, rng)
    if (1 + (permuted >= matches).sum()) / (1 + _DRAWS) <= _BY_CHANCE:
        return None

    by_class = np.argsort(classes, kind="stable")
    if (
        min(_neighbours(truths, np.zeros_like(truths), rng), _neighbours(truths[by_class], classes[by_class], rng))
        > _SORTED
    ):
        return "they are sorted, and the judge agrees with them no more than by chance: was their column sorted alone?"
    for step, where in ((1, "above"), (-1, "below")):
        if _far(*_agreement(classes, answers, np.roll(truths, step), rng)):
            beside = "below" if where == "above" else "above"
            return f"the judge agrees with the labels one row {where}, and not with these: were they moved {beside}?"
    for name, codes in others.items():
        if _far(*_agreement(classes, codes, truths, rng)):
            return f"they agree with the judge on {name}, and not on this attribute: were two columns swapped?"
    return None


def _agreement(
    classes: NDArray[np.integer], answers: NDArray[np.integer], truths: NDArray[np.integer], rng: np.random.Generator
) -> tuple[int, Floats]:
    """Count labels that are the judge's answer, here and in permutations within classes."""
    permuted = np.zeros(_DRAWS)
    for index in np.unique(classes):
        own, said = truths[classes == index], answers[classes == index]
        permuted += (rng.permuted(np.tile(own, (_DRAWS, 1)), axis=1) == said).sum(1)
    return int((answers == truths).sum()), permuted


def _far(matches: int, permuted: Floats) -> bool:
    return bool(matches - permuted.mean() > _AGREES * max(permuted.std(), 0.5))


def _neighbours(truths: NDArray[np.integer], classes: NDArray[np.integer], rng: np.random.Generator) -> float:
    """Return by how many standard deviations equal neighbours of one class exceed those of permutations in classes."""
    together = classes[1:] == classes[:-1]
    permuted = np.tile(truths, (_DRAWS, 1))
    for index in np.unique(classes):
        permuted[:, classes == index] = rng.permuted(permuted[:, classes == index], axis=1)
    by_chance = ((permuted[:, 1:] == permuted[:, :-1]) & together).sum(1)
    seen = int(((truths[1:] == truths[:-1]) & together).sum())
    return float((seen - by_chance.mean()) / max(by_chance.std(), 0.5))
