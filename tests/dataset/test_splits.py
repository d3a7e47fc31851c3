"""Splits: everything in exactly one, the shares kept, whatever the order."""

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.api.dividing import check_dividing, empty_splits, split_sizes
from synthgen.api.preconditions import unusable
from synthgen.dataset.splits import assign_splits, split_counts
from synthgen.errors import SpecError, UsageError
from synthgen.spec import Output, parse_spec
from synthgen.spec.smaller import smaller
from tests.running.noise import SPEC

SHARES = st.dictionaries(
    st.sampled_from(["train", "validation", "test", "extra"]),
    st.integers(1, 100).map(lambda percent: percent / 100),
    min_size=1,
)
LABELLED = st.dictionaries(st.from_regex(r"[0-9]{5}-[0-9]{6}", fullmatch=True), st.integers(0, 4), max_size=80)


def strata(labels: Iterable[int]) -> list[tuple[int, ...]]:
    return [(label,) for label in labels]


@given(LABELLED, SHARES)
def test_every_class_is_cut_to_its_shares_rounded_up_or_down(labels: dict[str, int], shares: dict[str, float]) -> None:
    splits = assign_splits(list(labels), strata(labels.values()), shares)
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
    one = dict(zip(labels, assign_splits(list(labels), strata(labels.values()), shares), strict=True))
    other = assign_splits([i for i, _ in shuffled], strata(label for _, label in shuffled), shares)
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


@pytest.mark.parametrize(
    ("splits", "expected"),
    [
        ({"test": 200, "train": "rest"}, {"test": 200, "train": 797}),
        ({"train": 0.8, "val": 50, "test": "rest"}, {"train": 798, "val": 50, "test": 149}),
        ({"train": 797, "test": 200}, {"train": 797, "test": 200}),
        ({"train": 800, "test": 200}, {"train": 798, "test": 199}),  # three are missing: both get less by as much
        ({"test": 2000, "train": "rest"}, {"test": 997, "train": 0}),
        ({"all": 1}, {"all": 997}),
    ],
)
def test_splits_have_the_numbers_of_images_that_they_ask_for(splits: Any, expected: dict[str, int]) -> None:
    sizes = Output(splits=splits).splits
    totals = [100, 7, 333, 557]
    counts = split_counts(totals, sizes)
    assert {split: sum(count[split] for count in counts) for split in splits} == expected
    assert [sum(count.values()) for count in counts] == totals
    for total, count in zip(totals, counts, strict=True):  # and each class has its part of them
        assert all(abs(count[split] - total * expected[split] / 997) < 1.5 for split in splits)


CELLED = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 12)), max_size=60)


@given(CELLED, SHARES, st.randoms())
def test_no_group_straddles_a_split_whatever_the_order(
    made: list[tuple[int, int, int]], shares: dict[str, float], rng: Random
) -> None:
    ids, places = [f"{place:03d}" for place in range(len(made))], list(range(len(made)))
    rng.shuffle(places)
    assigned = assign_splits(ids, [one[:2] for one in made], shares, [one[2] for one in made])
    mixed = assign_splits(
        [ids[place] for place in places],
        [made[place][:2] for place in places],
        shares,
        [made[place][2] for place in places],
    )
    assert [mixed[places.index(place)] for place in range(len(made))] == assigned
    assert len({(one[2], split) for one, split in zip(made, assigned, strict=True)}) == len({one[2] for one in made})


def test_every_cell_is_cut_alike_and_small_groups_are_shared_out() -> None:
    strata = [(place % 2, place // 2 % 5) for place in range(1000)]
    groups = [place // 20 if place < 200 else place for place in range(1000)]  # ten groups of all cells
    assigned = assign_splits([f"{place:04d}" for place in range(1000)], strata, {"train": 0.8, "test": 0.2}, groups)
    assert Counter(assigned) == {"train": 800, "test": 200}
    assert set(Counter(zip(strata, assigned, strict=True)).values()) == {80, 20}
    assert {assigned[place] for place in range(0, 200, 20)} == {"train", "test"}


def test_an_image_more_moves_at_most_one_across_each_border() -> None:
    ids = [f"{place:04d}" for place in range(300)]
    before = assign_splits(ids[1:], strata([0] * 299), {"train": 0.8, "val": 0.1, "test": 0.1})
    after = assign_splits(ids, strata([0] * 300), {"train": 0.8, "val": 0.1, "test": 0.1})
    assert sum(one != other for one, other in zip(before, after[1:], strict=True)) <= 2


SIZED = ("classes={doctor: 20, chef: 20}",)


@pytest.mark.parametrize("splits", ["{train: rest, test: 0.01}", "{train: 0.98, dev: 0.01, test: 0.01}"])
def test_a_split_that_rounding_leaves_empty_is_refused_by_name(splits: str) -> None:
    spec = parse_spec(SPEC, overrides=[*SIZED, f"output.splits={splits}"])
    (found, hint), *_ = empty_splits(spec)
    assert found.path == ("output", "splits", "test")
    assert found.message == "the split would have no images: 40 images are too few for a share of 0.01"
    assert "at least 0.025" in hint
    assert (found, hint) in [*unusable(spec)], "`validate` says so"
    with pytest.raises(UsageError, match=r"^output\.splits\.test: the split would have no images"):
        check_dividing(spec)


@pytest.mark.parametrize(
    "splits", ["{train: 0.8, test: 0.2}", "{train: rest, test: 0.1}", "{a: 0.4, b: 0.3, c: 0.2, d: 0.1}"]
)
def test_a_smaller_spec_keeps_an_image_in_each_split_where_there_are_enough(splits: str) -> None:
    whole = parse_spec(SPEC, overrides=[*SIZED, f"output.splits={splits}"])
    for limit in range(2, 40):
        spec = smaller(whole, limit=limit)
        check_dividing(spec)
        counts = split_sizes(spec).values()
        if limit >= len(whole.output.splits):
            assert all(sum(each[split] for each in counts) for split in whole.output.splits), limit


@pytest.mark.parametrize(("size", "found"), [("39.5", "39.5"), ("few", "the text 'few'")])
def test_a_size_that_is_none_is_one_problem(size: str, found: str) -> None:
    with pytest.raises(SpecError) as refused:
        parse_spec(SPEC, overrides=[*SIZED, f"output.splits={{train: {size}, test: rest}}"])
    (problem,) = refused.value.problems
    said = "expected a share from 0 to 1, a number of images, or 'rest'"
    assert problem.message == f"output.splits.train: {said}, found {found}"
