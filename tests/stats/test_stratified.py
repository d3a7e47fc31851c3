"""Association within strata."""

import numpy as np
import pytest
from scipy.stats import chi2
from statsmodels.stats.contingency_tables import StratifiedTable

from synthgen.stats.estimates import Ints
from synthgen.stats.stratified import Clustered, StratifiedTest, stratified


def result_of(tables: Ints, clustered: Clustered | None = None) -> StratifiedTest:
    found = stratified(tables, clustered)
    assert not isinstance(found, str), found
    return found


@pytest.mark.parametrize("seed", range(5))
def test_two_by_two_tables_agree_with_statsmodels(seed: int) -> None:
    tables = np.random.default_rng(seed).integers(1, 30, (5, 2, 2))
    found, theirs = result_of(tables), StratifiedTable(tables.transpose(1, 2, 0).astype(float))
    null = theirs.test_null_odds(correction=False)
    assert (found.statistic, found.p_value) == pytest.approx((null.statistic, null.pvalue))
    assert found.odds_ratio is not None
    assert found.odds_ratio.value == pytest.approx(theirs.oddsratio_pooled)
    assert (found.odds_ratio.low, found.odds_ratio.high) == pytest.approx(theirs.oddsratio_pooled_confint())
    assert found.same_odds == pytest.approx(theirs.test_equal_odds(adjust=True).pvalue)


def test_one_stratum_is_pearsons_test_but_for_its_factor() -> None:
    """With one stratum, the statistic is Pearson's times (n - 1) / n (Agresti 2013, section 8.4)."""
    table = np.array([[10, 20, 30], [25, 15, 5], [8, 8, 8]])
    expected = np.outer(table.sum(1), table.sum(0)) / table.sum()
    pearson = ((table - expected) ** 2 / expected).sum()
    found = result_of(table[None])
    assert found.statistic == pytest.approx(pearson * (table.sum() - 1) / table.sum())
    assert found.freedom == 4
    assert found.p_value == pytest.approx(chi2.sf(found.statistic, 4))


def test_larger_tables_agree_with_a_permutation_within_strata() -> None:
    rng = np.random.default_rng(0)
    tables = rng.integers(0, 7, (4, 3, 3)) + 2 * np.eye(3, dtype=int)
    found = result_of(tables)
    stratum, first, second = (np.repeat(each, tables[tables > 0]) for each in np.nonzero(tables))
    extreme, draws = 0, 1500
    for _ in range(draws):
        order = np.lexsort((rng.random(len(stratum)), stratum))
        shuffled = np.zeros_like(tables)
        np.add.at(shuffled, (stratum, first, second[order]), 1)
        extreme += result_of(shuffled).statistic >= found.statistic - 1e-9
    assert found.p_value == pytest.approx(extreme / draws, abs=0.03)
    assert 0.01 < found.p_value < 0.9


def test_a_value_or_stratum_that_says_nothing_changes_nothing() -> None:
    tables = np.random.default_rng(1).integers(1, 20, (3, 2, 2))
    wide = np.zeros((5, 3, 3), dtype=int)
    wide[:3, :2, 1:] = tables
    wide[3, 0, 1] = 50
    assert result_of(wide) == result_of(tables)


@pytest.mark.parametrize("tables", [np.zeros((0, 2, 2), int), np.zeros((3, 2, 2), int), np.array([[[9, 0], [0, 0]]])])
def test_nothing_to_test_is_a_reason(tables: Ints) -> None:
    assert stratified(tables) == "no stratum has two values of both"


def test_a_certain_association_has_no_odds_ratio() -> None:
    found = result_of(np.array([[[20, 0], [0, 20]]]))
    assert found.odds_ratio is None
    assert found.p_value < 1e-6


def test_images_of_one_prompt_are_not_taken_for_independent() -> None:
    """Both columns depend on the prompt alone, and not on each other: 5 % should be rejected, not a third."""
    rng = np.random.default_rng(2)
    alone = together = 0
    for _ in range(120):
        classes, prompts, many = 4, 15, 10
        label, cluster = np.repeat(np.arange(classes), prompts * many), np.repeat(np.arange(classes * prompts), many)
        first, second = (
            (rng.random(len(cluster)) < rng.beta(0.5, 0.5, classes * prompts)[cluster]).astype(int) for _ in "ab"
        )
        tables = np.zeros((classes, 2, 2), dtype=int)
        np.add.at(tables, (label, first, second), 1)
        alone += result_of(tables).p_value < 0.05
        together += result_of(tables, Clustered((label, first, second), cluster, classes)).p_value < 0.05
    assert alone > 30
    assert together <= 13


def test_few_prompts_are_a_reason() -> None:
    label = np.repeat([0, 1], 20)
    codes = (label, np.tile([0, 1], 20), np.repeat([0, 1, 0, 1], 10))
    tables = np.zeros((2, 2, 2), dtype=int)
    np.add.at(tables, codes, 1)
    assert "too few" in str(stratified(tables, Clustered(codes, np.repeat(np.arange(4), 10), 2)))


def test_the_sums_of_prompts_are_those_of_their_images_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    label, first, second = (rng.integers(0, many, 600) for many in (2, 4, 3))
    cluster = label * 30 + rng.integers(0, 30, 600)
    tables = np.zeros((2, 4, 3), dtype=int)
    np.add.at(tables, (label, first, second), 1)
    found = result_of(tables, Clustered((label, first, second), cluster, 2))

    totals = np.zeros((60, 3, 2))
    for row in range(600):
        here = tables[label[row]] / tables[label[row]].sum()
        one, other = np.eye(4)[first[row]] - here.sum(1), np.eye(3)[second[row]] - here.sum(0)
        totals[cluster[row]] += np.outer(one, other)[:-1, :-1]
    flat = totals.reshape(60, -1)
    off = flat.sum(0)
    statistic = off @ np.linalg.solve(flat.T @ flat * 60 / 59, off)
    assert found.statistic == pytest.approx(statistic, rel=1e-9)

    monkeypatch.setattr("synthgen.stats.stratified._NUMBERS", 1)  # one value at a time
    assert result_of(tables, Clustered((label, first, second), cluster, 2)) == found
