"""Diversity and leakage, against definitions written out, and against sets whose answer is known."""

import json
import tracemalloc
from dataclasses import asdict, astuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import entropy

from synthgen.auditing.embeddings import measure_diversity, measure_leakage
from synthgen.auditing.embeddings.rows import read_rows
from synthgen.errors import UsageError
from synthgen.stats.kernels import discrepancy, median_distance, overlap
from synthgen.stats.search import alike_between, alike_within, nearest
from synthgen.stats.spread import draws, mean_distance, of_parts, rke, spectrum, vendi
from tests.auditing.vectors import CENTRE, RNG, around, names, unit


@pytest.mark.parametrize("count", [6, 24, 90])  # fewer than dimensions, as many, more: both forms
def test_the_scores_are_those_of_the_definitions(count: int) -> None:
    rows = around(CENTRE, count, 0.4)
    kernel = np.linalg.eigvalsh(rows.astype(float) @ rows.T.astype(float) / count).clip(0)
    values = spectrum(rows)
    assert vendi(values) == pytest.approx(np.exp(entropy(kernel)))
    assert rke(values) == pytest.approx(1 / np.sum((rows.astype(float) @ rows.T / count) ** 2))
    assert 1 <= rke(values) <= vendi(values) <= count


@given(st.integers(1, 8), st.integers(1, 5), st.randoms())
def test_a_set_of_k_unlike_images_is_worth_k_however_often_each_comes(k: int, times: int, order: object) -> None:
    rows = np.repeat(np.eye(8, dtype=np.float32)[:k], times, axis=0)
    rows = rows[np.random.default_rng(k).permutation(len(rows))]
    assert vendi(spectrum(rows)) == pytest.approx(k)
    assert rke(spectrum(rows)) == pytest.approx(k)


def test_the_mean_distance_is_that_of_all_pairs() -> None:
    rows = around(CENTRE, 40, 0.4)
    found = mean_distance(rows)
    assert found.value == pytest.approx(1 - (rows @ rows.T)[np.triu_indices(40, 1)].mean(), abs=1e-6)
    assert found.low < found.value < found.high


def test_near_duplicates_are_those_of_all_pairs_also_across_blocks() -> None:
    rows = around(CENTRE, 1300, 0.25)
    rows[700], rows[1299] = rows[3], rows[500]
    classes = np.arange(1300) % 2
    pairs = np.triu(rows @ rows.T, 1)
    threshold = float(np.sort(pairs.ravel())[-50])
    first, second = np.nonzero(pairs >= threshold)
    found = alike_within(rows, classes, threshold, keep=30)
    assert found.found == 50
    assert list(zip(found.first[:2], found.second[:2], strict=True)) == [(3, 700), (500, 1299)]
    assert np.allclose(found.cosines, np.sort(pairs[first, second])[::-1][:30], atol=1e-6)
    assert set(np.flatnonzero(found.anywhere)) == {*first, *second}
    same = classes[first] == classes[second]
    assert set(np.flatnonzero(found.in_class)) == {*first[same], *second[same]}

    others = around(CENTRE, 60, 0.25)
    between = alike_between(rows, classes, others, np.zeros(60, int), 0.9)
    assert between.found == int((rows @ others.T >= 0.9).sum())
    assert np.array_equal(between.nearest, (rows @ others.T).argmax(1))
    for cosines in (between.nearest_cosines, nearest(rows, others)):
        assert np.allclose(cosines, (rows @ others.T).max(1), atol=1e-6)


@given(st.integers(2, 30), st.integers(2, 4), st.integers(0, 99))
def test_order_and_copies_of_the_whole_set_change_no_score(count: int, times: int, seed: int) -> None:
    rows = around(CENTRE, count, 0.4, np.random.default_rng(seed))
    copied = np.random.default_rng(seed).permutation(np.repeat(rows, times, axis=0))
    for score in (vendi, rke):
        assert score(spectrum(copied)) == pytest.approx(score(spectrum(rows)), rel=1e-5)


@pytest.mark.parametrize("size", [40, 100])
def test_the_interval_of_parts_holds_the_truth(size: int) -> None:
    """Of 20 rows at a time: halves of 40, and a fifth of 100."""
    rng = np.random.default_rng(1)
    truth = np.mean([rke(spectrum(around(CENTRE, 20, 0.6, rng))) for _ in range(4000)])
    held: int = 0
    for _ in range(300):
        rows = around(CENTRE, size, 0.6, rng)
        found = of_parts(np.array([rke(spectrum(rows[part])) for part in draws(20, size, rng)]), 20, size, 1, 20)
        held += bool(found.low <= truth <= found.high)
    assert 0.90 <= held / 300 <= 0.99


def test_memory_is_bounded_whatever_the_size_of_the_reference_and_the_length_of_a_name() -> None:
    reference, images = np.ones((300_000, 2), np.float32), around(CENTRE[:2], 600, 0.4)
    tracemalloc.start()
    alike_between(images, np.zeros(600, int), -reference / np.sqrt(np.float32(2)), np.zeros(300_000, int), 1.0)
    blocks = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    read_rows(names(20_000), ["x" * 10_000] + ["y"] * 19_999, reference[:20_000], "the set")
    rows = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert blocks < 300 * 2**20
    assert rows < 20 * 2**20


