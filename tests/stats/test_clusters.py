"""Images of one prompt are alike: the bootstrap that draws prompts."""

import numpy as np
import pytest
import statsmodels.api as sm

from synthgen.stats.association import PromptClusters, associate
from synthgen.stats.clusters import bootstrap, design_effect, linear
from synthgen.stats.estimates import Ints


def alike(prompts: int, images: int, likeness: float, seed: int = 0) -> Ints:
    """Images by prompt and value, [prompts, 2]: shares vary between prompts by a beta distribution with that
    intraclass correlation."""
    rng = np.random.default_rng(seed)
    strength = (1 - likeness) / likeness
    shares = rng.beta(0.3 * strength, 0.7 * strength, prompts)
    hits = rng.binomial(images, shares)
    return np.stack([hits, images - hits], axis=1)


@pytest.mark.parametrize("prompts", [200, 4000], ids=["each drawn", "drawn in groups"])
def test_the_design_effect_is_that_of_the_intraclass_correlation(prompts: int) -> None:
    drawn = bootstrap(np.zeros(prompts, dtype=int), np.random.default_rng(0))
    assert drawn is not None
    # 1 + (images - 1) * correlation
    assert design_effect(alike(prompts, 11, 0.2), drawn) == pytest.approx(3, rel=0.2)
    assert design_effect(alike(prompts, 11, 1e-6), drawn) == pytest.approx(1, rel=0.2)


def test_the_bootstraps_variance_is_the_formulas() -> None:
    counts = alike(60, 10, 0.3)
    drawn = bootstrap(np.zeros(60, dtype=int), np.random.default_rng(0))
    assert drawn is not None
    found = np.var(drawn.shares(counts)[:, 0])
    expected = np.var(counts[:, 0] / 10, ddof=1) / 60  # of a mean of equal clusters
    assert found == pytest.approx(expected, rel=0.12)


def test_classes_are_strata_and_too_few_prompts_tell_nothing() -> None:
    apart = np.concatenate([alike(10, 10, 1e-6), alike(10, 10, 1e-6)[:, ::-1]])
    drawn = bootstrap(np.repeat([0, 1], 10), np.random.default_rng(0))
    assert drawn is not None
    effect = design_effect(apart, drawn)
    assert effect is not None
    assert effect < 1.3, "classes that differ are not prompts that do"
    assert drawn.freedom == 18
    assert bootstrap(np.zeros(9, dtype=int), np.random.default_rng(0)) is None
    assert bootstrap(np.array([0] * 20 + [1]), np.random.default_rng(0)) is None, (
        "one prompt of a class has no variance"
    )
    assert bootstrap(np.zeros(0, dtype=int), np.random.default_rng(0)) is None


def test_prompts_that_differ_do_not_make_classes_that_do() -> None:
    # Twelve prompts in two classes, each of one value wholly: by images highly significant, by prompts not at all.
    counts = np.array([[20, 0], [0, 20], [20, 0], [20, 0], [0, 20], [20, 0]] + [[0, 20], [20, 0], [0, 20]] * 2)
    label = np.repeat([0, 1], 6)
    drawn = bootstrap(label, np.random.default_rng(0))
    assert drawn is not None
    table = np.stack([counts[label == kind].sum(0) for kind in (0, 1)])
    found = associate(table, np.random.default_rng(0), PromptClusters(counts, label, drawn, effect=20.0))
    assert associate(table, np.random.default_rng(0)).test is not None
    assert found.test is not None
    assert found.test.name == "permutation of prompts"
    assert found.test.p_value > 0.3
    assert found.v is not None
    assert found.v.low == 0


@pytest.mark.parametrize("prompts", [10, 60, 400])
def test_the_linearized_variance_is_that_of_statsmodels_and_near_the_bootstraps(prompts: int) -> None:
    counts = alike(prompts, 10, 0.3) + np.random.default_rng(1).integers(0, 3, (prompts, 2))  # clusters of many sizes
    found = linear(prompts)
    assert found is not None
    variance = found.variance(counts)
    hits = np.concatenate([np.repeat([1, 0], row) for row in counts])
    fitted = sm.OLS(hits, np.ones(len(hits))).fit(
        cov_type="cluster", cov_kwds={"groups": np.repeat(np.arange(prompts), counts.sum(1)), "df_correction": False}
    )
    expected = float(fitted.cov_params()[0, 0])
    assert variance == pytest.approx([expected, expected], rel=1e-9)
    drawn = bootstrap(np.zeros(prompts, dtype=int), np.random.default_rng(0))
    assert drawn is not None
    effects = design_effect(counts, found), design_effect(counts, drawn)
    assert effects[0] == pytest.approx(effects[1], rel=0.15)
    assert linear(9) is None
