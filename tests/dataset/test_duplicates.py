"""Near-duplicates across shards: the index finds what comparing all pairs finds, and the lowest id stays."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.dataset import duplicates
from synthgen.dataset.duplicates import Duplicate, equal_images, near_duplicates
from synthgen.spec import DuplicateFilter

BITS = 64


def flipped(base: int, places: set[int]) -> bytes:
    return (base ^ sum(1 << place for place in places)).to_bytes(BITS // 8, "big")


pictures = st.lists(
    st.tuples(
        st.sampled_from([0, 2**64 - 1, 0x0123456789ABCDEF]), st.sets(st.integers(0, 20), max_size=6), st.integers(0, 1)
    ),
    max_size=40,
)


@given(pictures, st.integers(0, 8), st.sampled_from(["class", "dataset"]))
def test_the_index_finds_what_comparing_all_pairs_finds(
    made: list[tuple[int, set[int], int]], most: int, within: str
) -> None:
    ids = [f"{index:03d}" for index in range(len(made))]
    hashes, labels = [flipped(base, places) for base, places, _ in made], [label for *_, label in made]
    dropped: dict[int, int] = {}
    for earlier, later in sorted(combinations(range(len(made)), 2), key=lambda pair: pair[::-1]):
        distance = (int.from_bytes(hashes[earlier], "big") ^ int.from_bytes(hashes[later], "big")).bit_count()
        comparable = within == "dataset" or labels[earlier] == labels[later]
        if comparable and distance <= most and earlier not in dropped:
            dropped.setdefault(later, earlier)
    rule = DuplicateFilter.model_validate({"within": within, "max_bits": most})
    expected = tuple(Duplicate(ids[later], ids[earlier]) for later, earlier in sorted(dropped.items()))
    assert near_duplicates(ids, labels, hashes, None, rule) == expected


def test_embeddings_decide_where_a_cosine_is_asked_for() -> None:
    angles = np.radians([0, 4, 8, 60])
    embeddings = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    hashes = [bytes([index]) * 32 for index in (0, 15, 85, 255)]  # far apart
    ids, labels = ["d", "c", "b", "a"], [0, 0, 0, 0]
    rule = DuplicateFilter(min_cosine=0.995)  # within six degrees
    assert near_duplicates(ids, labels, hashes, embeddings, rule) == (Duplicate("c", same_as="b"),)
    assert near_duplicates(ids, labels, hashes, embeddings, DuplicateFilter()) == ()


@pytest.mark.parametrize("within", ["class", "dataset"])
def test_an_index_finds_the_repeats_that_comparing_all_finds(monkeypatch: pytest.MonkeyPatch, within: str) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((600, 32)).astype(np.float32)
    vectors[300:] = vectors[:300] + rng.standard_normal((300, 32)).astype(np.float32) * rng.uniform(0, 0.4, (300, 1))
    vectors[590:595] = vectors[3]  # equal ones, too
    vectors[7] = np.nan
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids, labels = [f"{place:03d}" for place in rng.permutation(600)], [place % 2 for place in range(600)]
    hashes: list[bytes | None] = [rng.bytes(32) for _ in ids]
    hashes[40], hashes[41] = hashes[340], None
    rule = DuplicateFilter.model_validate({"within": within, "min_cosine": 0.98})
    exact = near_duplicates(ids, labels, hashes, vectors, rule)
    monkeypatch.setattr(duplicates, "MOST_COMPARED", 10)
    assert near_duplicates(ids, labels, hashes, vectors, rule) == exact
    assert len(exact) > 100


def test_without_a_rule_images_equal_to_the_byte_are_known() -> None:
    assert equal_images(["b", "a", "c"], [b"x", b"x", b"y"]) == (Duplicate("b", same_as="a"),)
