"""Two judges on the same images: how far they agree, and what each of them finds."""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from statsmodels.stats.inter_rater import cohens_kappa

from synthgen.auditing.table import Answers, Table, check_columns, crossed, read_answers
from synthgen.errors import UsageError
from synthgen.stats.estimates import Estimate, Ints, estimate, wilson


@dataclass(frozen=True, slots=True)
class Agreement:
    """The agreement of two judges on one attribute.

    Attributes:
        images: answered by both, including the answers 'unknown' and 'not applicable'.
        same: the share of images with the same answer.
        kappa: Cohen's kappa (1960) where both gave a value; its interval is Fleiss, Cohen and Everitt's (1969). None
            if it cannot be computed.
        kappa_of_answers: the same for all answers, abstentions included.
        both_valued: images to which both gave a value.
        first, second: the share of each value among the values that each judge gave.
        reason: why there is no kappa.
    """

    attribute: str
    images: int
    same: Estimate | None
    kappa: Estimate | None
    kappa_of_answers: Estimate | None
    both_valued: int
    first: dict[str, Estimate | None]
    second: dict[str, Estimate | None]
    reason: str | None


def agree(table: Table, second: pd.DataFrame, name: str) -> Agreement:
    """Compare the answers of `table` with those of another judge, joined by the column `id`.

    Raises:
        UsageError: a column or an id is missing or duplicated, or a value was not declared.
    """
    check_columns(second, ["id", name], "the second judge's table")
    if table.ids is None:
        raise UsageError("the table has no column 'id'", hint="Two judges' answers are joined by it.")
    if second["id"].duplicated().any():
        twice = second["id"][second["id"].duplicated()].iloc[0]
        raise UsageError(f"the second judge's table has the id {twice!r} twice")
    rows = table.ids.get_indexer(pd.Index(second["id"]))
    if (rows < 0).any():
        raise UsageError(
            f"the second judge's table has the id {second['id'].iloc[int(np.argmin(rows))]!r}, which no image has"
        )

    first = table.attributes[name]
    other = read_answers(second, name, first.values, "the second judge's table")
    counts = crossed((first.codes[rows], len(first.answers)), (other.codes, len(first.answers)))
    return agreement_of(first, counts)


def agreement_of(attribute: Answers, counts: Ints) -> Agreement:
    """Compare two judges by how many images have each pair of their answers, [answers, answers]."""
    values = len(attribute.values)
    both, images = counts[:values, :values], int(counts.sum())
    kappa, reason = kappa_of(both)
    same = wilson(int(np.trace(counts)), images)
    first, second = (_shares(attribute, counts.sum(axis)[:values]) for axis in (1, 0))
    answers = kappa_of(counts)[0]
    return Agreement(attribute.name, images, same, kappa, answers, int(both.sum()), first, second, reason)


def _shares(attribute: Answers, counts: Ints) -> dict[str, Estimate | None]:
    pairs = zip(attribute.values, counts, strict=True)
    return {value: wilson(int(count), int(counts.sum())) for value, count in pairs}


def kappa_of(counts: Ints) -> tuple[Estimate | None, str | None]:
    """Return Cohen's kappa of a square table of counts, or None and why there is none."""
    used = (counts.sum(0) + counts.sum(1)) > 0
    table = counts[np.ix_(used, used)]
    if counts.sum() < 2:
        return None, "fewer than two images that both judges gave a value"
    if used.sum() < 2:
        return None, "both judges gave every image the same value: there is no agreement beyond chance to measure"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a variance of zero divides by it
        found = cohens_kappa(table)
    low, high = max(-1.0, float(found.kappa_low)), min(1.0, float(found.kappa_upp))
    if found.kappa >= 1:
        # Without a disagreement the formula's variance is zero: the interval is that of the share that agrees.
        low, high = _from_agreement(table), 1.0
    return estimate(float(found.kappa), low, high), None


def _from_agreement(table: Ints) -> float:
    images = int(table.sum())
    by_chance = float((table.sum(0) * table.sum(1)).sum()) / images**2
    found = wilson(images, images)
    assert found is not None, "there are images"
    return (found.low - by_chance) / (1 - by_chance)
