"""Labels of many classes: correcting, drawing and comparing them takes neither time nor memory for each class."""

import time
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency

from synthgen.auditing import judge_errors
from synthgen.auditing.judge_errors import apart, at_once, matrix_unchecked
from synthgen.auditing.labelled import Truth, correct_by_labels, draw_sample
from synthgen.stats import score
from synthgen.stats.estimates import Floats
from synthgen.stats.score import weighted_score


def labelled(classes: int, rng: np.random.Generator) -> tuple[Floats, Truth]:
    """Ten labels in each class of fifty images, whose judge errs in a third of them; some classes have none."""
    drawn = rng.multinomial(10, [0.2, 0.1, 0.0, 0.0, 0.1, 0.3, 0.0, 0.0, 0.1, 0.1, 0.1, 0.0], classes)
    weight: Floats = np.pad(drawn.reshape(classes, 3, 4), ((0, 0), (0, 1), (0, 0))).astype(np.float64)
    weight[::5] = 0
    counts = rng.multinomial(50, [0.3, 0.4, 0.2, 0.1], classes).astype(float)
    rows = np.arange(int(weight.sum()))
    return counts, Truth(weight, weight, weight.sum((1, 2)), rows, rows[:0], np.zeros_like(rows))


def test_classes_are_corrected_at_once_as_they_are_one_by_one() -> None:
    counts, truth = labelled(30, np.random.default_rng(1))
    places = [range(30), *([index] for index in range(30))]
    inflation = [0.5, *([0.0, 1.0] * 15)]
    with patch.object(score, "weighted_score", side_effect=weighted_score) as called:
        together = correct_by_labels(counts, truth, places, inflation)
    assert called.call_count <= 2, "overall, and all classes together"
    apart_ = [correct_by_labels(counts, truth, [place], [by])[0] for place, by in zip(places, inflation, strict=True)]
    assert together == apart_
    assert [each.reason for each in together[1:3]] == ["no labels", None]
    assert any("without a label" in caveat for caveat in together[0].caveats)


def test_scores_are_computed_a_few_places_at_a_time() -> None:
    counts, truth = labelled(30, np.random.default_rng(2))
    places = [[index] for index in range(30)]
    whole = correct_by_labels(counts, truth, places, [0.0] * 30)
    with patch.object(score, "_AT_ONCE", 20), patch.object(score, "weighted_score", side_effect=weighted_score) as few:
        assert correct_by_labels(counts, truth, places, [0.0] * 30) == whole
    assert few.call_count >= 12


def test_a_sample_of_thousands_of_classes_is_drawn_at_once() -> None:
    """It is that of draws in one stratum after the other, and takes no time for each."""
    rng = np.random.default_rng(3)
    ids = [f"{row:05}" for row in rng.permutation(20_000)]
    frame = pd.DataFrame({"id": ids, "label": [f"class {row % 5000}" for row in range(20_000)]})
    start = time.process_time()
    drawn = draw_sample(frame, 10_000, 7)
    assert time.process_time() - start < 3, "one stratum after the other took more than 10 s"

    one, wanted = np.random.default_rng(7), []
    for name, group in frame.sort_values("id").groupby("label"):
        chosen = np.sort(one.permutation(len(group))[:2])
        wanted += [(str(name), group["id"].iloc[row], 2.0) for row in chosen]
        if len(wanted) >= 200:
            break
    assert list(drawn[["label", "id", "weight"]].itertuples(index=False, name=None))[:200] == wanted


def test_rows_are_compared_by_pearsons_statistic() -> None:
    rng = np.random.default_rng(4)
    for _ in range(20):
        first, second = rng.poisson(4, (3, 5)) + 1, rng.poisson(9, (3, 5)) + 1
        expected = sum(
            chi2_contingency([one, other], correction=False).statistic for one, other in zip(first, second, strict=True)
        )
        assert float(apart(first, second)) == pytest.approx(expected)
    assert float(apart(np.zeros((1, 3)), np.ones((1, 3)))) == 0
    large = np.array([[10**9, 10**9]])
    assert float(apart(large, large[:, ::-1] + [[10**8, 0]])) > 0, "squares of large counts do not overflow"


def test_a_matrix_is_compared_with_many_classes_in_bounded_memory() -> None:
    for draws, numbers in ((4000, 10), (4000, 1500), (7, 10**9), (4000, 999_999)):
        parts = at_once(draws, numbers)
        assert sum(parts) == draws
        assert max(parts) == 1 or max(parts) * numbers <= 10**6
    counts, truth = labelled(12, np.random.default_rng(5))
    matrix = np.array([[30.0, 2, 3, 1], [4, 20, 5, 0], [3, 3, 25, 2], [0, 0, 0, 1]])
    p_values = []
    for most in (10**6, 2000):
        with patch.object(judge_errors, "_NUMBERS", most):
            found = matrix_unchecked(matrix[:2], truth, None, np.random.default_rng(6)) or ""
        p_values.append(float(found.rsplit("(p ", 1)[1].strip("<= )")))
    assert len(counts) == 12
    assert p_values[0] == pytest.approx(p_values[1], abs=0.02)
