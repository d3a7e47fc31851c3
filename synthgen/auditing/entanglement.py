"""Entanglement: whether steering one attribute also moves another, from the ledger of every attempt."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from synthgen.auditing.table import Answers, check_columns, crossed, encode, read_answers
from synthgen.errors import UsageError
from synthgen.records import Cell
from synthgen.stats.aims import common_difference, general_association
from synthgen.stats.association import Test, with_holm
from synthgen.stats.estimates import Estimate, Ints, wilson

AIMED: Final = "cell aimed"
"""The column of the ledger with the name of the cell that an attempt was aimed at."""


@dataclass(frozen=True, slots=True)
class Hits:
    """How often an image aimed at a value was measured to have it.

    Attributes:
        class_name: None for all classes together.
        value: None for all values together.
        images: aimed at the value and measured.
        otherwise: the share with this value among the images of the class that were aimed at another one; None for all
            values together, or if there are none.
    """

    attribute: str
    class_name: str | None
    value: str | None
    images: int
    hits: int
    rate: Estimate | None
    otherwise: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """What aiming at one value of an attribute does to one answer about another.

    Attributes:
        aimed: the value aimed at.
        answer: about the other attribute; may be 'unknown' or 'not applicable'.
        difference: the share of the answer among images aimed at the value, minus that among images aimed at others:
            within strata, then averaged. See `stats.aims.common_difference`.
    """

    aimed: str
    answer: str
    difference: Estimate


@dataclass(frozen=True, slots=True)
class Entangled:
    """One steered attribute and another one that was measured.

    Attributes:
        images: in strata in which more than one value was aimed at.
        strata: their number: a class, with the same aims for every other attribute.
        moves: the largest first.
        test: whether the answers depend on the aim; adjusted over all pairs by Holm's method.
        reason: why there is no test.
    """

    steered: str
    measured: str
    images: int
    strata: int
    moves: tuple[Move, ...]
    test: Test | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Entanglement:
    """What aiming at a cell did, over every attempt that made a picture that was measured, accepted or not.

    Attributes:
        images: attempts with a measured picture.
        left_out: attempts without one.
        steering: for each aimed attribute that was measured, hits overall and in each class.
        pairs: each attribute that a variable of the prompts steers, with each other measured one.
    """

    images: int
    left_out: int
    steering: tuple[Hits, ...]
    pairs: tuple[Entangled, ...]


def read_entanglement(
    ledger: pd.DataFrame,
    attributes: Mapping[str, Sequence[str]],
    cells: Mapping[str, Cell],
    steered: Sequence[str],
    rng: np.random.Generator,
) -> Entanglement | None:
    """Compare what was aimed at with what was measured; None if no attempt aimed at a value of an attribute.

    All measured attempts count, whatever the filters said of them: a filter may select by any attribute, which ties
    attributes to each other among accepted images even where steering ties none. Which cell an attempt aims at depends
    on earlier verdicts only, and each attempt has noise of its own. Given the aim, images are thus comparable. Hard
    cells get more attempts, though, so the aims of two attributes may go together: a stratum has one class and one
    aim for each other attribute.

    Args:
        ledger: `label`, the aimed cell in the column `AIMED`, and a column for each of `attributes`, which is missing
            where nothing was measured.
        cells: by name.
        steered: the attributes that the prompt may name.

    Raises:
        UsageError: a column is missing, or a cell or a value is unknown.
    """
    check_columns(ledger, ["label", AIMED, *attributes], "the ledger")
    if strange := [str(name) for name in ledger[AIMED].unique() if name not in cells]:
        hint = "The run's spec has no such cell: audit the run with the plan that it was made by."
        raise UsageError(f"the ledger aims at the cell {strange[0]!r}", hint=hint)
    aims = pd.DataFrame([dict(cells[name].values) for name in ledger[AIMED]], index=ledger.index)
    if not attributes or aims.empty or not len(aims.columns):
        return None
    measured = ledger[list(attributes)].notna().all(axis=1)
    frame, aims = ledger[measured], aims[measured]

    answers = {name: read_answers(frame, name, values, "the ledger") for name, values in attributes.items()}
    steering = [hit for name in aims.columns if name in answers for hit in _hits(frame["label"], aims[name], answers)]
    pairs = [
        _pair(frame["label"], aims, name, answers[other], rng)
        for name in aims.columns
        if name in steered
        for other in answers
        if other != name
    ]
    adjusted = with_holm([pair.test for pair in pairs])
    pairs = [replace(pair, test=test) for pair, test in zip(pairs, adjusted, strict=True)]
    return Entanglement(len(frame), len(ledger) - len(frame), tuple(steering), tuple(pairs))


def _hits(label: pd.Series, aims: pd.Series, answers: Mapping[str, Answers]) -> Iterator[Hits]:
    """Count hits of one attribute: overall and by class, for all values and for each."""
    found = answers[str(aims.name)]
    values, (kind, classes) = len(found.values), pd.factorize(label.astype("string"), sort=True)
    aimed = encode(aims, found.values)
    table = crossed((kind, len(classes)), (aimed, values), (found.codes, len(found.answers)))
    tables: list[tuple[str | None, Ints]] = [(None, table.sum(0)), *zip(classes, table, strict=True)]

    for name, counts in tables:
        hits, images = counts.diagonal()[:values], counts.sum(1)
        of, hit = int(images.sum()), int(hits.sum())
        yield Hits(found.name, name, None, of, hit, wilson(hit, of))
        for index, value in enumerate(found.values):
            of, hit = int(images[index]), int(hits[index])
            others = counts[:, index].sum() - counts[index, index], images.sum() - images[index]
            yield Hits(found.name, name, value, of, hit, wilson(hit, of), wilson(*map(int, others)))


def _pair(label: pd.Series, aims: pd.DataFrame, name: str, other: Answers, rng: np.random.Generator) -> Entangled:
    tables, values = _tables(label, aims, name, other)
    images, strata = int(tables.sum()), len(tables)
    if not strata:
        reason = "no class has images aimed at two of its values and alike otherwise"
        return Entangled(name, other.name, images, strata, (), None, reason)
    if (tables.sum((0, 1)) > 0).sum() < 2:
        return Entangled(name, other.name, images, strata, (), None, "every image has the same answer")

    moves = [
        Move(value, answer, difference)
        for row, value in enumerate(values)
        for column, answer in enumerate(other.answers)
        if tables[:, :, column].any()
        and (difference := common_difference(tables[:, row], tables.sum(1) - tables[:, row], column)) is not None
    ]
    moves.sort(key=lambda move: -abs(move.difference.value))
    return Entangled(name, other.name, images, strata, tuple(moves), general_association(tables, rng))


def _tables(label: pd.Series, aims: pd.DataFrame, name: str, other: Answers) -> tuple[Ints, list[str]]:
    """Count images by stratum, aim and answer, in the strata with two aims or more."""
    aimed, values = pd.factorize(aims[name], sort=True)
    beside = [aims[column] for column in aims.columns if column != name]
    keys = pd.DataFrame({0: label, **dict(enumerate(beside, 1))})
    stratum = keys.groupby(list(keys.columns), sort=True).ngroup().to_numpy(dtype=np.int64)
    shape = int(stratum.max(initial=-1)) + 1
    tables = crossed((stratum, shape), (aimed, len(values)), (other.codes, len(other.answers)))
    return tables[(tables.sum(2) > 0).sum(1) > 1], [str(value) for value in values]
