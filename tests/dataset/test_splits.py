"""Splits: everything in exactly one, the shares kept, whatever the order."""

from collections import Counter
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from synthgen.dataset.splits import assign_splits, split_counts

SHARES = st.dictionaries(
    st.sampled_from(["train", "validation", "test", "extra"]),
    st.integers(1, 100).map(lambda percent: percent / 100),
    min_size=1,
)
LABELLED = st.dictionaries(st.from_regex(r"[0-9]{5}-[0-9]{6}", fullmatch=True), st.integers(0, 4), max_size=80)


@given(LABELLED, SHARES)
def test_every_class_is_cut_to_its_shares_rounded_up_or_down(labels: dict[str, int], shares: dict[str, float]) -> None:
    splits = assign_splits(list(labels), list(labels.values()), shares)
    assert len(splits) == len(labels)
    got = Counter(zip(labels.values(), splits, strict=True))
    whole = sum(Fraction(str(share)) for share in shares.values())
    for label, total in Counter(labels.values()).items():
        for split, share in shares.items():
            assert abs(got[label, split] - total * Fraction(str(share)) / whole) < 1


@given(LABELLED, SHARES, st.randoms())
def test_the_order_of_the_images_does_not_matter(labels: dict[str, int], shares: dict[str, float], rng: object) -> None:
    pairs = list(labels.items())
    shuffled = pairs.copy()
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    one = dict(zip(labels, assign_splits(list(labels), list(labels.values()), shares), strict=True))
    other = assign_splits([i for i, _ in shuffled], [label for _, label in shuffled], shares)
    assert dict(zip((i for i, _ in shuffled), other, strict=True)) == one


def test_whole_shares_are_exact() -> None:
    assert split_counts([200, 30], {"train": 0.9, "test": 0.1}) == [
        {"train": 180, "test": 20},
        {"train": 27, "test": 3},
    ]


def test_the_largest_remainder_gets_the_place_left() -> None:
    assert split_counts([5], {"train": 0.7, "validation": 0.15, "test": 0.15}) == [
        {"train": 3, "validation": 1, "test": 1}
    ]


def test_many_small_classes_together_still_fill_the_test_split() -> None:
    counts = split_counts([4] * 100, {"train": 0.9, "test": 0.1})
    assert sum(count["test"] for count in counts) == 40


@given(st.lists(st.integers(0, 30), max_size=40), st.sampled_from([(0.9, 0.1), (0.8, 0.1, 0.1), (0.6, 0.3, 0.1)]))
def test_the_totals_of_all_classes_are_right_too(totals: list[int], shares: tuple[float, ...]) -> None:
    counts = split_counts(totals, {str(i): share for i, share in enumerate(shares)})
    for i, share in enumerate(shares):
        assert abs(sum(count[str(i)] for count in counts) - share * sum(totals)) < len(shares)