def test_a_set_of_one_image_many_times_is_counted_and_not_listed_whole() -> None:
    rows = np.tile(CENTRE, (1500, 1))
    found = measure_diversity(names(1500), ["a"] * 1500, rows)
    assert (found.pairs_found, len(found.pairs)) == (1500 * 1499 // 2, 200)
    assert [scope.duplicates for scope in found.scopes] == [1500, 1500]
    assert found.scopes[1].vendi is not None
    assert found.scopes[1].vendi.value == pytest.approx(1)


@pytest.mark.parametrize("k", [1, 5])
def test_coverage_density_precision_and_recall_are_those_of_the_papers(k: int) -> None:
    reference, images = around(CENTRE, 80, 0.4), around(CENTRE, 80, 0.2)
    real, fake = (np.sort(cdist(rows, rows), axis=1)[:, k] for rows in (reference, images))  # the first is itself
    apart = cdist(reference, images)
    inside = apart <= real[:, None] + 1e-6
    wanted = (
        inside.any(1).mean(),
        inside.sum() / (k * 80),
        inside.any(0).mean(),
        (apart <= fake[None, :] + 1e-6).any(1).mean(),
    )
    assert astuple(overlap(reference, images, k)) == pytest.approx(wanted)


def test_a_set_is_covered_by_copies_of_itself() -> None:
    rows = np.repeat(around(CENTRE, 10, 0.4), 8, axis=0)  # so many that balls have no width
    assert astuple(overlap(rows, rows[::-1])) == pytest.approx((1, 8 / 5, 1, 1))


def test_the_kernel_distance_is_unbiased_and_knows_chance() -> None:
    def far(shift: float, seed: int) -> tuple[float, float]:
        rng = np.random.default_rng(seed)
        one, other = around(CENTRE, 40, 0.4, rng), around(CENTRE + shift, 40, 0.4, rng)
        found = discrepancy(one, other, 0.8, rng)
        assert found.found.low < found.found.value < found.found.high
        return found.found.value, found.chance

    one, other = around(CENTRE, 12, 0.4), around(CENTRE, 12, 0.5)
    kernels = [np.exp(-(cdist(a, b) ** 2) / (2 * 0.8**2)) for a, b in ((one, one), (other, other), (one, other))]
    within = sum((kernel.sum() - np.trace(kernel)) / (12 * 11) for kernel in kernels[:2])
    assert discrepancy(one, other, 0.8, RNG).found.value == pytest.approx(within - 2 * kernels[2].mean(), abs=1e-6)

    alike = np.array([far(0, seed) for seed in range(200)])
    assert abs(alike[:, 0].mean()) < 3 * alike[:, 0].std() / np.sqrt(200)
    assert 0.01 <= (alike[:, 0] > alike[:, 1]).mean() <= 0.10
    assert all(value > chance for value, chance in (far(0.2, seed) for seed in range(10)))
    assert median_distance(one) == pytest.approx(float(np.median(cdist(one, one)[np.triu_indices(12, 1)])), abs=1e-5)


def test_classes_are_compared_at_one_number_of_images_whatever_their_order() -> None:
    narrow, wide = around(CENTRE, 300, 0.05), around(CENTRE, 60, 0.6)
    rows, classes = np.concatenate([narrow, wide]), ["narrow"] * 300 + ["wide"] * 60
    found = measure_diversity(names(360), classes, rows, seed=3)
    _, first, second = found.scopes
    assert [scope.class_name for scope in found.scopes] == [None, "narrow", "wide"]
    assert {scope.compared for scope in found.scopes} == {30}
    assert first.vendi is not None
    assert second.vendi is not None
    assert first.vendi.high < second.vendi.low
    assert first.distance is not None
    assert first.distance.high < second.distance.low  # type: ignore[union-attr]
    assert [scope.compared_duplicate_rate for scope in found.scopes[1:]] != [
        scope.duplicate_rate for scope in found.scopes[1:]
    ]
    json.dumps(asdict(found), allow_nan=False)
    assert measure_diversity(names(360), classes, rows, seed=3) == found


def test_a_class_of_few_images_is_no_measure_and_says_so() -> None:
    found = measure_diversity(names(25), ["many"] * 20 + ["few"] * 5, around(CENTRE, 25, 0.4))
    few = next(scope for scope in found.scopes if scope.class_name == "few")
    assert (few.rke, few.vendi, few.compared) == (None, None, 0)
    assert few.reason == "5 images; diversity is measured of 20 or more"
    over_all, *small = measure_diversity(names(25), ["a"] * 13 + ["b"] * 12, around(CENTRE, 25, 0.4)).scopes
    assert (over_all.compared, over_all.vendi is not None) == (12, True)
    assert {scope.vendi for scope in small} == {None}
    nothing = measure_diversity([], [], np.empty((0, 8), np.float32))
    assert (nothing.images, nothing.scopes[0].duplicate_rate, nothing.scopes[0].vendi) == (0, None, None)


def test_copies_of_reference_images_are_found_and_shown() -> None:
    reference, images = around(CENTRE, 120, 0.4), around(CENTRE, 90, 0.4)
    images[7], images[40] = reference[11], reference[99]
    classes, of = ["a", "b"] * 45, ["a", "b", "c"] * 40
    found = measure_leakage(names(90), classes, images, names(120, "r"), of, reference)
    assert {(pair.first, pair.second) for pair in found.pairs} == {("i7", "r11"), ("i40", "r99")}
    assert [(pair.first, pair.second) for pair in found.nearest_pairs[:2]] == [("i7", "r11"), ("i40", "r99")]
    assert len(found.nearest_pairs) == 24
    assert found.scopes[0].bandwidth == pytest.approx(median_distance(reference), abs=0.1)
    assert [(scope.class_name, scope.duplicates, scope.reference_images) for scope in found.scopes] == [
        (None, 2, 120),
        ("a", 1, 40),
        ("b", 0, 40),
    ]
    json.dumps(asdict(found), allow_nan=False)


def test_a_set_like_its_reference_covers_it_as_it_covers_itself_and_one_of_a_part_covers_that() -> None:
    other = unit(RNG.normal(size=(1, 24)))[0]
    reference = np.concatenate([around(CENTRE, 200, 0.2), around(other, 200, 0.2)])

    def scope(images: np.ndarray) -> tuple[float, float, float, float]:
        found = measure_leakage(names(200), ["a"] * 200, images, names(400, "r"), ["a"] * 400, reference).scopes[0]
        assert found.coverage is not None
        assert found.kernel_distance is not None
        assert found.usual_coverage is not None
        assert found.chance_kernel_distance is not None
        return (
            found.coverage.value,
            found.usual_coverage,
            found.kernel_distance.value,
            found.chance_kernel_distance,
        )

    coverage, usual, distance, chance = scope(np.concatenate([around(CENTRE, 100, 0.2), around(other, 100, 0.2)]))
    assert coverage == pytest.approx(usual, abs=0.05)
    assert distance < chance
    coverage, usual, distance, chance = scope(around(CENTRE, 200, 0.2))
    assert coverage == pytest.approx(usual / 2, abs=0.1)
    assert distance > chance


def test_too_few_images_to_compare_say_so() -> None:
    reference, images = around(CENTRE, 19, 0.4), around(CENTRE, 30, 0.4)
    over_all, only = measure_leakage(names(30), ["a"] * 30, images, names(19, "r"), ["b"] * 19, reference).scopes
    assert (over_all.coverage, over_all.kernel_distance) == (None, None)
    assert over_all.reason == "30 images and 19 of the reference; 20 of each are needed to compare more"
    assert (only.nearest, only.reason) == (None, "the reference has no image of it")


@pytest.mark.parametrize(
    ("rows", "ids", "said"),
    [
        (np.full((2, 3), np.nan), ["x", "y"], "of x is 0 or not finite"),
        (np.array([[1.0, 0.0], [0.0, 0.0]]), ["x", "y"], "of y is 0 or not finite"),
        (np.eye(2), ["x", "x"], "is duplicated"),
        (np.eye(3), ["x", "y"], "an id, a class and an embedding"),
    ],
)
def test_what_is_no_set_of_embeddings_is_refused(rows: np.ndarray, ids: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        measure_diversity(ids, ["a"] * 2, rows)


def test_embeddings_of_two_models_are_not_compared() -> None:
    with pytest.raises(UsageError, match="of one model"):
        measure_leakage(["x"], ["a"], np.eye(1, 4), ["y"], ["a"], np.eye(1, 5))


@pytest.mark.parametrize("threshold", [float("nan"), 0.0, 1.1])
def test_a_threshold_that_would_find_nothing_is_refused(threshold: float) -> None:
    with pytest.raises(UsageError, match="threshold of near-duplicates"):
        measure_diversity(["x"], ["a"], np.eye(1), threshold=threshold)


@pytest.mark.parametrize("asked", [{"neighbours": 0}, {"bandwidth": 0.0}, {"bandwidth": float("nan")}])
def test_neighbours_and_bandwidth_are_above_0(asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="neighbours and a bandwidth above 0"):
        measure_leakage(["x"], ["a"], np.eye(1), ["y"], ["a"], np.eye(1), **asked)


def test_a_class_that_is_missing_is_refused() -> None:
    with pytest.raises(UsageError, match="class of y is nan"):
        measure_diversity(["x", "y"], ["a", float("nan")], np.eye(2))  # type: ignore[list-item]


def test_copies_are_found_at_a_cosine_of_1() -> None:
    rows = around(CENTRE, 600, 0.4)
    rows[300:] = rows[:300]
    assert measure_diversity(names(600), ["a"] * 600, rows, threshold=1.0).scopes[0].duplicates == 600
