"""Distinct pictures per prompt: the Vendi score by its definition, at equal numbers, and templates that give copies."""

import numpy as np
import pytest

from synthgen.stats.several import ALIKE, distinct_pictures, like_copies
from synthgen.stats.spread import spectrum, vendi


def unit(rows: np.ndarray) -> np.ndarray:
    scaled: np.ndarray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def with_cosine(size: int, cosine: float) -> np.ndarray:
    """Rows of which every two have this cosine."""
    values, axes = np.linalg.eigh(np.full((size, size), cosine) + (1 - cosine) * np.eye(size))
    return unit(axes * np.sqrt(np.clip(values, 0, None)))


def by_definition(rows: np.ndarray) -> float:
    """Friedman and Dieng 2023, equation 2: exp of minus the sum of l log l over the eigenvalues l of K / n."""
    kernel = rows.astype(float) @ rows.astype(float).T
    values = np.linalg.eigvals(kernel / len(rows)).real
    return float(np.exp(-sum(value * np.log(value) for value in values if value > 1e-12)))


@pytest.mark.parametrize("size", [2, 4, 8])
def test_equal_pictures_are_one_and_pictures_with_nothing_in_common_are_all(size: int) -> None:
    same, other = np.tile(np.eye(9)[:1], (size, 1)), np.eye(9)[:size]
    vectors = np.concatenate([same, other]).astype(np.float32)
    for rows, worth in ((same, 1.0), (other, float(size))):
        found = distinct_pictures(rows.astype(np.float32), ["a"] * size, ["t"] * size)
        assert found is not None
        assert found.value == pytest.approx(worth)
        assert (found.of, found.prompts, found.by) == (size, 1, "prompt")
    both = distinct_pictures(vectors, ["a"] * size + ["b"] * size, ["t"] * size + ["u"] * size)
    assert both is not None
    assert both.value == pytest.approx((1 + size) / 2)
    assert both.pictures is not None
    assert both.pictures.low <= both.value <= both.pictures.high


def test_the_score_is_that_of_its_definition() -> None:
    rng = np.random.default_rng(1)
    for size in (2, 5, 8):
        rows = unit(rng.normal(size=(size, 6)) + 1)
        found = distinct_pictures(rows, ["a"] * size, ["t"] * size)
        assert found is not None
        assert found.value == pytest.approx(by_definition(rows), rel=1e-5)


@pytest.mark.parametrize("cosine", [0.5, ALIKE, 0.999])
def test_copies_are_what_a_cosine_says(cosine: float) -> None:
    assert like_copies(4, cosine) == pytest.approx(vendi(spectrum(with_cosine(4, cosine))), rel=1e-5)


def test_prompts_are_compared_at_equal_numbers() -> None:
    rng = np.random.default_rng(2)
    rows = unit(rng.normal(size=(24, 12)))
    prompts = ["a"] * 4 + ["b"] * 4 + ["c"] * 14 + ["d", "e"]
    found = distinct_pictures(rows, prompts, ["t"] * 24)
    assert found is not None
    assert (found.of, found.prompts, found.left_out) == (4, 3, 2)
    assert found.value <= 4


def test_a_template_that_gives_copies_is_named_and_no_other() -> None:
    rng = np.random.default_rng(3)
    alike = [with_cosine(4, 0.99) for _ in range(3)]
    others = [unit(rng.normal(size=(4, 4)) + 1) for _ in range(3)]
    rows = np.concatenate([*alike, *others])
    prompts = [f"prompt {number // 4}" for number in range(24)]
    found = distinct_pictures(rows, prompts, ["same"] * 12 + ["other"] * 12)
    assert found is not None
    assert [name for name, _ in found.copying] == ["same"]
    assert dict(found.copying)["same"] == pytest.approx(like_copies(4, 0.99), rel=1e-4)


def test_where_prompts_have_one_image_each_templates_take_their_place() -> None:
    rows = unit(np.random.default_rng(4).normal(size=(8, 5)))
    found = distinct_pictures(rows, [f"p{number}" for number in range(8)], ["t"] * 4 + ["u"] * 4)
    assert found is not None
    assert (found.by, found.prompts, found.of) == ("template", 2, 4)
    assert distinct_pictures(rows[:2], ["a", "b"], ["t", "u"]) is None
