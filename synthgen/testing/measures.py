"""The contract of an `ImageMeasure`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from synthgen.testing.checking import require
from synthgen.testing.fakes import HashedEncoder, make_batch

if TYPE_CHECKING:
    from synthgen.judging.measure import ImageBatch, ImageMeasure

TOLERANCE = 1e-4
"""By how much a score may differ in another batch."""

Scores = dict[str, list[float]]


def check_measure(make: Callable[[], ImageMeasure]) -> None:
    """Run every check of the contract.

    Args:
        make: gives a new measure on which `setup` has not been called.

    Raises:
        AssertionError: a check fails; it says what was expected.
    """
    for check in MEASURE_CHECKS:
        check(make)


def names_are_known_before_setup(make: Callable[[], ImageMeasure]) -> None:
    """`names` are texts, none twice; the ledger's columns are made of them."""
    names = tuple(make().names)
    require(names and all(name.isidentifier() for name in names), f"names must be identifiers, found {names}")
    require(len(set(names)) == len(names), f"names must differ, found {names}")


def names_begin_with_the_first(make: Callable[[], ImageMeasure]) -> None:
    """All `names` of a plug-in begin with the first and `_`, so that two plug-ins never share a column.

    The judge's own measures need not: their names are known.
    """
    first, *others = make().names
    strange = [name for name in others if not name.startswith(f"{first}_")]
    require(not strange, f"names after the first must begin with '{first}_', found {strange}")


def every_name_has_a_number_for_each_image(make: Callable[[], ImageMeasure]) -> None:
    """`measure` gives for each of `names`, and nothing else, one number for each image."""
    measure = _ready(make)
    scores = _scores(measure, make_batch(5))
    require(set(scores) == set(measure.names), f"measure must give {measure.names}, found {tuple(scores)}")
    for name, column in scores.items():
        right = len(column) == 5 and not any(map(math.isinf, column))
        require(right, f"{name} must be 5 floats for 5 images, found {column}")


def an_image_scores_the_same_in_any_batch(make: Callable[[], ImageMeasure]) -> None:
    """An image's scores depend on it alone: a run may render in batches of any size."""
    measure, batch = _ready(make), make_batch(5)
    together, again = _scores(measure, batch), _scores(measure, batch)
    for index in range(5):
        alone = _scores(measure, _part(batch, index))
        for name, column in together.items():
            same = _close(column[index], alone[name][0]) and _close(column[index], again[name][index])
            require(same, f"{name} of one image is {alone[name][0]} alone and {column[index]} in a batch")


MEASURE_CHECKS: tuple[Callable[[Callable[[], ImageMeasure]], None], ...] = (
    names_are_known_before_setup,
    names_begin_with_the_first,
    every_name_has_a_number_for_each_image,
    an_image_scores_the_same_in_any_batch,
)


def _ready(make: Callable[[], ImageMeasure]) -> ImageMeasure:
    measure = make()
    measure.setup(HashedEncoder())
    return measure


def _scores(measure: ImageMeasure, batch: ImageBatch) -> Scores:
    return {name: column.float().tolist() for name, column in measure.measure(batch).items()}


def _part(batch: ImageBatch, index: int) -> ImageBatch:
    part = slice(index, index + 1)
    return type(batch)(batch.images[part], batch.embeddings[part], batch.candidates[part])


def _close(value: float, other: float) -> bool:
    return math.isclose(value, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE) or (math.isnan(value) and math.isnan(other))
