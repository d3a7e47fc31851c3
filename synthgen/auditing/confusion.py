"""A confusion matrix as the user gives it: labelled images, counted by the truth and by the answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

from synthgen.errors import UsageError
from synthgen.spec import ASIDE
from synthgen.stats.estimates import Corrected, Floats, estimates
from synthgen.stats.inversion import Fit, condition, invert

ILL, HOPELESS = 10.0, 1e6
"""Condition numbers from which a matrix gets a warning, and from which it is not used for a correction."""
_FEW = 30
"""With fewer labelled images of a value than this, a matrix gets a warning."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """A confusion matrix of counts.

    Attributes:
        truths: the names of the rows: every value, and 'not applicable' or 'unknown' if that may be the truth.
        answers: the names of the columns: values, 'not applicable', 'unknown'.
        counts: labelled images as whole numbers, not shares, since they determine how precise the matrix is.
        classes: the matrices of single classes, by the class; `counts` are then their sum. Usually empty.
    """

    truths: tuple[str, ...]
    answers: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    classes: tuple[tuple[str, "Confusion"], ...] = ()

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> "Confusion":
        """Read a table with the truths as its index and the answers as its columns."""
        counts = tuple(tuple(row) for row in frame.to_numpy().tolist())
        return cls(tuple(map(str, frame.index)), tuple(map(str, frame.columns)), counts)

    def checked(self, attribute: str, values: Sequence[str]) -> Floats:
        """Return the counts by truth and answer, checked.

        Both axes are in the order of `values`, then 'not applicable', then 'unknown'. Truths that the matrix lacks have
        no row.

        Raises:
            UsageError: names or numbers are not what an audit of `attribute` needs.
        """
        where = f"the confusion matrix of {attribute}"
        names = (*values, *ASIDE)
        for found, what in ((self.truths, "row"), (self.answers, "column")):
            expected = f"Expected {', '.join(names)}, each once."
            if strange := [name for name in found if name not in names]:
                raise UsageError(f"{where} has a {what} {strange[0]!r}", hint=expected)
            if twice := [name for name in found if found.count(name) > 1]:
                raise UsageError(f"{where} has the {what} {twice[0]!r} twice", hint=expected)
        if missing := [value for value in values if value not in self.truths]:
            raise UsageError(f"{where} has no row {missing[0]!r}", hint="Each value needs images that truly show it.")

        matrix = np.zeros((len(names), len(names)))
        rows, columns = ([names.index(name) for name in found] for found in (self.truths, self.answers))
        shaped = [len(row) for row in self.counts] == [len(columns)] * len(rows)
        given = np.array(self.counts if shaped else np.nan, dtype=float)
        if not (given >= 0).all() or (given != np.round(given)).any():
            hint = "Give counts of labelled images and not shares: counts determine how precise the matrix is."
            raise UsageError(f"{where} does not hold a count for each row and column", hint=hint)
        matrix[np.ix_(rows, columns)] = given
        if empty := [names[row] for row in rows if not matrix[row].any()]:
            hint = "Each value needs images that truly show it." if empty[0] in values else "Leave the row out."
            raise UsageError(f"{where} has no image in the row {empty[0]!r}", hint=hint)
        return matrix[sorted(rows)]


def correct_by_matrix(
    attribute: str, values: Sequence[str], counts: Floats, confusion: Confusion, effects: Floats
) -> list[Corrected]:
    """Estimate the true shares of the values, among images that have one, for each scope.

    A scope is a row of `counts` [scopes, answers]. `effects` are the design effects of the scopes: images that come in
    clusters count as fewer.

    Raises:
        UsageError: the matrix does not fit the attribute, or lacks an answer that occurs.
    """
    ready = prepared(attribute, values, counts, confusion)
    if ready.reason is not None:
        return [Corrected(None, ready.reason)] * len(counts)
    fit = invert(
        counts[:, ready.used] / np.maximum(effects, 1.0)[:, None],
        ready.matrix[:, ready.used],
        np.arange(len(ready.matrix)) >= len(values),
    )
    return [corrected(ready, values, row, fit, index) for index, row in enumerate(counts)]


class Prepared(NamedTuple):
    """A matrix that fits an attribute, before it is inverted.

    Attributes:
        matrix: [truths, answers].
        used: the answers that occur in it or in the set.
        number: the condition number.
        reason: why it cannot be inverted; None if it can.
    """

    matrix: Floats
    used: NDArray[np.bool_]
    number: float
    reason: str | None


def prepared(attribute: str, values: Sequence[str], counts: Floats, confusion: Confusion) -> Prepared:
    """Check a matrix against the answers of some scopes, [scopes, answers].

    Raises:
        UsageError: as `correct_by_matrix`.
    """
    matrix = confusion.checked(attribute, values)
    names = (*values, *ASIDE)
    used = (matrix.sum(0) + counts.sum(0)) > 0
    if unheard := [
        name for name, seen in zip(names, counts.sum(0), strict=True) if seen and name not in confusion.answers
    ]:
        raise UsageError(
            f"the confusion matrix of {attribute} has no column {unheard[0]!r}, which this table has as an answer",
            hint="Make it with the same judge and the same abstention, and keep every answer as a column.",
        )
    number = condition(matrix[:, used])
    hopeless = "the confusion matrix cannot tell the values apart: two of them get the same answers"
    return Prepared(matrix, used, number, hopeless if number > HOPELESS else None)


def corrected(ready: Prepared, values: Sequence[str], counts: Floats, fit: Fit, index: int) -> Corrected:
    """Tell what a fit found in the scope `index`, whose answers are `counts`."""
    if not counts[: len(values)].any():
        # Its abstention alone would say next to nothing about the shares: no figure is better.
        return Corrected(None, "no image has a value" if counts.any() else "no images")
    spare = max(1, int(ready.used.sum()) - len(ready.matrix))
    doubts = _doubts(ready.number, float(fit.misfit[index]), spare)
    shares = estimates(fit.share[index], fit.low[index], fit.high[index])
    return Corrected(shares, None, _few(ready.matrix, values), doubts)


def _few(matrix: Floats, values: Sequence[str]) -> tuple[str, ...]:
    few = [value for value, images in zip(values, matrix.sum(1), strict=False) if images < _FEW]
    return (f"the confusion matrix has fewer than {_FEW} images that truly are {', '.join(few)}",) if few else ()


def _doubts(number: float, misfit: float, spare: int) -> tuple[str, ...]:
    doubts = []
    if number >= ILL:
        doubts.append(f"it is badly conditioned ({number:.0f}): small errors in it become large ones in the shares")
    if misfit > chi2.isf(0.01, spare):
        doubts.append("no shares explain these answers with it: the judge errs differently here")
    return tuple(doubts)
