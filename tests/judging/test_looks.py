"""Calibration that is looked at again: each look is paid for, and none is forgotten."""

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from synthgen.errors import UsageError
from synthgen.judging.calibration.looks import Looks, fingerprint, spent
from synthgen.judging.calibration.threshold import pilot_size, quantile, threshold


def promised(paid: bool, precision: float = 0.979, pilots: int = 120) -> float:
    """The share of pilots with a useless score that get a promise of 0.98 in seven looks, labelling on until then."""
    rng, found = np.random.default_rng(4), 0
    for _ in range(pilots):
        right = (rng.random(1000) < precision).tolist()
        posteriors = rng.random(1000).tolist()
        for look, many in enumerate(range(400, 1001, 100), start=1):
            confidence = spent(0.95, look) if paid else 0.95
            if threshold(posteriors[:many], right[:many], 0.98, confidence).min_posterior is not None:
                found += 1
                break
    return found / pilots


@pytest.mark.slow
def test_labelling_on_until_it_passes_breaks_the_promise_no_more_often_than_it_says() -> None:
    free, paid = promised(paid=False), promised(paid=True)
    assert free > 0.09, "without payment, looks break it"
    assert paid <= 0.05 + 2 * (0.05 * 0.95 / 120) ** 0.5


def test_looks_never_spend_more_than_the_confidence_allows() -> None:
    assert 1 - spent(0.95, 1) == pytest.approx(0.025)
    assert sum(1 - spent(0.95, look) for look in range(1, 60)) <= 0.05 + 1e-12


def test_the_same_labels_are_the_same_look_and_one_more_label_is_another() -> None:
    first = fingerprint({"a": True, "b": False}, 0.95, 0.95)
    assert fingerprint({"b": False, "a": True}, 0.95, 0.95) == first
    others = [({"a": True}, 0.95, 0.95), ({"a": True, "b": True}, 0.95, 0.95), ({"a": True, "b": False}, 0.9, 0.95)]
    assert first not in {fingerprint(*other) for other in others}
    looks, number = Looks({}).taken("chef", first)
    assert (number, looks.taken("chef", first)) == (1, (looks, 1))
    assert looks.taken("chef", "other")[1] == 2
    assert Looks.from_json(looks.to_json(), "it") == looks
    for text in ("", "[]", '{"looks": 2, "classes": {}}', '{"looks": 1, "classes": {"chef": [1]}}'):
        with pytest.raises(UsageError, match=r"looks\.json cannot be read"):
            Looks.from_json(text, "looks.json")


@pytest.mark.parametrize("precision", [0.9, 0.95, 0.98])
def test_the_default_pilot_lets_one_be_wrong_among_half_of_it(precision: float) -> None:
    size = pilot_size(precision, 0.975)
    half = size // 2
    low, _ = proportion_confint(half - 1, half, 2 * 0.025, method="beta")
    below, _ = proportion_confint(half - 7, half - 6, 2 * 0.025, method="beta")
    assert low >= precision > below
    with pytest.raises(UsageError, match="takes more than 10,000"):
        pilot_size(0.9999, 0.975)


def test_a_share_to_keep_says_its_interval_and_what_the_judge_denies() -> None:
    found = quantile([0.9] * 6 + [0.3] * 4, 0.8)
    assert (found.accepted, found.denied) == (10, 4)
    assert found.likely == pytest.approx(proportion_confint(10, 10, 0.05, method="beta"))
    assert "4 of these are, to the judge, likelier something else" in str(found)
    assert "likelier" not in str(quantile([0.9] * 6 + [0.3] * 4, 0.5))
    assert "95 % interval" in str(found)
