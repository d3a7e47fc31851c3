"""Where the next images should go: to the classes and groups whose validation images the learner gets wrong. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

import numpy as np

from synthgen.errors import UsageError
from synthgen.evaluating.arms import ArmKind
from synthgen.evaluating.contract import Divided
from synthgen.evaluating.experiment import TrainedArm
from synthgen.evaluating.slices import MOST
from synthgen.sets.near_names import listed
from synthgen.spec import ASIDE, limited
from synthgen.spec.errors_file import ErrorsFile, MeasuredErrors, ValidationImages
from synthgen.stats.paired import Correct
from synthgen.stats.shrunken import shrunken_rates

FLOOR = 0.5
"""Every class and group has at least this part of an even share, so that none is forgotten."""
FEW = 5
"""Of fewer validation images than this, an error rate says little."""
_PARTS = 10_000
"""Shares are whole numbers of so many parts, so that they add up to 1; of more where there are very many."""
_DIGITS = 6


def check_columns(divided: Divided) -> None:
    """Check that the real set has groups to aim at, before anything is trained.

    Raises:
        UsageError: a column has no value for its images, or too many.
    """
    for column, cells in divided.real.attributes.items():
        values = set(cells) - {None, *ASIDE}
        if not values or len(values) > MOST:
            many = f"{len(values):,} values, of {MOST} at most" if values else "no value"
            what = f"{column!r} has {many}, for the real images that are left for training"
            hint = "Name another column, or leave out `suggest`."
            raise UsageError(what, argument="group", hint=hint)


def suggestion(
    divided: Divided, trained: Sequence[TrainedArm], learner: str, judge: tuple[str, str], seed: int
) -> ErrorsFile:
    """Divide the next images by the errors of the arm that is best in validation.

    Args:
        judge: its name and revision.
    """
    arm = chosen_arm(trained)
    hits, of = _tally(divided, arm, np.ones(len(divided.real), dtype=bool))
    classes = _measured(divided, arm, divided.real.labels, divided.classes)
    groups = {}
    for column, cells in divided.real.attributes.items():
        values = tuple(sorted({value for value in cells if value is not None} - {*ASIDE}))
        groups[column] = _measured(divided, arm, cells, values)

    return ErrorsFile(
        synthgen_errors=1,
        arm=arm.arm.name,
        learner=learner,
        judge=judge[0],
        revision=judge[1],
        seeds=len(arm.correct),
        seed=seed,
        floor=FLOOR,
        validation=ValidationImages(
            images=int((arm.seen > 0).sum()), independent=of, error=round(hits / of if of else 0.0, _DIGITS)
        ),
        classes=classes,
        groups=groups,
        notes=tuple(_notes(classes, groups)),
    )


def chosen_arm(trained: Sequence[TrainedArm]) -> TrainedArm:
    """Return the best of the arms with real images, with or without synthetic ones; of equals, the largest.

    With synthetic images that do not help, it is the one without.
    """
    candidates = [each for each in trained if each.arm.kind in (ArmKind.REAL, ArmKind.MIXED)]
    return max(candidates, key=lambda each: (each.validation, each.arm.ratio))


def _measured(
    divided: Divided, arm: TrainedArm, cells: Sequence[str | None], names: Sequence[str]
) -> dict[str, MeasuredErrors]:
    """Estimate the error rates of images by name, and the shares that follow."""
    values = np.array(cells, dtype=object)
    members = {name: np.asarray(values == name) for name in names}
    tallies = [_tally(divided, arm, each) for each in members.values()]
    rates = shrunken_rates([hits for hits, _ in tallies], [of for _, of in tallies])
    some = any(hits for hits, _ in tallies)  # without errors, rates differ by numbers of images alone
    shares = shares_of_errors({name: rate.value if some else 1.0 for name, rate in zip(names, rates, strict=True)})
    return {
        name: MeasuredErrors(
            images=int((arm.seen[members[name]] > 0).sum()),
            independent=of,
            wrong=round(hits, _DIGITS),
            error=round(rate.value, _DIGITS),
            low=round(rate.low, _DIGITS),
            high=round(rate.high, _DIGITS),
            share=shares[name],
        )
        for name, (hits, of), rate in zip(names, tallies, rates, strict=True)
    }


def _tally(divided: Divided, arm: TrainedArm, members: Correct) -> tuple[float, int]:
    """Count independent images that validated, and how many of them were wrong.

    An image counts once, however many seeds had it, and so do images that belong together: by how often it was wrong.
    """
    rows = np.flatnonzero(members & (arm.seen > 0))
    _, places = np.unique(divided.groups[rows], return_inverse=True)
    often = arm.wrong[rows] / arm.seen[rows]
    together = np.bincount(places)
    return float((np.bincount(places, weights=often) / together).sum()), len(together)


def shares_of_errors(errors: Mapping[str, float]) -> dict[str, float]:
    """Return shares in proportion to errors, of which each is at least `FLOOR` of an even one.

    Example:
        >>> shares_of_errors({"chef": 0.3, "doctor": 0.1})
        {'chef': 0.625, 'doctor': 0.375}
    """
    total = sum(errors.values())
    even = Fraction(1, len(errors))
    floor = Fraction(str(FLOOR))
    parts = {name: floor * even + (1 - floor) * Fraction(error / total) for name, error in errors.items()}
    pieces = max(_PARTS, 10 * len(errors))
    return {name: part / pieces for name, part in limited(parts, pieces).items()}


def _notes(classes: Mapping[str, MeasuredErrors], groups: Mapping[str, Mapping[str, MeasuredErrors]]) -> Iterator[str]:
    """Name what validation images say little or nothing of."""
    for what, measured in {"class": classes, **groups}.items():
        if not any(each.wrong for each in measured.values()):
            of = sum(each.independent for each in measured.values())
            yield f"{what}: none of {of} validation images was wrong, so shares are even: nothing is aimed at"
        if unseen := [name for name, each in measured.items() if not each.independent]:
            yield f"{what}: no validation images of {listed(unseen, 3)}, so the rate of all is taken"
        if few := [name for name, each in measured.items() if 0 < each.independent < FEW]:
            yield f"{what}: fewer than {FEW} validation images of {listed(few, 3)}"
