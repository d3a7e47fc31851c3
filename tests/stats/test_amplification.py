"""Directional bias amplification, by the definition and on cases with a known answer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.stats.amplification import Amplification, amplification, amplify
from synthgen.stats.estimates import Ints

tables = st.lists(st.lists(st.integers(1, 40), min_size=2, max_size=2), min_size=3, max_size=3).map(np.array)


def by_definition(counts: Ints, real: Ints) -> float:
    """Equation 2 of Wang and Russakovsky 2021, from rows to columns."""
    terms = []
    for row in range(real.shape[0]):
        for column in range(real.shape[1]):
            together = real[row, column] * real.sum() > real[row].sum() * real[:, column].sum()
            gap = counts[row, column] / counts[row].sum() - real[row, column] / real[row].sum()
            terms.append(gap if together else -gap)
    return float(np.mean(terms))


def of(counts: list[list[int]], real: list[list[int]]) -> Amplification:
    names = ("chef", "nurse", "doctor")[: len(counts)]
    return amplify("skin", names, np.array(counts), np.array(real), np.random.default_rng(0))


@given(tables, tables)
def test_it_is_the_definition(counts: Ints, real: Ints) -> None:
    assert amplification(counts.astype(float), real.astype(float)) == pytest.approx(by_definition(counts, real))
    assert amplification(real.astype(float), real.astype(float)) == pytest.approx(0)


def test_a_link_that_grows_is_amplified_and_one_that_shrinks_is_reduced() -> None:
    real = [[60, 40], [40, 60]]
    stronger, weaker = of([[90, 10], [10, 90]], real), of([[50, 50], [50, 50]], real)
    assert stronger.from_class is not None
    assert weaker.from_class is not None
    assert (stronger.from_class.value, weaker.from_class.value) == pytest.approx((0.3, -0.1))
    assert stronger.from_class.low > 0.15
    assert weaker.from_class.high > weaker.from_class.value > weaker.from_class.low


def test_directions_differ() -> None:
    # The same shares of values in each class; but ten times as many chefs make every value a chef's.
    found = of([[600, 400], [40, 60]], [[60, 40], [40, 60]])
    assert found.from_class is not None
    assert found.from_attribute is not None
    assert found.from_class.value == pytest.approx(0, abs=1e-12)
    assert found.from_attribute.value == pytest.approx((0.3375 - 0.4696) / 2, abs=1e-4)  # the gaps of light and of dark


def test_only_classes_of_both_sets_count_and_one_is_not_enough() -> None:
    found = of([[60, 40], [40, 60], [0, 0]], [[60, 40], [40, 60], [9, 1]])
    assert found.classes == ("chef", "nurse")
    nothing = of([[60, 40], [0, 0]], [[60, 40], [40, 60]])
    assert (nothing.from_class, nothing.reason) == (None, "fewer than two classes that both sets have")
    assert of([[6, 0], [4, 0]], [[6, 0], [4, 0]]).reason == "fewer than two values that both sets have"
