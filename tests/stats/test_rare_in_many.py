"""Rare values in many classes: what is tested or read together is seldom wrong, by the binomial distribution."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from synthgen.stats.estimates import wilson
from synthgen.stats.limits import LEVEL, share_beyond
from synthgen.stats.simultaneous import scaled_together, wilson_together

CASES = [(100, 150, 0.03), (100, 30, 0.03), (20, 300, 0.01), (1000, 40, 0.1), (100, 150, 0.5)]
"""Classes, images of each, and the share of a value in all of them."""


@pytest.mark.parametrize(("classes", "images", "share"), CASES)
@pytest.mark.parametrize("most", [True, False])
def test_that_some_class_breaks_a_limit_is_seldom_said_wrongly(
    classes: int, images: int, share: float, most: bool
) -> None:
    counts = np.arange(images + 1)
    p_values = np.array(
        [share_beyond(found, share, most, tests=classes) for k in counts if (found := wilson(int(k), images))]
    )
    fails = float(binom.pmf(counts, images, share)[p_values * classes <= LEVEL].sum())
    assert 1 - (1 - fails) ** classes <= LEVEL


@pytest.mark.parametrize(("classes", "images", "share"), CASES)
@pytest.mark.parametrize("how", ["counted", "scaled"])
def test_joint_intervals_of_a_rare_value_hold_in_all_classes(classes: int, images: int, share: float, how: str) -> None:
    missed = 0.0
    for count, chance in enumerate(binom.pmf(np.arange(images + 1), images, share)):
        plain = wilson(count, images)
        assert plain is not None
        found = wilson_together(count, images, classes) if how == "counted" else scaled_together(plain, classes)
        assert found.low <= plain.low + 1e-12
        assert found.high >= plain.high - 1e-12
        missed += 0.0 if found.low <= share <= found.high else float(chance)
    assert 1 - (1 - missed) ** classes <= 0.05


def test_the_test_of_a_counted_share_is_the_exact_binomial_test() -> None:
    for count, images, limit in ((12, 150, 0.03), (70, 100, 0.5), (1, 3, 0.05)):
        found = wilson(count, images)
        assert found is not None
        exact = binomtest(count, images, limit, alternative="greater").pvalue
        assert share_beyond(found, limit, most=True, tests=2) == pytest.approx(exact)
