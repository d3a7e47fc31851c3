"""Shares read back through a confusion matrix."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.auditing.confusion import Confusion, correct_by_matrix
from synthgen.auditing.confusion_file import read_confusion
from synthgen.errors import UsageError
from synthgen.stats.estimates import Corrected
from synthgen.stats.inversion import invert
from tests.benchmarks.audit_simulation import by_matrix, simulate

NONE = np.zeros(2, dtype=bool)


def corrected(counts: list[int], confusion: Confusion, values: tuple[str, ...] = ("yes", "no")) -> Corrected:
    """`counts` by value, then 'not applicable' and 'unknown'."""
    return correct_by_matrix("glasses", values, np.array([counts], dtype=float), confusion, np.ones(1))[0]


def binary(right_yes: int, right_no: int, of: int) -> Confusion:
    return Confusion(("yes", "no"), ("yes", "no"), ((right_yes, of - right_yes), (of - right_no, right_no)))


@given(st.integers(0, 300), st.integers(60, 100), st.integers(60, 100))
@settings(max_examples=6)
def test_two_values_are_rogan_and_gladens_kept_between_0_and_1(said: int, sensitive: int, specific: int) -> None:
    found = corrected([said, 300 - said, 0, 0], binary(sensitive, specific, 100))
    expected = (said / 300 + specific / 100 - 1) / (sensitive / 100 + specific / 100 - 1)
    assert found.shares is not None
    assert found.shares[0].value == pytest.approx(min(max(expected, 0), 1), abs=1e-3)
    assert sum(share.value for share in found.shares) == pytest.approx(1)
    for share in found.shares:
        assert 0 <= share.low <= share.value <= share.high <= 1


def test_three_values_are_the_adjusted_count() -> None:
    matrix = np.array([[80.0, 15, 5], [10, 70, 20], [5, 15, 80]])
    truth = np.array([0.5, 0.3, 0.2])
    answers = 1000 * truth @ (matrix / 100)
    fit = invert(answers, matrix, np.zeros(3, dtype=bool))
    assert fit.share == pytest.approx(truth)
    assert float(fit.misfit) == pytest.approx(0, abs=1e-9)


def test_a_judge_that_is_known_to_be_right_leaves_wilsons_interval() -> None:
    found = corrected([30, 70, 0, 0], binary(10**7, 10**7, 10**7))
    assert found.shares is not None
    assert (found.shares[0].low, found.shares[0].high) == pytest.approx((0.2189, 0.3959), abs=2e-4)


def test_few_labels_in_the_matrix_widen_the_interval_and_are_told() -> None:
    wide, narrow = corrected([300, 700, 0, 0], binary(18, 18, 20)), corrected([300, 700, 0, 0], binary(900, 900, 1000))
    assert wide.shares is not None
    assert narrow.shares is not None
    assert wide.shares[0].half_width > 2 * narrow.shares[0].half_width
    assert "fewer than 30 images that truly are yes, no" in wide.caveats[0]
    assert not narrow.caveats


def test_unknown_is_an_answer_and_tells_something() -> None:
    # A judge that abstains on half of those with glasses and on none without: raw shares are far off.
    confusion = Confusion(("yes", "no"), ("yes", "no", "unknown"), ((100, 0, 100), (0, 200, 0)))
    found = corrected([100, 600, 0, 100], confusion)
    assert found.shares is not None
    assert found.shares[0].value == pytest.approx(0.25, abs=1e-6)
    assert found.shares[0].low < 0.25 < found.shares[0].high


def test_images_that_have_no_value_leave_the_shares() -> None:
    answers = ("yes", "no", "not applicable")
    confusion = Confusion((*answers,), answers, ((90, 5, 5), (5, 90, 5), (10, 10, 80)))
    truth = np.array([0.2, 0.6, 0.2])
    counts = (1000 * truth @ (np.array(confusion.counts) / 100)).round().astype(int)
    found = corrected([*counts.tolist(), 0], confusion)
    assert found.shares is not None
    assert [share.value for share in found.shares] == pytest.approx([0.25, 0.75], abs=0.01)


def test_what_speaks_against_a_matrix_is_said() -> None:
    ill = corrected([500, 500, 0, 0], binary(52, 52, 100))
    assert "badly conditioned (25)" in ill.doubts[0]
    misfit = corrected([990, 10, 0, 0], binary(80, 80, 100))
    assert "no shares explain these answers" in misfit.doubts[0]
    blind = corrected([500, 500, 0, 0], binary(50, 50, 100))
    assert (blind.shares, blind.reason) == (
        None,
        "the confusion matrix cannot tell the values apart: two of them get the same answers",
    )
    assert corrected([0, 0, 0, 0], binary(90, 90, 100)).reason == "no images"


@pytest.mark.parametrize(
    ("confusion", "message"),
    [
        (Confusion(("yes",), ("yes", "no"), ((9, 1),)), "no row 'no'"),
        (Confusion(("yes", "no", "maybe"), ("yes", "no"), ((9, 1), (1, 9), (1, 1))), "a row 'maybe'"),
        (Confusion(("yes", "no"), ("yes", "no", "no"), ((9, 1, 0), (1, 9, 0))), "the column 'no' twice"),
        (Confusion(("yes", "no"), ("yes", "no"), ((9, 1), (0, 0))), "no image in the row 'no'"),
        (Confusion(("yes", "no"), ("yes", "no"), ((0.9, 0.1), (0.2, 0.8))), "does not hold a count"),  # type: ignore[arg-type]
        (Confusion(("yes", "no"), ("yes", "no"), ((9, 1), (1,))), "does not hold a count"),
        (Confusion(("yes", "no"), ("yes", "no"), ((9, 1), (1, 9))), "no column 'unknown', which this table has"),
    ],
)
def test_a_matrix_that_cannot_be_used_is_refused(confusion: Confusion, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        corrected([5, 5, 0, 1], confusion)


def test_a_matrix_comes_from_a_table() -> None:
    frame = pd.DataFrame([[9, 1], [2, 8]], index=["yes", "no"], columns=["yes", "no"])
    assert Confusion.from_frame(frame) == Confusion(("yes", "no"), ("yes", "no"), ((9, 1), (2, 8)))


def test_a_matrix_may_have_a_row_that_pandas_takes_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "matrix.csv").write_text("truth,None,round\nNone,9,1\nround,2,8\n")
    assert read_confusion(tmp_path / "matrix.csv") == Confusion(("None", "round"), ("None", "round"), ((9, 1), (2, 8)))


def test_the_truth_is_covered_under_its_assumption_and_not_without() -> None:
    for judge, holds in (("asymmetric", True), ("depending on the class", False)):
        audits = simulate("70/20/10", judge, 1000, 100, 200, 60, np.random.default_rng(1))
        low, high = by_matrix(audits)
        covered = ((low <= audits.true_shares) & (audits.true_shares <= high))[:, 0].mean()
        assert covered > 0.9 if holds else covered < 0.7
