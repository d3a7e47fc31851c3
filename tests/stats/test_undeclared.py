"""Splits that nobody declared: what is planted is found, and the look of a class is not."""

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from synthgen.stats.undeclared import SplitSearch, find_splits

ROWS, WIDTH = 1400, 12


def searched(shares: tuple[float, float], seed: int = 0, *, declared: bool = False) -> tuple[SplitSearch, np.ndarray]:
    """Search rows of two classes, which lie far apart; one axis has two clusters in each, with these shares."""
    rng = np.random.default_rng(seed)
    codes = np.arange(ROWS) % 2
    upper = rng.random(ROWS) < np.array(shares)[codes]
    rows = rng.normal(size=(ROWS, WIDTH))
    rows[:, 0] += 9 * codes
    rows[:, 1] += 7 * upper
    values = [upper.astype(np.int64)] if declared else []
    return find_splits(rows, codes, values, np.arange(ROWS), seed), upper


def test_a_planted_split_is_found_with_its_shares_and_the_look_of_a_class_is_not() -> None:
    found, upper = searched((0.25, 0.7))
    assert len(found.found) == 1
    split = found.found[0]
    agreement = np.corrcoef(split.upper, upper[split.rows])[0, 1]
    assert abs(agreement) > 0.98
    shares = [each.share.value if agreement > 0 else 1 - each.share.value for each in split.shares]
    assert shares == pytest.approx([0.25, 0.7], abs=0.08)
    assert split.adjusted < 1e-6


def test_a_difference_by_chance_has_the_p_value_of_the_true_table() -> None:
    found, upper = searched((0.45, 0.45))  # 5 % of such sets have one: seed 0 does
    rows = found.found[0].rows
    table = [[np.sum((rows % 2 == code) & (upper[rows] == side)) for side in (False, True)] for code in (0, 1)]
    assert found.found[0].p_value == pytest.approx(chi2_contingency(table, correction=False).pvalue, rel=0.2)


@pytest.mark.parametrize("declared", [False, True])
def test_what_classes_share_evenly_or_what_is_declared_is_not_found(declared: bool) -> None:
    found, _ = searched((0.25, 0.7) if declared else (0.45, 0.45), 2, declared=declared)
    assert found.searched >= 1
    assert not found.found


def test_equal_input_gives_equal_splits_and_few_images_none() -> None:
    first, second = (searched((0.25, 0.7))[0] for _ in range(2))
    assert [each.p_value for each in first.found] == [each.p_value for each in second.found]
    few = find_splits(np.random.default_rng(0).normal(size=(300, 4)), np.arange(300) % 2, [], np.arange(300))
    assert (few.searched, few.tested, few.found) == (0, 0, ())
