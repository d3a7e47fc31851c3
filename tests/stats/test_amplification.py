"""Directional bias amplification, by the definition and on cases with a known answer."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.stats.amplification import Amplification, Drawn, amplification, amplify, of_clusters
from synthgen.stats.clusters import DRAWS, bootstrap
from synthgen.stats.estimates import Estimate, Ints

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


def test_many_classes_and_values_take_little_memory() -> None:
    rng = np.random.default_rng(3)
    counts, real = rng.multinomial(12, np.full(100, 0.01), size=(2, 150))
    tracemalloc.start()
    found = amplify("city", tuple(map(str, range(150))), counts, real, np.random.default_rng(0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 80e6, "all draws at once take 120 MB for each table of them, and there are several"
    assert found.from_class is not None
    assert found.from_class.value == pytest.approx(by_definition(counts, real))


def test_draws_in_parts_give_the_interval_of_all_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    real, counts = rng.multinomial(80, [0.5, 0.3, 0.2], size=4), rng.multinomial(3, [0.2, 0.3, 0.5], size=40)
    label = np.repeat(np.arange(4), 10)
    drawn = bootstrap(label, rng)
    assert drawn is not None
    by_class = np.stack([counts[label == index].sum(0) for index in range(4)])
    clustered = of_clusters(drawn, counts, label, 4)
    one_by_one = np.concatenate([clustered(slice(n, n + 1)) for n in range(DRAWS)])
    assert one_by_one == pytest.approx(clustered(slice(0, DRAWS)))

    def interval(draws: Drawn | None) -> Estimate:
        found = amplify("skin", tuple("abcd"), by_class, real, np.random.default_rng(1), draws).from_class
        assert found is not None
        return found

    at_once = [interval(None), interval(clustered)]
    monkeypatch.setattr("synthgen.stats.amplification.AT_ONCE", 12 * 7)
    for whole, parts in zip(at_once, [interval(None), interval(clustered)], strict=True):
        assert parts.value == whole.value
        assert (parts.low, parts.high) == pytest.approx((whole.low, whole.high), abs=0.015)
