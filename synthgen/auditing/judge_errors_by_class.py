"""What is known of the judge's errors in each place, by one confusion matrix or by those of single classes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthgen.auditing.confusion import Confusion
from synthgen.auditing.confusion_classes import matrices, told
from synthgen.auditing.judge_errors import (
    DRAWS,
    apart,
    disagreement,
    effective,
    error_rate,
    matrix_unchecked,
    too_few,
)
from synthgen.auditing.labelled import Truth
from synthgen.auditing.table import Answers
from synthgen.stats.estimates import Floats, Ints

FEWEST_IN_CLASS = 5
"""Labelled images of a class that it takes, besides those of the others, to show that its own matrix holds in it."""


class JudgeErrors(NamedTuple):
    """What is known of the judge's errors in one place.

    Attributes:
        matrix_unchecked: why nothing shows that the matrix holds; None if labels agree with it.
        rate: see `error_rate`.
        by_class: see `told`.
    """

    matrix_unchecked: str | None
    rate: float | None
    by_class: str | None = None


def errors_in_places(
    answers: Answers,
    classes: Sequence[str],
    images: Ints,
    confusion: Confusion | None,
    truth: Truth | None,
    doubt: str | None,
    rng: np.random.Generator,
) -> list[JudgeErrors]:
    """Return what is known overall, then in each class. `images` are those of each class."""
    if confusion is None:
        return [JudgeErrors(None, error_rate(None, truth, doubt))] * (1 + len(classes))
    pooled = confusion.checked(answers.name, answers.values)[: len(answers.values)]
    if not confusion.classes:
        unchecked = matrix_unchecked(pooled, truth, doubt, rng)
        return [JudgeErrors(unchecked, error_rate(pooled, truth, doubt))] * (1 + len(classes))

    each = matrices(confusion, answers.name, answers.values, classes)
    own = [name in dict(confusion.classes) for name in classes]
    doubts = matrices_unchecked(each, own, truth, doubt, rng)
    rates = [error_rate(matrix, truth, doubt) for matrix in each]
    there = [(rate, many) for rate, many in zip(rates, images.tolist(), strict=True) if rate is not None and many]
    mean = sum(rate * many for rate, many in there) / sum(many for _, many in there) if there else None
    places = zip((None, *classes), doubts, (mean, *rates), strict=True)
    return [JudgeErrors(why, rate, told(confusion, name, classes)) for name, why, rate in places]


def matrices_unchecked(
    each: Sequence[Floats], own: Sequence[bool], truth: Truth | None, doubt: str | None, rng: np.random.Generator
) -> list[str | None]:
    """Explain overall, then for each class, why nothing shows that its matrix holds; None where labels agree with it.

    It takes the labels that `matrix_unchecked` takes; and in a class with a matrix of its own at least five of them,
    since other classes say nothing about it. The labels of all classes together, each compared with its own matrix,
    must agree everywhere; those of a class must agree in this class, too.

    Args:
        each: the matrix of each class, [values, answers].
        own: whether it is of this class alone.
    """
    why = too_few(truth, doubt)
    if truth is None or why:
        return [why] * (1 + len(each))
    found: list[str | None] = []
    total, total_by_chance = 0.0, np.zeros(DRAWS)
    labelled = effective(truth)[:, : len(each[0])] if each else ()
    for here, matrix, alone, seen in zip(labelled, each, own, truth.images.tolist(), strict=True):
        if not seen:
            found.append(_few(0) if alone else None)
            continue
        pooled = (here + matrix) / np.maximum((here + matrix).sum(-1, keepdims=True), 1e-300)
        drawn, others = (
            rng.multinomial(np.rint(table.sum(-1)).astype(int), pooled, size=(DRAWS, len(pooled))).astype(float)
            for table in (here, matrix)
        )
        statistic, by_chance = float(apart(here, matrix)), apart(drawn, others)
        total, total_by_chance = total + statistic, total_by_chance + by_chance
        few = _few(int(seen)) if alone and seen < FEWEST_IN_CLASS else None
        found.append(few or disagreement(statistic, by_chance))
    overall = disagreement(total, total_by_chance)
    return [overall, *(reason or overall for reason in found)]


def _few(seen: int) -> str:
    return (
        "no labels of this class show that its confusion matrix holds: "
        f"{seen} of its images are labelled, {FEWEST_IN_CLASS} are needed"
    )
