"""Distances from a reference, and what chance alone shows."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import binom, binomtest, entropy

from synthgen.errors import UsageError
from synthgen.stats.distance import FUNCTIONS, Distance, Measure, Reference, Target, distances, uniform
from synthgen.stats.estimates import Floats

several_shares = st.lists(st.integers(1, 50), min_size=3, max_size=3).map(lambda parts: np.array(parts) / sum(parts))
EVEN = np.full(3, 1 / 3)


def found(shares: Floats, images: float, wanted: Floats = EVEN, of: int | None = None) -> dict[Measure, Distance]:
    return {each.measure: each for each in distances(shares, images, wanted, of, np.random.default_rng(0))}


@given(several_shares, several_shares)
def test_measures_are_scipys(shares: Floats, wanted: Floats) -> None:
    assert FUNCTIONS[Measure.TV](shares, wanted) == pytest.approx(np.abs(shares - wanted).sum() / 2)
    # scipy has the root of the divergence
    assert FUNCTIONS[Measure.JS](shares, wanted) == pytest.approx(jensenshannon(shares, wanted, base=2) ** 2, abs=1e-12)
    assert FUNCTIONS[Measure.ENTROPY](shares, EVEN) == pytest.approx(entropy(shares) / np.log(3))
    assert FUNCTIONS[Measure.MIN_MAX_RATIO](shares, EVEN) == pytest.approx(shares.min() / shares.max())


@given(several_shares)
def test_equal_shares_are_at_no_distance(shares: Floats) -> None:
    for measure, function in FUNCTIONS.items():
        assert function(shares, shares) == pytest.approx(1 if measure.falls else 0, abs=1e-12)


def test_values_that_are_not_wanted_are_as_far_as_can_be() -> None:
    shares, wanted = np.array([0.5, 0.0, 0.5]), np.array([0.5, 0.5, 0.0])
    assert FUNCTIONS[Measure.ENTROPY](shares, wanted) == 0
    assert FUNCTIONS[Measure.MIN_MAX_RATIO](shares, wanted) == 0
    assert FUNCTIONS[Measure.TV](shares, wanted) == 0.5
    half_strange = np.array([0.25, 0.25, 0.5])
    assert FUNCTIONS[Measure.MIN_MAX_RATIO](half_strange, wanted) == 0, "what is wanted is even, and half is not wanted"


@pytest.mark.parametrize(("images", "mean"), [(8, 0.34), (100, 0.10)])
def test_seven_even_values_look_uneven_by_chance(images: int, mean: float) -> None:
    even = np.full(7, 1 / 7)
    tv = found(even, images, even)[Measure.TV]
    assert tv.chance_mean == pytest.approx(mean, abs=0.005)
    assert (tv.found.value, tv.found.low, tv.p_value) == pytest.approx((0, 0, 1))
    assert tv.found.high > 0.03, "nobody knows from so few images that the distance is none"


def test_chance_and_its_test_are_the_exact_binomials_for_two_values() -> None:
    half = np.full(2, 0.5)
    tv = found(np.array([0.62, 0.38]), 50, half)[Measure.TV]
    hits = np.arange(51)
    exact = (np.abs(hits / 50 - 0.5) * binom.pmf(hits, 50, 0.5)).sum()
    assert tv.chance_mean == pytest.approx(exact, abs=0.002)
    assert tv.p_value == pytest.approx(binomtest(31, 50).pvalue, abs=0.015)
    assert tv.chance_limit == pytest.approx(0.14)


@settings(max_examples=8)
@given(several_shares, st.integers(1, 3000))
def test_intervals_contain_what_was_found(shares: Floats, images: int) -> None:
    for each in found(shares, images).values():
        assert 0 <= each.found.low <= each.found.value <= each.found.high <= 1
        assert 0 < each.p_value <= 1


def test_a_million_images_leave_little_doubt() -> None:
    tv = found(np.array([0.34, 0.33, 0.33]), 1e6)[Measure.TV]
    assert tv.found.half_width < 0.002
    assert tv.p_value < 0.001


def test_a_real_set_is_a_sample_too() -> None:
    shares = np.array([0.45, 0.3, 0.25])
    exact, sampled = found(shares, 200)[Measure.TV], found(shares, 200, of=50)[Measure.TV]
    assert sampled.chance_mean > 1.5 * exact.chance_mean
    assert sampled.found.half_width > exact.found.half_width
    assert sampled.p_value > exact.p_value


@pytest.mark.slow
@pytest.mark.parametrize("truth", [[1 / 3, 1 / 3, 1 / 3], [0.7, 0.2, 0.1], [0.95, 0.04, 0.01]])
def test_intervals_of_total_variation_cover(truth: list[float]) -> None:
    rng, covered, repetitions = np.random.default_rng(0), 0, 100
    far = float(FUNCTIONS[Measure.TV](np.array(truth), EVEN))
    for _ in range(repetitions):
        tv = distances(rng.multinomial(200, truth) / 200, 200, EVEN, None, rng)[0].found
        covered += tv.low - 1e-9 <= far <= tv.high + 1e-9
    assert covered >= 90


def test_shares_that_fit_no_number_of_images_have_an_interval_that_shrinks_evenly() -> None:
    """Images of common prompts count as fewer: 17 of them, say, as 10 to 17 independent ones."""
    shares = np.array([6, 5, 6]) / 17
    highs = [found(shares, images)[Measure.TV].found.high for images in np.linspace(10, 16.9, 10)]
    assert all(later < earlier + 0.03 for earlier, later in pairwise(highs))
    assert highs[-1] > 0.3, "so few images tell little, even if they hit the reference"


@pytest.mark.parametrize("shares", [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
def test_a_reference_may_be_one_value_alone(shares: list[float]) -> None:
    tv = found(np.array(shares), 30, np.array([1.0, 0.0, 0.0]))[Measure.TV]
    assert tv.found.low <= 1 - shares[0] <= tv.found.high
    assert tv.p_value == pytest.approx(1 if shares[0] == 1 else 0, abs=0.001)


def test_a_reference_that_makes_no_sense_is_refused() -> None:
    values = ("light", "dark")
    with pytest.raises(UsageError, match="below 0"):
        Target({"light": 1.5, "dark": -0.5}).checked("skin", values)
    with pytest.raises(UsageError, match=r"shares add up to 0\.9"):
        Target({"light": 0.5, "dark": 0.4}).checked("skin", values)
    with pytest.raises(UsageError, match="has the unknown value 'pale'"):
        Target({"light": 0.5, "pale": 0.5}).checked("skin", values)
    assert uniform(values).of("chef") == Target({"light": 0.5, "dark": 0.5})
    real = Reference("the real set", uniform(values).overall, {"chef": Target({"light": 1.0}, 10)})
    assert real.of("chef") == Target({"light": 1.0}, 10)
    assert real.of("nurse") is None, "a real set that lacks a class says nothing of it"
