"""Intervals of shares and of their differences, as statsmodels has them and as the literature prints them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from synthgen.stats.estimates import difference, half_width, holm, images_needed, wilson, wilson_with_effect

counted = st.integers(1, 500).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


@given(counted)
def test_wilsons_interval_is_that_of_statsmodels_and_contains_its_share(counts: tuple[int, int]) -> None:
    found = wilson(*counts)
    assert found is not None
    assert (found.low, found.high) == pytest.approx(proportion_confint(*counts, method="wilson"), abs=1e-12)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_wilsons_interval_as_it_is_printed() -> None:
    # Newcombe 1998 (Statistics in Medicine 17, 857), table I: 81 of 263, and 15 of 148.
    for count, of, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)):
        found = wilson(count, of)
        assert found is not None
        assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert wilson(0, 0) is None


@given(counted, counted)
def test_a_difference_of_two_wilson_intervals_is_newcombes(first: tuple[int, int], second: tuple[int, int]) -> None:
    one, other = wilson(*first), wilson(*second)
    assert one is not None
    assert other is not None
    found = difference(one, other)
    expected = confint_proportions_2indep(*first, *second, method="newcomb", compare="diff")
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-9)


def test_newcombes_difference_as_it_is_printed() -> None:
    # Newcombe 1998 (Statistics in Medicine 17, 873), method 10, example (a): 56 of 70 and 48 of 80.
    one, other = wilson(56, 70), wilson(48, 80)
    assert one is not None
    assert other is not None
    found = difference(one, other)
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


@given(st.floats(0.005, 0.3))
def test_so_many_images_are_enough_and_one_less_is_not(wanted: float) -> None:
    images = images_needed(wanted)
    there, fewer = half_width(images), half_width(images - 1)
    assert there is not None
    assert there <= wanted + 1e-9
    assert fewer is None or fewer > wanted - 1e-9


def test_five_points_take_381_images_and_more_if_they_are_alike_or_not_answered() -> None:
    assert images_needed(0.05) == 381
    assert images_needed(0.05, design_effect=2) == 761
    assert images_needed(0.05, answered=0.5) == 761
    assert images_needed(0.05, design_effect=0.5) == 381, "no credit for images that are less alike than chance"


def test_images_that_are_alike_make_an_interval_as_wide_as_fewer_of_them() -> None:
    alike, fewer = wilson_with_effect(100, 400, 4.0, 10**6), wilson(25, 100)
    assert alike is not None
    assert fewer is not None
    assert (alike.low, alike.high) == pytest.approx((fewer.low, fewer.high), abs=1e-5)
    unsure = wilson_with_effect(100, 400, 4.0, 9)
    assert unsure is not None
    assert unsure.half_width > alike.half_width * 1.1


@settings(max_examples=5, deadline=None)  # statsmodels collects garbage at each call
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_holms_correction_is_that_of_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_holms_correction_leaves_out_what_was_not_tested() -> None:
    assert holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])
    assert holm([None]) == [None]
    assert np.all(np.array(holm([0.5, 0.9]), dtype=float) <= 1)
