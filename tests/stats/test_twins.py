"""Near-duplicates of whole sets: against all pairs, written out, and on sets that are hard for an index."""

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from synthgen.stats.twins import AlikeInSets, twins_between, twins_within
from tests.auditing.vectors import unit

LIMIT = 0.98


def alike_pairs(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.asarray(rows.astype(float) @ others.T.astype(float) >= LIMIT - 1e-6)


def like_clip(count: int, seed: int = 0, width: int = 128) -> np.ndarray:
    """A strong common direction, classes and prompts as clusters, many pairs near the limit; each tenth row a twin."""
    rng = np.random.default_rng(seed)
    spectrum = np.arange(1, width + 1) ** -0.75
    spectrum /= np.linalg.norm(spectrum)
    prompts = 0.6 * rng.normal(size=(max(20, count // 200), width)) * spectrum
    rows = rng.normal(size=width) / np.sqrt(width) + prompts[rng.integers(0, len(prompts), count)]
    rows = unit(rows + 0.4 * rng.normal(size=(count, width)) * spectrum)
    twins, of = np.split(rng.choice(count, 2 * (count // 10), replace=False), 2)
    noise = rng.uniform(0.02, 0.19, (len(twins), 1)) * rng.normal(size=(len(twins), width)) / np.sqrt(width)
    rows[twins] = unit(rows[of] + noise)
    return rows


@given(st.integers(2, 60), st.integers(2, 20), st.integers(0, 99))
def test_every_pair_of_a_small_set_is_found_and_counted_once(count: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = unit(rng.normal(size=(count, width)))[rng.integers(0, count, count)]  # with copies
    rows[: count // 3] = unit(rows[: count // 3] + 0.05 * rng.normal(size=(count // 3, width)))
    classes, tone = rng.integers(0, 2, count), rng.integers(-1, 2, count)
    found = twins_within(rows, classes, LIMIT, [classes, tone], keep=count**2)

    alike = alike_pairs(rows, rows)
    np.fill_diagonal(alike, False)
    first, second = np.nonzero(np.triu(alike))
    same = classes[:, None] == classes
    assert found.exact
    assert found.found == len(first)
    assert np.array_equal(found.partners, alike.sum(1))
    assert np.array_equal(found.anywhere, alike.any(1))
    assert np.array_equal(found.in_class, (alike & same).any(1))
    apart = (tone[first] != tone[second]) & (tone[first] >= 0) & (tone[second] >= 0)
    assert found.differing == ((classes[first] != classes[second]).sum(), apart.sum())
    assert set(zip(found.first.tolist(), found.second.tolist(), strict=True)) <= set(
        zip(first.tolist(), second.tolist(), strict=True)
    )
    parts, number = connected_components(csr_array(alike), directed=False)
    assert len(set(zip(number.tolist(), found.component.tolist(), strict=True))) == parts
    assert len(set(found.component.tolist())) == parts


@pytest.mark.parametrize("width", [3, 40], ids=["in three dimensions", "in forty"])
def test_between_two_sets_every_pair_and_every_nearest_row_is_found(width: int) -> None:
    rng = np.random.default_rng(1)
    rows, others = unit(rng.normal(size=(300, width))), unit(rng.normal(size=(200, width)))
    rows[:30], rows[30:40] = others[:30], others[0]
    classes, other_classes = rng.integers(0, 3, 300), rng.integers(-1, 3, 200)
    found = twins_between(rows, classes, others, other_classes, LIMIT)
    alike = alike_pairs(rows, others)
    assert found.exact
    assert found.found == alike.sum()
    assert np.array_equal(found.anywhere, alike.any(1))
    assert np.array_equal(found.in_class, (alike & (classes[:, None] == other_classes)).any(1))
    nearest = NearestNeighbors(n_neighbors=1, metric="cosine").fit(others)
    assert np.allclose(found.nearest_cosines, 1 - nearest.kneighbors(rows)[0][:, 0], atol=1e-5)
    assert np.allclose((rows * others[found.nearest]).sum(1), found.nearest_cosines, atol=1e-5)


def test_an_index_finds_nearly_all_in_embeddings_like_those_of_clip_and_measures_it() -> None:
    rows = like_clip(6000)
    classes = np.arange(6000) % 3
    found, truth = twins_within(rows, classes, LIMIT, most_compared=3000), twins_within(rows, classes, LIMIT)
    assert (found.exact, truth.exact) == (False, True)
    assert not (found.anywhere & ~truth.anywhere).any()
    assert (found.partners <= truth.partners).all()
    assert found.anywhere.sum() >= 0.97 * truth.anywhere.sum()
    assert found.found >= 0.9 * truth.found
    check = found.check
    assert check is not None
    assert np.array_equal(check.partners, truth.partners[check.drawn])
    assert np.array_equal(check.in_class > 0, truth.in_class[check.drawn])

    again = twins_within(rows, classes, LIMIT, most_compared=3000)
    assert (again.found, again.trees) == (found.found, found.trees)
    assert np.array_equal(again.anywhere, found.anywhere)


def test_the_number_of_threads_does_not_change_what_an_index_finds() -> None:
    rows = like_clip(6000)
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(twins_within(rows, np.zeros(6000, np.int64), LIMIT, most_compared=3000))
    assert np.array_equal(found[0].component, found[1].component)
    assert (found[0].found, found[0].trees) == (found[1].found, found[1].trees)


def test_an_index_finds_leaks_between_two_sets() -> None:
    rows = like_clip(5000)
    ours, theirs = rows[:3000], rows[3000:]
    none = np.zeros(5000, np.int64)
    found = twins_between(ours, none[:3000], theirs, none[3000:], LIMIT, most_compared=1000)
    truth = twins_between(ours, none[:3000], theirs, none[3000:], LIMIT)
    assert (found.exact, truth.exact) == (False, True)
    assert not (found.anywhere & ~truth.anywhere).any()
    assert found.anywhere.sum() >= 0.97 * truth.anywhere.sum()
    assert found.check is not None
    assert np.allclose(found.check.nearest_cosines, truth.nearest_cosines[found.check.drawn], atol=1e-5)
    top = np.argsort(-truth.nearest_cosines)[:24]
    assert np.allclose(found.nearest_cosines[top], truth.nearest_cosines[top], atol=1e-5)


def test_a_block_of_one_picture_is_counted_right_and_quickly() -> None:
    rows = like_clip(30_000, width=32)
    rows[5000:25_000] = rows[0]
    rows = rows[np.random.default_rng(2).permutation(30_000)]
    classes = np.zeros(30_000, np.int64)
    began = time.process_time()
    tracemalloc.start()
    found = twins_within(rows, classes, LIMIT, most_compared=100)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    copies = 20_001
    assert found.found >= copies * (copies - 1) // 2
    assert found.partners.max() >= copies - 1
    assert (found.partners >= copies - 1).sum() >= copies
    assert found.differing == ()
    assert len(found.first) == 200
    assert peak < 200 * 2**20
    assert time.process_time() - began < 30


@pytest.mark.parametrize("width", [2, 3])
def test_rows_of_few_dimensions_all_near_each_other_end_and_are_lower_bounds(width: int) -> None:
    rows = unit(1 + 0.02 * np.random.default_rng(3).normal(size=(3000, width)))
    found = twins_within(rows, np.zeros(3000, np.int64), LIMIT, most_compared=500)
    assert found.anywhere.all()
    assert found.found <= 3000 * 2999 // 2
    assert found.check is not None
    assert (found.check.partners == 2999).all()
    assert len(np.unique(found.component)) == 1


def test_nothing_and_one_row_have_no_twins() -> None:
    def of(count: int) -> AlikeInSets:
        return twins_within(np.eye(1, 4, dtype=np.float32)[:count], np.zeros(count, np.int64), LIMIT)

    assert [(of(count).found, of(count).exact, len(of(count).component)) for count in (0, 1)] == [
        (0, True, 0),
        (0, True, 1),
    ]
    none, one = np.empty((0, 4), np.float32), np.eye(1, 4, dtype=np.float32)
    code = np.zeros(1, np.int64)
    assert twins_between(none, code[:0], one, code, LIMIT).found == 0
    assert twins_between(one, code, none, code[:0], LIMIT).nearest.tolist() == [-1]
