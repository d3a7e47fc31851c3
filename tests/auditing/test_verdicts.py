"""Verdicts are seldom wrong where the truth is at the limit: a small part of `tests.benchmarks.audit_verdicts`."""

from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from unittest.mock import patch

import numpy as np
import pytest
from scipy.stats import binom

from synthgen.auditing.labelled import correct_by_labels, draw_sample, read_truth
from synthgen.auditing.table import read_table
from tests.benchmarks.audit_verdicts import Result, audit, exact, rate_of_intervals, wrong
from tests.benchmarks.audit_worlds import FEW, SKIN, STEREOTYPED, World, make

CHANCE = 1e-6
"""How often a gate's count of wrong verdicts may exceed the bound if 5 % of its verdicts are wrong."""


def mistakes(results: Sequence[Result]) -> Counter[tuple[str, ...]]:
    """How many families of each gate got a wrong verdict."""
    return Counter(
        (where, what, how, outcome)
        for each in results
        for where, what, how, outcome in each["verdicts"]
        if wrong(how, outcome)
    )


def bound(audits: int) -> int:
    return int(binom.isf(CHANCE, audits, 0.05))


def test_a_matrix_that_a_few_labels_do_not_contradict_is_not_believed() -> None:
    """Of two classes with 15 labels each, no test sees a judge whose errors are a few points off."""
    results = [audit("slightly wrong matrix, few labels", 2, seed, distances=False) for seed in range(12)]
    within = {case: many for case, many in mistakes(results).items() if case[0] == "class"}
    assert max(within.values(), default=0) <= 2, within


def test_answers_without_a_label_do_not_bias_many_classes() -> None:
    """A rare value in 20 classes, whose answer is often without a label."""
    off = []
    for seed in range(30):
        rng = np.random.default_rng([3, seed])
        world: World = make(20, STEREOTYPED, rng)
        drawn = world.labels(draw_sample(world.table, 20 * FEW[20], seed))
        table = read_table(world.table, SKIN, None)
        truth = read_truth(table, drawn, table.attributes["skin"])
        found = correct_by_labels(table.counts("skin").astype(float), truth, [range(20)], [0.0])[0].shares
        assert found is not None
        off.append(found[2].value - world.shares[:, 2].mean())
    error = np.std(off) / len(off) ** 0.5
    assert abs(np.mean(off)) < 3 * error, "it was -0.007, with an error of 0.003 in so many sets"


def test_the_interval_of_rates_is_clopper_and_pearsons() -> None:
    from statsmodels.stats.proportion import proportion_confint

    for count, of in ((0, 200), (5, 200), (200, 200)):
        assert exact(count, of) == pytest.approx(proportion_confint(count, of, 0.05, method="beta"))


def test_the_interval_of_coverage_is_that_of_clustered_rates() -> None:
    from statsmodels.stats.proportion import proportion_confint

    rng = np.random.default_rng(2)
    apart = np.stack([rng.binomial(1, 0.95, 400), np.ones(400)], axis=1)
    share, *ends = rate_of_intervals(apart)
    assert ends == pytest.approx(proportion_confint(apart[:, 0].sum(), 400, 0.05, method="beta"))
    assert rate_of_intervals(6 * apart) == pytest.approx((share, *ends)), "six intervals that hold together are one"
    all_hold = proportion_confint(9, 9, 0.05, method="beta")
    assert rate_of_intervals(np.full((9, 2), 3.0))[1:] == pytest.approx(all_hold), "they do not hold for certain"


@pytest.mark.parametrize("kind", ["few labels", "known, prompts fix a value"])
def test_what_is_left_out_of_simulated_audits_changes_no_verdict(kind: str) -> None:
    alone = audit(kind, 2, 5)
    with patch("tests.benchmarks.audit_verdicts.verdicts_alone", nullcontext):
        assert audit(kind, 2, 5) == alone


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "classes"),
    [
        pytest.param("known", 20, marks=pytest.mark.sweep),
        pytest.param("known, prompts alike", 2, marks=pytest.mark.sweep),
        ("known, prompts fix a value", 2),
        pytest.param("known, values lost", 2, marks=pytest.mark.sweep),
        ("labels", 2),
        pytest.param("labels, judge abstains", 2, marks=pytest.mark.sweep),
        pytest.param("labels, sorted sheet", 2, marks=pytest.mark.sweep),
        ("20 labels, the surest", 2),
        pytest.param("wrong matrix, few labels", 2, marks=pytest.mark.sweep),
        ("unchecked", 2),
    ],
)
def test_few_verdicts_are_wrong_at_the_limit(kind: str, classes: int) -> None:
    results = [audit(kind, classes, 1000 + seed) for seed in range(40)]
    found = mistakes(results)
    assert max(found.values(), default=0) <= bound(40), found
    if kind == "unchecked":
        assert {outcome for each in results for *_, outcome in each["verdicts"]} == {"insufficient data"}
