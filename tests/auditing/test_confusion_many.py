"""A matrix for each of many classes: the same figures as one by one, without a fit for each."""

from typing import Any

import numpy as np
import pytest

from synthgen.auditing.confusion import Confusion, correct_by_matrix
from synthgen.auditing.confusion_classes import correct_in_classes
from synthgen.stats.inversion import Fit, invert

VALUES = ("woman", "man")
ANSWERS = (*VALUES, "unknown")


def matrices(many: int) -> Confusion:
    """Every third class has no errors of one kind, every fifth a judge that tells nothing, some have none."""
    rng = np.random.default_rng(4)
    own = []
    for index in range(many):
        wrong = rng.integers(0, 12, 2) * (index % 3 > 0)
        rows = ((50, int(wrong[0]), 5), (int(wrong[1]), 50, 0 if index % 2 else 4))
        rows = ((25, 25, 0), (25, 25, 0)) if index % 5 == 0 else rows
        own.append((f"c{index}", Confusion(VALUES, ANSWERS, rows)))
    total = np.sum([each.counts for _, each in own], axis=0)
    return Confusion(VALUES, ANSWERS, tuple(tuple(map(int, row)) for row in total), tuple(own[: many - 2]))


def test_many_classes_are_corrected_together_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    many = 24
    rng, confusion = np.random.default_rng(5), matrices(many)
    counts = np.zeros((many + 1, 4))  # woman, man, not applicable, unknown
    counts[1:, :2] = rng.integers(0, 40, (many, 2)) * (np.arange(many) != 7)[:, None]
    counts[1:, 3] = rng.integers(0, 2, many)
    counts[0] = counts[1:].sum(0)
    effects, classes = 1 + rng.random(many + 1), [f"c{index}" for index in range(many)]
    calls = []

    def counted(*given: Any) -> Fit:
        calls.append(len(given[0]))
        return invert(*given)

    monkeypatch.setattr("synthgen.auditing.confusion_classes.invert", counted)
    found = correct_in_classes("sex", VALUES, classes, counts, confusion, effects)[1:]
    assert len(calls) <= 4
    assert max(calls) > 8
    own = dict(confusion.classes)
    for index, (name, each) in enumerate(zip(classes, found, strict=True)):
        place = slice(index + 1, index + 2)
        (alone,) = correct_by_matrix("sex", VALUES, counts[place], own.get(name, confusion), effects[place])
        assert (each.reason, each.doubts, each.caveats) == (alone.reason, alone.doubts, alone.caveats)
        assert (each.shares is None) == (alone.shares is None)
        for one, other in zip(each.shares or (), alone.shares or (), strict=True):
            assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high), abs=1e-9)
