"""Arms compared by a two-way bootstrap: coverage, errors of the verdict, and what a few images may not claim."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from synthgen.stats.estimates import Estimate
from synthgen.stats.paired import Correct, ScoredArm, Usefulness, score_arms, usefulness

NAMES = ("a", "b", "c", "d")
SEEDS = 5


def scored(arms: dict[str, Correct], *, groups: int | None = None, draws: int = 300) -> dict[str, ScoredArm]:
    images = next(iter(arms.values())).shape[1]
    every = np.arange(images) if groups is None else np.arange(images) % groups
    names = NAMES[: min(4, images)]
    return score_arms(arms, "real", np.arange(images) % len(names), every, names, draws=draws)


def trial(rng: np.random.Generator, images: int, gain: float, of_seed: float) -> dict[str, Correct]:
    """Two arms that find the same images hard; `gain` is how much of the difficulty the second one overcomes."""
    hard, found = rng.normal(size=images), {}
    for name, more in (("real", 0.0), ("other", gain)):
        level = rng.normal(size=(SEEDS, 1)) * of_seed + rng.normal(size=images) * 0.6
        found[name] = hard + level + rng.normal(size=(SEEDS, images)) * 0.4 + 1 + more > 0
    return found


@pytest.mark.parametrize(("images", "of_seed"), [(60, 0.05), (300, 0.0), (300, 0.3)])
def test_intervals_of_no_difference_cover_it_and_no_verdict_is_given(images: int, of_seed: float) -> None:
    rng = np.random.default_rng(images)
    found = [scored(trial(rng, images, 0, of_seed))["other"].difference for _ in range(200)]
    covered = [each.accuracy.low <= 0 <= each.accuracy.high for each in found if each]
    balanced = [each.balanced.low <= 0 <= each.balanced.high for each in found if each]
    assert min(np.mean(covered), np.mean(balanced)) >= 0.93
    verdicts = [usefulness(each.accuracy, 0.01) for each in found if each]
    assert sum(each is not Usefulness.CANNOT_TELL for each in verdicts) <= 0.05 * len(verdicts) + 3


def test_seeds_that_share_training_images_are_not_taken_for_independent_ones() -> None:
    rng, covered = np.random.default_rng(6), {0.0: 0, 0.25: 0}
    for _ in range(200):
        # Of the effect that a training set has, a fifth is of the images that all seeds have in common.
        hard, shared, own = rng.normal(size=1000), rng.normal() * 0.2**0.5, rng.normal(size=(SEEDS, 1)) * 0.8**0.5
        noise = rng.normal(size=(2, SEEDS, 1000)) * 0.3
        arms = {"real": hard + noise[0] > 0, "other": hard + noise[1] + 0.1 * (shared + own) > 0}
        for left in covered:
            found = score_arms(arms, "real", np.arange(1000) % 4, np.arange(1000), NAMES, left=left, draws=200)["other"]
            assert found.difference is not None
            covered[left] += found.difference.accuracy.low <= 0 <= found.difference.accuracy.high
    assert covered[0.25] >= 0.93 * 200
    assert covered[0.0] < 0.9 * 200


def test_a_gain_of_twice_the_smallest_effect_is_found() -> None:
    rng, truth = np.random.default_rng(2), np.random.default_rng(3)
    large = trial(truth, 200_000, 0.16, 0.0)
    smallest = float(large["other"].mean() - large["real"].mean()) / 2
    found = [scored(trial(rng, 1200, 0.16, 0.0))["other"].difference for _ in range(60)]
    assert np.mean([usefulness(each.accuracy, smallest) is Usefulness.HELPS for each in found if each]) >= 0.8


def test_arms_beside_each_other_are_compared_as_with_a_base() -> None:
    arms = trial(np.random.default_rng(4), 200, 0.3, 0.1)
    arms["third"] = arms["other"] & (np.random.default_rng(5).random(arms["other"].shape) < 0.9)
    every, classes = np.arange(200), np.arange(200) % 4
    beside = score_arms(arms, "real", classes, every, NAMES, beside={"other": ["third", "real"]})["other"]
    assert beside.beside["real"] == beside.difference
    assert beside.beside["third"] == score_arms(arms, "third", classes, every, NAMES)["other"].difference


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 40), st.integers(0, 2**31), st.booleans())
def test_swapping_the_arms_mirrors_the_interval_and_ends_are_in_order(images: int, seed: int, alike: bool) -> None:
    rng = np.random.default_rng(seed)
    one, other = (rng.random((SEEDS, images)) < 0.7 for _ in range(2))
    other = one if alike else other
    there, back = (scored({"real": a, "x": b})["x"].difference for a, b in ((one, other), (other, one)))
    assert there is not None
    assert back is not None
    assert there.accuracy.low <= there.accuracy.value <= there.accuracy.high
    assert np.isclose(there.accuracy.low, -back.accuracy.high)
    assert -1 <= there.worst.low <= there.worst.high <= 1
    assert set(there.classes) == set(NAMES[: min(4, images)])


@pytest.mark.parametrize("images", [1, 2, 3])
def test_a_few_images_carry_no_verdict_even_where_all_turn_right(images: int) -> None:
    wrong, right = np.zeros((SEEDS, images), dtype=bool), np.ones((SEEDS, images), dtype=bool)
    difference = scored({"real": wrong, "x": right})["x"].difference
    assert difference is not None
    assert usefulness(difference.accuracy, 0.01) is Usefulness.CANNOT_TELL


def test_copies_of_test_images_count_once() -> None:
    rng = np.random.default_rng(5)
    arms = {name: rng.random((SEEDS, 50)) < 0.7 for name in ("real", "x")}
    copied = {name: np.tile(each, (1, 8)) for name, each in arms.items()}
    once, again = (scored(each, groups=50)["x"].difference for each in (arms, copied))
    assert once is not None
    assert again is not None
    assert again.accuracy.half_width == pytest.approx(once.accuracy.half_width, rel=0.05)


def test_p_values_agree_with_intervals_and_are_corrected_as_statsmodels_does() -> None:
    rng = np.random.default_rng(7)
    arms = {"real": rng.random((SEEDS, 200)) < 0.7}
    arms |= {str(place): rng.random((SEEDS, 200)) < 0.7 + place / 50 for place in range(6)}
    found = scored(arms)
    others = [each for name, each in found.items() if name != "real"]
    for each in others:
        assert each.difference is not None
        assert each.p_value is not None
        low, high = each.difference.accuracy.low, each.difference.accuracy.high
        assert (each.p_value < 0.05) == (low > 0 or high < 0)
    expected = multipletests([each.p_value for each in others], method="holm")[1]
    assert [each.adjusted for each in others] == pytest.approx(list(expected))
    assert found["real"].difference is None


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        (Estimate(0.02, 0.001, 0.04), Usefulness.HELPS),
        (Estimate(0.009, 0.001, 0.04), Usefulness.CANNOT_TELL),
        (Estimate(0.05, -0.001, 0.1), Usefulness.CANNOT_TELL),
        (Estimate(0.05, 0.0, 0.1), Usefulness.CANNOT_TELL),
        (Estimate(-0.02, -0.04, -0.001), Usefulness.HARMS),
        (Estimate(-0.009, -0.04, -0.001), Usefulness.CANNOT_TELL),
    ],
)
def test_the_verdict_follows_from_the_interval_and_the_smallest_effect(
    difference: Estimate, expected: Usefulness
) -> None:
    assert usefulness(difference, 0.01) is expected
