"""The interval of a share that was looked up in a part of the images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.stats.estimates import wilson
from synthgen.stats.score import weighted_score
from tests.benchmarks.audit_simulation import VALUES, by_labels, by_normal, simulate


@settings(max_examples=15)
@given(st.integers(1, 5000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_where_all_is_looked_at_it_is_wilsons(counts: tuple[int, int]) -> None:
    hits, of = (np.array([[float(count)]]) for count in counts)
    share, low, high = weighted_score(hits, of, of)
    expected = wilson(*counts)
    assert expected is not None
    assert (share, low, high) == pytest.approx((expected.value, expected.low, expected.high), abs=1e-9)


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40), st.integers(0, 400)), min_size=1, max_size=6))
def test_it_lies_between_0_and_1_contains_the_share_and_knows_no_order_of_cells(
    rows: list[tuple[int, int, int]],
) -> None:
    table = np.array(rows, dtype=float)
    hits, of, size = np.minimum(table[:, 0], table[:, 1]), table[:, 1], table[:, 1] + table[:, 2]
    found = weighted_score(hits[None], of[None], size[None])
    assert 0 <= found[1] <= found[0] <= found[2] <= 1
    assert found[0] == pytest.approx((size * hits / of).sum() / size.sum())
    turned = weighted_score(hits[None, ::-1], of[None, ::-1], size[None, ::-1])
    assert turned == pytest.approx(found, abs=1e-9)
    opposite = weighted_score((of - hits)[None], of[None], size[None])
    assert (1 - opposite[0], 1 - opposite[2], 1 - opposite[1]) == pytest.approx(found, abs=1e-6)


def test_no_error_among_few_labels_is_not_no_error() -> None:
    size, of = np.array([[9000.0, 1000.0]]), np.array([[45.0, 5.0]])
    low, high = weighted_score(np.array([[0.0, 5.0]]), of, size)[1:]
    bare = wilson(1000, 10_000)
    assert bare is not None
    assert high - low > 3 * (bare.high - bare.low)


def test_with_two_answers_the_share_is_that_of_ppi_with_tuned_power() -> None:
    # With two values the tuned power is regression's, and the estimate is the middle of PPI++'s normal interval.
    audits = simulate("70/20/10", "asymmetric", 400, 100, 100, 50, np.random.default_rng(0))
    both = audits.counts.copy(), audits.labelled.copy()
    for counts in both:  # the third value joins the second
        counts[..., 1, :] += counts[..., 2, :]
        counts[..., 2, :] = 0
        counts[..., 1] += counts[..., 2]
        counts[..., 2] = 0
    merged = type(audits)(audits.truth, *both, audits.matrix)
    low, high = by_normal(merged)
    hits = merged.labelled[:, 0].astype(float)
    found = weighted_score(
        np.moveaxis(hits, 1, 1)[..., None, :],
        hits.sum(1)[:, None, None],
        merged.counts[:, 0].sum(1)[:, None, None] * 1.0,
    )[0]
    assert found[:, :2] == pytest.approx((low + high)[:, 0, :2] / 2, abs=1e-12)


@pytest.mark.parametrize("judge", ["asymmetric", "depending on the class", "with abstention"])
def test_the_truth_is_covered_as_often_as_the_interval_says(judge: str) -> None:
    audits = simulate("70/20/10", judge, 300, 100, 100, 400, np.random.default_rng(1))
    low, high = by_labels(audits)
    covered = ((low <= audits.true_shares) & (audits.true_shares <= high)).mean((0, 2))
    assert low.shape[-1] == VALUES
    assert (covered > 0.925).all()
    assert (covered < 0.98).all()
