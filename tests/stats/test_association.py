"""Class and attribute: Cramer's V without its bias, and the test that suits the counts."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency
from scipy.stats.contingency import association as scipys

from synthgen.stats.association import (
    Association,
    PromptClusters,
    _permuted,
    associate,
    cramers_v,
    independent,
    rao_scott,
    with_holm,
)
from synthgen.stats.clusters import Bootstrap, bootstrap
from synthgen.stats.estimates import Ints

tables = st.lists(st.lists(st.integers(1, 60), min_size=3, max_size=3), min_size=2, max_size=4).map(np.array)


def of(rows: list[list[int]]) -> Association:
    return associate(np.array(rows), np.random.default_rng(0))


@given(tables)
@settings(max_examples=25)
def test_v_is_scipys_less_bergsmas_correction(table: Ints) -> None:
    n, rows, columns = table.sum(), *table.shape
    plain = scipys(table, method="cramer") ** 2 * (min(rows, columns) - 1)  # phi squared
    bias = (rows - 1) * (columns - 1) / (n - 1)
    scale = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    found = cramers_v(table)
    assert found.value == pytest.approx((max(0, plain - bias) / scale) ** 0.5)
    assert 0 <= found.low <= found.value <= found.high <= 1
    turned = cramers_v(table.T[::-1])
    assert (turned.value, turned.low, turned.high) == pytest.approx((found.value, found.low, found.high), abs=1e-6)


def test_no_association_is_none_and_yet_not_certain() -> None:
    found = of([[50, 50], [50, 50]])
    assert found.v is not None
    assert (found.v.value, found.v.low) == (0, 0)
    assert found.v.high > 0.02, "a table that is even by design is not proof"


def test_full_association_is_one() -> None:
    found = of([[100, 0, 0], [0, 100, 0], [0, 0, 100]])
    assert found.v is not None
    assert found.v.value == pytest.approx(1)


def test_the_test_follows_the_expected_counts() -> None:
    rng = np.random.default_rng(0)
    many = independent(np.array([[20, 10], [10, 20]]), rng)
    assert many.name == "chi-square"
    assert many.p_value == pytest.approx(0.0098, abs=5e-5)
    # Fisher's tea: 3 and 1, 1 and 3
    tea = independent(np.array([[3, 1], [1, 3]]), rng)
    assert tea.name == "Fisher"
    assert tea.p_value == pytest.approx(34 / 70)
    few = independent(np.array([[3, 1, 0], [0, 2, 5]]), rng)
    assert few.name == "Monte-Carlo chi-square"
    assert few.p_value == pytest.approx(0.0199, abs=0.006)


def test_nothing_to_compare_has_no_figure_and_a_reason() -> None:
    assert of([[5, 5]]).reason == "fewer than two classes to compare"
    assert of([[5, 0], [7, 0]]).reason == "fewer than two values to compare"
    assert of([[0, 0], [0, 0]]).reason == "no images with a value to compare"
    assert of([[5, 0], [7, 0]]).v is None


def test_holm_is_over_the_tests_that_there_are() -> None:
    first, nothing = of([[20, 10], [10, 20]]).test, of([[5, 5]]).test
    adjusted = with_holm([first, nothing, first])
    assert adjusted[0] is not None
    assert adjusted[0].adjusted == pytest.approx(2 * adjusted[0].p_value)
    assert adjusted[1] is None


def test_equal_design_effects_are_rao_and_scotts_factor() -> None:
    table = np.array([[20, 10, 5], [10, 20, 9]])
    assert rao_scott(table, np.array([3.0, 3.0])) == pytest.approx(3)
    assert 1 < rao_scott(table, np.array([1.0, 3.0])) < 3
    effect = cramers_v(table * 4, effect=4.0)
    whole = cramers_v(table)
    assert (effect.value, effect.high) == pytest.approx((whole.value, whole.high))
    assert chi2_contingency(table * 4, correction=False).statistic == pytest.approx(
        4 * chi2_contingency(table, correction=False).statistic
    )


def test_random_tables_are_drawn_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    table = rng.multinomial(150, np.full(48, 1 / 48)).reshape(8, 6)
    prompts = PromptClusters(rng.integers(0, 3, (60, 3)), np.repeat([0, 1, 2], 20), _drawn(60), 1.0)
    found = []
    for cells in (2**22, 2**9):
        monkeypatch.setattr("synthgen.stats.association._CELLS", cells)
        seed = np.random.default_rng(0)
        found.append((independent(table, seed).p_value, _permuted(prompts, seed)))
    assert found[0][0] == pytest.approx(found[1][0], abs=0.02)
    assert found[0][1] == found[1][1]
    monkeypatch.setattr("synthgen.stats.association._CELLS", 2**22)
    tracemalloc.start()
    many = 1 + rng.multinomial(2000, np.full(90_000, 1 / 90_000)).reshape(300, 300)
    monkeypatch.setattr("synthgen.stats.association.RESAMPLES", 300)
    independent(many, rng)
    assert tracemalloc.get_traced_memory()[1] < 2**28, "all tables at once take 0.4 GiB and more"
    tracemalloc.stop()


def _drawn(prompts: int) -> Bootstrap:
    found = bootstrap(np.zeros(prompts, dtype=int), np.random.default_rng(0))
    assert found is not None
    return found
