"""More images than every pair can be compared of: what a sample gave is the set's, and says where it comes from."""

import numpy as np
import pytest

from synthgen.auditing.embeddings import measure_diversity, measure_leakage
from synthgen.stats.estimates import wilson
from synthgen.stats.search import alike_to_drawn, alike_within
from tests.auditing.vectors import CENTRE, around, names, unit


def clustered(images: int, share: float, size: int, rng: np.random.Generator) -> np.ndarray:
    """Of the rows so many have twins, in clusters of `size`; the others are far from each other."""
    many = round(images * share / size) * size
    rows = unit(rng.normal(size=(images, 24)))
    rows[:many] = np.repeat(rows[: many // size], size, axis=0)
    return np.asarray(rows[rng.permutation(images)])


@pytest.mark.parametrize("size", [2, 3, 30, 300], ids=["pairs", "triples", "clusters", "one cluster"])
def test_the_rate_of_near_duplicates_of_a_sample_is_the_sets(size: int) -> None:
    """1,500 rows with 20 % in clusters, and the cosines of 600 among themselves: 120 rows with all."""
    rng, held, rates = np.random.default_rng(size), 0, []
    for _ in range(100):
        rows = clustered(1500, 0.2, size, rng)
        drawn = np.sort(rng.choice(1500, 120, replace=False))
        flags = alike_to_drawn(rows, np.zeros(1500, np.int64), drawn, 0.98).anywhere
        found = wilson(int(flags.sum()), len(flags))
        assert found is not None
        rates.append(found.value)
        held += found.low <= 0.2 <= found.high
    assert held >= 90
    assert np.mean(rates) == pytest.approx(0.2, abs=0.015)


@pytest.mark.parametrize("share", [0.0, 0.04, 0.5])
def test_a_sampled_rate_says_so_in_the_same_line(share: float) -> None:
    rows = clustered(4000, share, 2, np.random.default_rng(5))
    found = measure_diversity(names(4000), ["a", "b"] * 2000, rows, most_compared=2000)
    over_all = found.scopes[0]
    assert (found.images, found.drawn, over_all.images, over_all.drawn) == (4000, 500, 4000, 500)
    assert over_all.duplicate_rate is not None
    assert over_all.duplicate_rate.low <= share <= over_all.duplicate_rate.high
    assert sum(scope.drawn or 0 for scope in found.scopes[1:]) == 500
    (line,) = found.caveats
    assert line.startswith(f"near-duplicates: {100 * over_all.duplicate_rate.value:.3g} % of images have one (95 % ")
    assert line.endswith("; estimated from 500 images drawn at random, each compared with all 4,000)")
    assert (found.pairs_found > 0) == (share > 0)
    whole = measure_diversity(names(4000), ["a", "b"] * 2000, rows, most_compared=4000)
    assert (whole.drawn, whole.caveats, whole.scopes[0].duplicates) == (None, (), round(4000 * share))


def test_a_pair_of_which_both_were_drawn_is_one_pair() -> None:
    rows = around(CENTRE, 1300, 0.4)
    rows[700], rows[1299], rows[20] = rows[3], rows[3], rows[500]
    drawn = np.array([3, 20, 700, 800])
    found = alike_to_drawn(rows, np.arange(1300) % 2, drawn, 0.999)
    pairs = set(zip(found.first.tolist(), found.second.tolist(), strict=True))
    assert (found.found, pairs) == (4, {(3, 700), (3, 1299), (700, 1299), (20, 500)})
    assert found.anywhere.tolist() == [True, True, True, False]
    assert found.in_class.tolist() == [True, True, False, False]
    everyone = alike_to_drawn(rows, np.zeros(1300, np.int64), np.arange(1300), 0.9)
    assert everyone.found == alike_within(rows, np.zeros(1300, np.int64), 0.9).found


def test_what_leaked_of_a_sample_is_told_of_the_whole_set() -> None:
    rng = np.random.default_rng(2)
    reference, images = around(CENTRE, 100, 0.4, rng), around(CENTRE, 1000, 0.4, rng)
    images[:200] = np.repeat(reference[:50], 4, axis=0)
    order = rng.permutation(1000)
    classes = np.array(["a"] * 500 + ["b"] * 499 + ["rare"])[order].tolist()
    found = measure_leakage(
        names(1000), classes, images[order], names(100, "r"), ["a"] * 100, reference, most_compared=300
    )
    assert (found.images, found.drawn) == (1000, 300)
    assert [scope.images for scope in found.scopes] == [1000, 500, 499, 1]
    assert sum(scope.drawn or 0 for scope in found.scopes[1:]) == 300
    rate = found.scopes[0].duplicate_rate
    assert rate is not None
    assert rate.low <= 0.2 <= rate.high
    assert "estimated from 300 images drawn at random of 1,000" in found.caveats[0]
    assert f"{100 * rate.value:.3g} %" in found.caveats[0]
