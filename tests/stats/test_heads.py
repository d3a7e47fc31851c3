"""Heads, and the bounds on what their thresholds lose."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from synthgen.stats.heads import fit_head
from synthgen.stats.loss import most_lost, safe_threshold


def test_predictions_out_of_sample_are_those_of_a_head_that_has_not_seen_the_row() -> None:
    rng = np.random.default_rng(1)
    numbers, groups = rng.normal(size=(40, 30)), rng.integers(0, 2, 40)
    outputs = numbers[:, :2] + rng.normal(size=(40, 2))
    head = fit_head(numbers, list(groups), outputs)
    scale, mean, offset = numbers.std(0), numbers.mean(0), outputs.mean(0)  # standardized with the row, as documented
    rows = (numbers - mean) / scale
    kernel = (rows @ rows.T / 30 + 1) * (0.5 + 0.5 * (groups[:, None] == groups))
    for row in (0, 17, 39):
        rest = np.delete(np.arange(40), row)
        weights = np.linalg.solve(kernel[np.ix_(rest, rest)] + head.penalty * np.eye(39), (outputs - offset)[rest])
        assert kernel[row, rest] @ weights + offset == pytest.approx(head.out_of_sample[row])


def test_a_head_learns_what_holds_for_a_group_alone() -> None:
    rng = np.random.default_rng(2)
    numbers, groups = rng.normal(size=(400, 20)), rng.integers(0, 2, 400)
    outputs = np.where(groups == 0, numbers[:, 0], -numbers[:, 0])[:, None]
    head = fit_head(numbers[:300], list(groups[:300]), outputs[:300])
    predicted = head.predict(numbers[300:], list(groups[300:]))
    assert np.corrcoef(predicted[:, 0], outputs[300:, 0])[0, 1] > 0.8


def test_numbers_that_never_change_and_rows_that_are_alike_do_no_harm() -> None:
    numbers = np.zeros((30, 8))
    head = fit_head(numbers, [0] * 30, np.ones((30, 1)))
    assert np.isfinite(head.out_of_sample).all()
    assert head.predict(numbers[:2], [0, 1]) == pytest.approx(np.ones((2, 1)))


@pytest.mark.parametrize(("lost", "seen", "bound"), [(0, 29, 0.0981), (0, 99, 0.0298), (3, 100, 0.0757), (5, 5, 1.0)])
def test_the_bound_is_that_of_clopper_and_pearson(lost: int, seen: int, bound: float) -> None:
    assert most_lost(lost, seen) == pytest.approx(bound, abs=1e-4)


@given(st.lists(st.floats(-5, 5), max_size=200), st.floats(0.6, 0.99))
@settings(max_examples=50)
def test_a_safe_threshold_is_the_highest_whose_bound_holds(scores: list[float], keep: float) -> None:
    found = safe_threshold(scores, keep)
    if found is None:
        assert most_lost(0, len(scores)) > 1 - keep or not scores
        return
    assert most_lost(sum(score < found for score in scores), len(scores)) <= 1 - keep
    ordered = sorted(scores)
    lost = max(place for place, score in enumerate(ordered) if score == found)
    assert lost + 1 >= len(scores) or most_lost(lost + 1, len(scores)) > 1 - keep


@pytest.mark.parametrize("seen", [29, 60, 250])
def test_a_safe_threshold_loses_more_than_it_may_in_one_of_twenty_samples_at_most(seen: int) -> None:
    rng, keep, samples = np.random.default_rng(3), 0.9, 2000
    broken = 0
    for _ in range(samples):
        threshold = safe_threshold(rng.uniform(size=seen), keep)  # of uniform scores, it is the share that is lost
        broken += threshold is not None and threshold > 1 - keep
    assert broken <= beta.ppf(0.999, samples * 0.05 + 1, samples * 0.95) * samples
