"""Repeats in a sequence: what the bounds skip is what does not reach the threshold."""

import logging
import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from synthgen.dataset.duplicates import Duplicate, near_duplicates
from synthgen.judging.duplicates import SeenImages
from synthgen.spec import DuplicateFilter
from synthgen.stats import repeats
from synthgen.stats.repeats import EarlierRows
from synthgen.stats.search import ROUNDING


def cone(count: int, size: int, spread: float) -> NDArray[np.float16]:
    """Vectors around one direction, as a CLIP gives them; every tenth repeats one before it, more or less."""
    rng = np.random.default_rng(3)
    made = rng.standard_normal((count, size)) / np.arange(1, size + 1) ** 0.5 * spread
    made[:, 0] += 2
    for row in range(10, count, 10):
        made[row] = made[row // 2] + rng.standard_normal(size) * 0.02 * rng.integers(0, 4)
    found: NDArray[np.float16] = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float16)
    return found


def by_all_pairs(rows: NDArray[np.float16], least: float) -> tuple[Duplicate, ...]:
    wide = rows.astype(np.float32)
    alike, found = wide @ wide.T >= least - ROUNDING, []
    kept: list[int] = []
    for later in range(len(rows)):
        if same := [earlier for earlier in kept if alike[later, earlier]]:
            found.append(Duplicate(f"{later:05d}", f"{same[0]:05d}"))
        else:
            kept.append(later)
    return tuple(found)


@pytest.mark.parametrize(
    ("size", "spread", "least"),
    [(96, 1.0, 0.98), (512, 0.4, 0.97), (512, 0.4, 0.8), (12, 1.0, 0.99), (256, 1.0, 0.05)],
    ids=["wide", "narrow", "mostly alike", "short", "nearly all alike"],
)
def test_the_bounds_hide_no_repeat(size: int, spread: float, least: float) -> None:
    rows = cone(1300, size, spread)
    ids = [f"{row:05d}" for row in range(len(rows))]
    hashes = [np.random.default_rng(row).bytes(32) for row in range(len(rows))]
    found = near_duplicates(ids, [0] * len(rows), hashes, rows, DuplicateFilter(min_cosine=least))
    assert found == by_all_pairs(rows, least)
    assert 0 < len(found) < len(rows)


def test_no_more_products_are_in_memory_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = cone(1300, 64, 1.0)
    expected = EarlierRows(rows, 0.98)
    expected.keep(range(1000))
    monkeypatch.setattr(repeats, "_CELLS", 512 * 7)
    pieces = EarlierRows(rows, 0.98)
    pieces.keep(range(1000))
    first = pieces.first_alike(slice(1000, 1300))
    assert first.tolist() == expected.first_alike(slice(1000, 1300)).tolist()
    assert -1 < first.max() < 1000


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("least", [0.0, 0.98])
def test_embeddings_that_are_not_finite_hide_no_repeat_of_the_others_and_are_counted(
    value: float, least: float, caplog: pytest.LogCaptureFixture
) -> None:
    rows = cone(1300, 96, 1.0)
    ids = [f"{row:05d}" for row in range(len(rows))]
    hashes = [np.random.default_rng(row).bytes(32) for row in range(len(rows))]
    expected = near_duplicates(ids[3:], [0] * 1297, hashes[3:], rows[3:], DuplicateFilter(min_cosine=least))
    rows[:2], rows[2, 5] = value, value
    with caplog.at_level(logging.WARNING):
        found = near_duplicates(ids, [0] * len(rows), hashes, rows, DuplicateFilter(min_cosine=least))
    assert found == expected
    assert found
    message = "3 of 1300 images have an embedding with NaN or infinity: only their hashes were compared"
    assert caplog.messages == [message]


def test_an_embedding_that_is_not_a_number_hides_no_repeat_within_a_shard() -> None:
    seen, rows = SeenImages(DuplicateFilter(min_cosine=0.9)), cone(3, 16, 1.0).astype(np.float32)
    hashes = [np.frombuffer(np.random.default_rng(row).bytes(32), np.uint8) for row in range(4)]
    told = [
        seen.repeats(str(row), hashes[row], vector, "doctor")
        for row, vector in enumerate((rows[0] * np.float32("nan"), rows[0], rows[1], rows[0]))
    ]
    assert told == [None, None, None, "repeats 1: cosine 1.000"]


def test_many_repeats_take_no_more_memory_than_few() -> None:
    rows = np.zeros((8512, 16), np.float32)
    rows[:, 0] = 1
    earlier = EarlierRows(rows, 0.98)
    earlier.keep(range(8000))
    tracemalloc.start()
    try:
        assert set(earlier.first_alike(slice(8000, 8512)).tolist()) == {0}
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 3 * 4 * 512 * 8000  # all positions of pairs would take four times the cosines
