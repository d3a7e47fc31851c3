"""Intervals that hold in all classes at once."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from synthgen.auditing.deviations import deviations
from synthgen.auditing.measure import AuditOptions, measure
from synthgen.stats.distance import uniform
from synthgen.stats.estimates import Estimate, wilson
from synthgen.stats.simultaneous import scaled_together, wilson_together

VALUES = ("light", "medium", "dark")


def the_set(shares: tuple[float, ...], images: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    label = np.repeat([f"c{index:02}" for index in range(20)], images)
    return pd.DataFrame({"label": label, "skin": rng.choice(VALUES, len(label), p=shares)})


def test_all_twenty_classes_are_covered_at_once() -> None:
    rng = np.random.default_rng(7)
    truth, images = np.array([0.6, 0.3, 0.1]), 60
    seen = rng.multinomial(images, truth, size=(400, 20))
    seen = np.concatenate([seen, seen.sum(1, keepdims=True)], axis=1)
    of = np.array([images] * 20 + [20 * images])
    joint, single = ([[_end(n, k, m) for k in range(n + 1)] for n in (images, 20 * images)] for m in (63, 1))
    for ends, least, most in ((joint, 0.95, 1.0), (single, 0.0, 0.5)):
        hit = np.ones(seen.shape, dtype=bool)
        for place, n in enumerate(of):
            table = np.array(ends[int(n > images)])[seen[:, place]]
            hit[:, place] = (table[..., 0] <= truth) & (truth <= table[..., 1])
        assert least <= hit.all((1, 2)).mean() <= most


def _end(images: int, count: int, comparisons: int) -> tuple[float, float]:
    found = wilson_together(count, images, comparisons)
    return found.low, found.high


def test_an_audit_has_wilsons_or_the_exact_interval_at_bonferronis_level() -> None:
    found = measure(the_set((0.6, 0.3, 0.1), 60, 0), {"skin": VALUES}, AuditOptions(known=["skin"])).attributes[0]
    assert found.comparisons == 21 * 3
    for scope in found.scopes:
        for share in scope.shares:
            assert share.simultaneous is not None
            wilsons, exact = (
                proportion_confint(share.count, scope.valued, 0.05 / 63, method=how) for how in ("wilson", "beta")
            )
            expected = min(wilsons[0], exact[0]), max(wilsons[1], exact[1])
            assert (share.simultaneous.low, share.simultaneous.high) == pytest.approx(expected)


@pytest.mark.parametrize("count", [0, 1, 5, 50, 100])
def test_a_scaled_interval_is_about_as_long_as_wilsons_and_not_shorter_than_before(count: int) -> None:
    before = wilson(count, 100)
    assert before is not None
    scaled, exact = scaled_together(before, 63), wilson_together(count, 100, 63)
    assert scaled.low <= before.low
    assert scaled.high >= before.high
    assert scaled.half_width == pytest.approx(exact.half_width, rel=0.25)
    assert scaled_together(before, 1).low == pytest.approx(before.low)


def test_a_value_is_named_only_if_its_joint_interval_misses_the_target() -> None:
    frame, even = the_set((1 / 3, 1 / 3, 1 / 3), 40, 11), {"skin": uniform(VALUES)}
    found = measure(frame, {"skin": VALUES}, AuditOptions(known=["skin"], references=even)).attributes[0]
    assert [each for scope in found.scopes for each in deviations(scope)], (
        "by chance, some of sixty intervals of 95 % miss the target"
    )
    assert not [each for scope in found.scopes for each in deviations(scope, together=True)]


@pytest.mark.parametrize(("value", "near"), [(1 + 2**-52, 1.0), (-(2**-53), 0.0), (-0.01, 0.0)])
def test_a_share_beyond_its_bounds_has_the_interval_of_the_bound(value: float, near: float) -> None:
    """A corrected share of 100 % may be above 1 by rounding, and one of a matrix of a class below 0."""
    ends = (0.9, 1.0) if near else (0.0, 0.1)
    found = scaled_together(Estimate(value, min(value, ends[0]), max(value, ends[1])), 9)
    expected = scaled_together(Estimate(near, *ends), 9)
    assert np.isfinite([found.low, found.high]).all()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=abs(value - near) + 1e-12)
