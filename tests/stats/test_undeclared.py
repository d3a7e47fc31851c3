"""Splits that nobody declared: what is planted is found, and the look of a class is not."""

import numpy as np
import pytest
from scipy.stats import chi2, chi2_contingency, ncx2
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from statsmodels.stats.proportion import proportion_confint

from synthgen.stats.sides import TwoSides, centred, explained, indicators, simple
from synthgen.stats.undeclared import FoundSplit, SplitSearch, compare_shares, find_splits

ROWS, WIDTH = 800, 8


def searched(shares: tuple[float, float], seed: int = 0, *, declared: bool = False) -> tuple[SplitSearch, np.ndarray]:
    """Search rows of two classes, which lie far apart; one axis has two clusters in each, with these shares."""
    rng = np.random.default_rng(seed)
    codes = np.arange(ROWS) % 2
    upper = rng.random(ROWS) < np.array(shares)[codes]
    rows = rng.normal(size=(ROWS, WIDTH))
    rows[:, 0] += 9 * codes
    rows[:, 1] += 7 * upper
    values = [upper.astype(np.int64)] if declared else []
    return find_splits([rows], codes, values, np.arange(ROWS), seed), upper


def test_a_planted_split_is_found_with_its_shares_and_the_look_of_a_class_is_not() -> None:
    found, upper = searched((0.25, 0.7))
    assert len(found.found) == 1
    split = found.found[0]
    agreement = np.corrcoef(split.upper, upper[split.rows])[0, 1]
    assert abs(agreement) > 0.98
    shares = [each.share.value if agreement > 0 else 1 - each.share.value for each in split.shares]
    assert shares == pytest.approx([0.25, 0.7], abs=0.08)
    assert split.adjusted < 1e-6


@pytest.mark.parametrize("declared", [False, True])
def test_what_classes_share_evenly_or_what_is_declared_is_not_found(declared: bool) -> None:
    found, _ = searched((0.25, 0.7) if declared else (0.45, 0.45), 2, declared=declared)
    assert found.searched >= 1
    assert (found.tested > 0) is not declared
    assert not found.found


def test_a_class_that_shows_a_thing_on_all_images_or_none_has_a_look_of_its_own() -> None:
    rng = np.random.default_rng(1)
    codes = np.arange(1200) % 4
    rows = rng.normal(size=(1200, WIDTH))
    rows[:, 0] += 8 * (rng.random(1200) < np.array([0.0, 1.0, 0.3, 0.7])[codes])  # a uniform, with mistakes
    assert not find_splits([rows], codes, [], np.arange(1200)).found


def test_colours_that_classes_share_evenly_are_not_found_wherever_a_class_is_cut() -> None:
    rng = np.random.default_rng(3)
    codes, color = np.arange(1200) % 3, rng.integers(5, size=1200)
    places = np.eye(5)[color] * 12
    seen = places * np.array([1.0, 0.8, 0.6])[codes][:, None]  # a hat hides a part of the background
    views = [view + rng.normal(size=(1200, 5)) for view in (places, seen)]
    found = find_splits(views, codes, [], np.arange(1200))
    assert found.tested > 0
    assert not found.found


def of_half(groups: np.ndarray | None = None, turned: int | None = None) -> FoundSplit:
    """Compare the shares of three classes on two sides; the sides of class `turned` differ in another way too."""
    rng = np.random.default_rng(4)
    codes, shares = np.arange(900) % 3, np.array([0.2, 0.5, 0.7])
    upper = rng.random(900) < shares[codes]
    rows = rng.normal(size=(900, 4))
    rows[:, 0] += 10.0 * upper
    rows[:, 1] += 20.0 * (upper & (codes == turned))
    sides = TwoSides(np.eye(4)[:, :1], shares[:, None], np.array([10.0]), np.zeros((0, 1)))
    split = compare_shares(centred(rows, codes), codes, np.arange(900) if groups is None else groups, sides)
    assert split is not None
    return split


def test_the_test_is_pearsons_of_the_images_on_each_side_against_five_points() -> None:
    split = of_half()
    counts = np.array([round(each.share.value * each.images) for each in split.shares])
    table = np.stack([counts, 300 - counts])
    statistic = chi2_contingency(table, correction=False).statistic
    mean = counts.sum() / 900
    assert split.p_value == pytest.approx(ncx2.sf(statistic, 2, 0.05**2 * 900 / (mean * (1 - mean))), rel=1e-6)
    assert split.p_value > chi2.sf(statistic, 2)
    low, high = proportion_confint(counts[0], 300, method="wilson")
    assert (split.shares[0].share.low, split.shares[0].share.high) == pytest.approx((low, high))


def test_copies_do_not_make_a_difference_surer() -> None:
    once = of_half()
    side, codes = once.upper > 0.5, np.arange(900) % 3
    groups = np.zeros(900, dtype=np.int64)
    for code in range(3):
        for upper in (False, True):
            rows = np.flatnonzero((codes == code) & (side == upper))
            groups[rows] = code * 10000 + upper * 1000 + np.arange(len(rows)) // 4
    copied = of_half(groups)
    assert copied.p_value > once.p_value**0.5
    width = [each.shares[1].share.high - each.shares[1].share.low for each in (once, copied)]
    assert width[1] / width[0] == pytest.approx(2, rel=0.1)


def test_what_explains_a_side_is_measured_on_rows_left_out() -> None:
    rng = np.random.default_rng(5)
    codes, sides = np.arange(80) % 2, rng.random((80, 1)).round()
    terms = np.concatenate([indicators(codes), sides + rng.normal(size=(80, 3))], axis=1)
    expected = cross_val_predict(Ridge(alpha=1e-3 * 80, fit_intercept=False), terms, sides[:, 0], cv=LeaveOneOut())
    left = np.concatenate([sides[codes == code] - sides[codes == code].mean() for code in (0, 1)])
    share = 1 - ((sides[:, 0] - expected) ** 2).sum() / (left**2).sum()
    assert explained(terms, sides, codes) == pytest.approx([share])


def test_a_combination_of_clearer_sides_is_not_one_of_its_own() -> None:
    rng = np.random.default_rng(6)
    color = rng.integers(4, size=400)
    upper = np.stack([color == 0, color == 1, color < 2, rng.random(400) < 0.5], axis=1).astype(float)
    assert simple(upper, np.array([20.0, 19.0, 8.0, 6.0]), np.arange(400) % 2).tolist() == [0, 1, 3]


def test_equal_input_gives_equal_splits_and_few_images_none() -> None:
    first, second = (searched((0.25, 0.7))[0] for _ in range(2))
    assert [each.p_value for each in first.found] == [each.p_value for each in second.found]
    few = find_splits([np.random.default_rng(0).normal(size=(290, 4))], np.arange(290) % 2, [], np.arange(290))
    assert (few.searched, few.tested, few.found) == (0, 0, ())
